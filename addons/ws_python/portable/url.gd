## A ws:// or wss:// URL: its parts, what is wrong with it, and how it may be shown.
extends RefCounted

const HIDDEN := "…"
const LONGEST_SHOWN := 200
## RFC 1035 section 2.3.4.
const MAX_LABEL := 63
const MAX_NAME := 253
const MALFORMED := "host and port are malformed; an IPv6 address stands in brackets, a port is a number"
## RFC 3986: what stands in a path and a query as it is, and "%", which encodes.
const UNENCODED := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/?%"

## As the user wrote it.
var text := ""
## One line that says what is wrong with it; "" for nothing.
var problem := ""
var is_secure := false
var host := ""
var port := 0
## What is requested: path and query.
var target := "/"


func _init(written: String) -> void:
	text = written
	var wrong := _parse()
	if wrong:
		problem = ('"%s" is not a WebSocket URL: %s; write it like "ws://localhost:8080/path"' % [redacted(), wrong])


## Whether it is one of a Unix socket, which only the native nodes can reach.
func is_unix() -> bool:
	var scheme := text.get_slice(":", 0).to_lower()
	return text.contains(":") and scheme in ["unix", "ws+unix", "wss+unix"]


func _parse() -> String:
	for at: int in text.length():
		var code := text.unicode_at(at)
		if code <= 0x20 or code == 0x7f:
			return "it holds a space or a control character"
	if text.contains("#"):
		return 'fragment identifier is meaningless, and any other "#" is written "%23"'  # RFC 6455 section 3.
	var scheme := text.get_slice("://", 0).to_lower() if text.contains("://") else ""
	if scheme not in ["ws", "wss"]:
		return "scheme isn't ws or wss"
	is_secure = scheme == "wss"
	var rest := text.substr(scheme.length() + 3)
	var end := rest.length()
	for mark: String in ["/", "?"]:
		var at := rest.find(mark)
		if at >= 0:
			end = mini(end, at)
	var authority := rest.left(end)
	target = rest.substr(end)
	if not target.begins_with("/"):
		target = "/" + target
	return _parse_authority(authority.substr(authority.rfind("@") + 1))


func _parse_authority(authority: String) -> String:
	var name := authority
	var digits := ""
	var bracket := authority.rfind("]")
	var colon := authority.rfind(":")
	if colon > bracket:
		name = authority.left(colon)
		digits = authority.substr(colon + 1)
	var wrong := _parse_port(digits)
	if wrong or not name:
		return wrong if wrong else "hostname isn't provided"
	if name.begins_with("["):
		host = name.substr(1, name.length() - 2)
		return "" if host.is_valid_ip_address() else "what stands in brackets is no IPv6 address"
	if name.contains(":") or name.contains("["):
		return MALFORMED
	host = name.to_lower()
	for label: String in host.trim_suffix(".").split("."):
		if not label or label.length() > MAX_LABEL:
			return "a part of the host name is empty, or too long"
	return "the host name is too long" if host.length() > MAX_NAME + 1 else ""


func _parse_port(digits: String) -> String:
	port = 443 if is_secure else 80
	if not digits:
		return ""
	if not digits.is_valid_int() or digits.length() > 5 or not digits[0].is_valid_int():
		return MALFORMED
	port = digits.to_int()
	return "the port is no number from 1 to 65535" if port < 1 or port > 65535 else ""


## Without its secrets, on one line of at most 200 characters: user information, the values of the query and a fragment
## become "…", whatever they are called.
func redacted() -> String:
	var shown := text.get_slice("#", 0)
	var fragment := "#" + HIDDEN if text.contains("#") and not text.ends_with("#") else ""
	var begin := shown.find("//")
	var path := shown.get_slice("?", 0)
	if begin >= 0:
		var authority := path.substr(begin + 2).get_slice("/", 0)
		if path.substr(begin + 2).contains("@"):
			if not authority.contains("@"):
				return path.left(begin + 2) + HIDDEN
			path = path.left(begin + 2) + HIDDEN + path.substr(begin + 2 + authority.rfind("@"))
	var query := ""
	if shown.contains("?"):
		var pairs := PackedStringArray()
		for pair: String in shown.substr(shown.find("?") + 1).split("&"):
			var name := pair.get_slice("=", 0)
			pairs.append("%s=%s" % [name, HIDDEN] if pair.contains("=") and not pair.ends_with("=") else pair)
			if pair and not pair.contains("="):
				pairs[-1] = HIDDEN
		query = "?" + "&".join(pairs)
	var line := (path + query + fragment).replace("\n", " ").replace("\r", " ")
	return line if line.length() <= LONGEST_SHOWN else line.left(LONGEST_SHOWN - 1) + HIDDEN


## As the engine takes it: what RFC 3986 does not let stand in a URL is percent-encoded, without user information.
func as_ascii() -> String:
	var name := "[%s]" % host if host.contains(":") else host
	return "%s://%s:%d%s" % ["wss" if is_secure else "ws", name, port, encoded_target()]


func encoded_target() -> String:
	var encoded := ""
	for byte: int in target.to_utf8_buffer():
		encoded += char(byte) if byte < 0x80 and UNENCODED.contains(char(byte)) else "%%%02X" % byte
	return encoded


func host_header() -> String:
	var name := "[%s]" % host if host.contains(":") else host
	return name if port == (443 if is_secure else 80) else "%s:%d" % [name, port]


## The header for the user information in the URL (RFC 7617), if it has some.
func authorization() -> PackedStringArray:
	var authority := text.substr(text.find("://") + 3).get_slice("/", 0).get_slice("?", 0)
	if not authority.contains("@"):
		return []
	var pair := authority.left(authority.rfind("@")).uri_decode()
	return ["Authorization: Basic " + Marshalls.utf8_to_base64(pair)]
