## What a server says in opening handshakes: its subprotocols and headers, by the settings of the moment.
extends RefCounted

const Followed := preload("res://addons/ws_python/portable/followed.gd")
const HandshakeSettings := preload("res://addons/ws_python/portable/handshake_settings.gd")

# Between the two in one list; neither may hold it.
const _BETWEEN := "\n"

var _followed: Followed


func _init(node: Node) -> void:
	var read := func() -> PackedStringArray:
		return node.supported_protocols + PackedStringArray([_BETWEEN]) + node.handshake_headers
	_followed = Followed.new(read, _parse)


## The server is about to listen: what is wrong; "" for nothing.
func begin() -> String:
	return _followed.begin()


func protocols() -> PackedStringArray:
	return _followed.current()[0]


func headers() -> PackedStringArray:
	return _followed.current()[1]


static func _parse(source: PackedStringArray) -> Array:
	var between := source.find(_BETWEEN)
	var names := source.slice(0, between)
	var lines := source.slice(between + 1)
	var problem := HandshakeSettings.protocols_problem(names)
	if not problem:
		problem = HandshakeSettings.headers_problem(lines)
	return [[names, HandshakeSettings.written(lines)] if not problem else null, problem]
