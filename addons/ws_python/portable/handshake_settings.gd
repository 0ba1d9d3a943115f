## What a user adds to opening handshakes: headers and subprotocols, checked.
extends RefCounted

const Head := preload("res://addons/ws_python/portable/http_head.gd")
const Quoting := preload("res://addons/ws_python/portable/quoting.gd")

# The handshake itself writes these.
const _RESERVED: PackedStringArray = ["upgrade", "connection", "content-length", "transfer-encoding"]
const _SHOWN := 60


## What is wrong with "Name: value" lines; "" for nothing. It repeats no value: some are secrets.
static func headers_problem(lines: PackedStringArray) -> String:
	for i: int in lines.size():
		var colon := lines[i].find(":")
		var field := lines[i].left(maxi(colon, 0)).strip_edges()
		var is_name := colon >= 0 and Head.is_token(field)
		if not is_name or not Head.is_value(lines[i].substr(colon + 1).lstrip(" \t").rstrip(" \t")):
			# What is no name may be a part of a value.
			var shown := ", %s," % Quoting.one_line(field, _SHOWN) if is_name else ""
			return 'line %d of the headers%s is not a header; write it like "Name: value"' % [i + 1, shown]
		if field.to_lower() in _RESERVED or field.to_lower().begins_with("sec-websocket-"):
			return "the header %s belongs to the opening handshake; leave it out of handshake_headers" % field
	return ""


## What is wrong with the names of subprotocols; "" for nothing. It repeats no name: some games pass a token as one.
static func protocols_problem(names: PackedStringArray) -> String:
	for i: int in names.size():
		# RFC 6455 section 4.1: tokens, and all unique.
		if not Head.is_token(names[i]):
			return (
				"number %d of supported_protocols is not a subprotocol name; use letters, digits and -._~ only"
				% (i + 1)
			)
		if names.find(names[i]) < i:
			return (
				"number %d of supported_protocols is a subprotocol that is there twice; leave out one of them" % (i + 1)
			)
	return ""


## Header lines as they are sent.
static func written(lines: PackedStringArray) -> PackedStringArray:
	var made := PackedStringArray()
	for line: String in lines:
		var colon := line.find(":")
		made.append("%s: %s" % [line.left(colon).strip_edges(), line.substr(colon + 1).strip_edges()])
	return made
