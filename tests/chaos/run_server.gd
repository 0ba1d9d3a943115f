## The server of a seeded run: sends numbered messages to each peer, and keeps the history of what it sees of them.
extends "res://tests/chaos/run_game.gd"

var _server: WebSocketServer
var _streams := {}


func _begin() -> void:
	if _server == null:
		_add_server()
		_server.listen(0)
	tell("listening", "", {"port": _server.get_local_port()})
	# Those that were there before this history began.
	_streams.clear()
	for id: int in _server.get_peer_ids():
		_on_client_connected(id)


func _add_server() -> void:
	_server = WebSocketServer.new()
	_set_properties(_server)
	_server.bind_address = "127.0.0.1"
	_server.client_connected.connect(_on_client_connected)
	_server.client_disconnected.connect(_on_client_disconnected)
	_server.message_received.connect(_on_message_received)
	_server.handle(METHOD, func(id: int, data: String) -> int: return await _answer(_name_of(id), data))
	for event: String in ["interrupted", "resumed"]:
		if _server.has_signal("client_" + event):
			_server.connect("client_" + event, func(id: int) -> void: tell(event, _name_of(id)))
	root.add_child(_server)


func _end() -> void:
	_tell_statistics()
	if not _plan.get("goes_on", false):
		_server.stop()
		_server.queue_free()
		_server = null
		_streams.clear()


func _tell_statistics() -> void:
	if _server != null:
		tell("statistics", "", {"node": "s%d" % _plan["game"], "statistics": _server.get_statistics()})


func _name_of(id: int) -> String:
	return "s%d.%d" % [_plan["game"], id]


func _open_streams() -> Array[Stream]:
	var streams: Array[Stream] = []
	streams.assign(_streams.values())
	return streams


func _send(stream: Stream, message: Variant) -> Error:
	return _server.send(int(stream.name.get_slice(".", 1)), message)


func _start_request(stream: Stream, message: String) -> WebSocketReply:
	return _server.start_request(int(stream.name.get_slice(".", 1)), METHOD, message, REQUEST_TIMEOUT)


func _on_client_connected(id: int) -> void:
	_streams[id] = Stream.new(_name_of(id), hash([_plan["seed"], _streams.size()]))
	tell("connected", _name_of(id))


func _on_client_disconnected(id: int) -> void:
	var peer := _server.get_peer(id)
	_streams.erase(id)
	tell("closed", _name_of(id), {"code": peer.get_close_code(), "reason": peer.get_close_reason()})


func _on_message_received(id: int, message: Variant) -> void:
	_tell_received(_name_of(id), message)


func _asked(stream: String, head: String) -> void:
	var id := int(stream.get_slice(".", 1))
	if id in _streams:
		_send_next(_streams[id], "=" + head.get_slice("#", 1).trim_suffix("?"))
