extends Node
## The engine's WebSocketPeer as a client node, in the way of its `networking/websocket_chat` demo.

signal connected_to_server
signal message_received(message: Variant)

var _peer := WebSocketPeer.new()
var _was_open := false


func connect_to_url(url: String) -> Error:
	return _peer.connect_to_url(url)


func send(message: Variant) -> Error:
	if message is String:
		return _peer.send_text(message)
	return _peer.send(message)


func _process(_delta: float) -> void:
	_peer.poll()
	if not _was_open and _peer.get_ready_state() == WebSocketPeer.STATE_OPEN:
		_was_open = true
		connected_to_server.emit()
	while _peer.get_ready_state() == WebSocketPeer.STATE_OPEN and _peer.get_available_packet_count():
		var packet := _peer.get_packet()
		message_received.emit(packet.get_string_from_utf8() if _peer.was_string_packet() else packet)
