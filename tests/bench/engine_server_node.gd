extends Node
## The engine's WebSocketPeer as a server node, in the way of its `networking/websocket_chat` demo.

signal message_received(peer_id: int, message: Variant)

## Bytes that each peer buffers in each direction, if not the engine's default: messages must fit.
var buffer_size := 0

var _tcp_server := TCPServer.new()
var _peers: Dictionary[int, WebSocketPeer] = {}
var _last_id := 1


func listen(port: int) -> Error:
	return _tcp_server.listen(port)


func get_local_port() -> int:
	return _tcp_server.get_local_port()


func send(peer_id: int, message: Variant) -> Error:
	if peer_id != 0:
		return _send_to(_peers[peer_id], message)
	for peer: WebSocketPeer in _peers.values():
		_send_to(peer, message)
	return OK


func _send_to(peer: WebSocketPeer, message: Variant) -> Error:
	if message is String:
		return peer.send_text(message)
	return peer.send(message)


func _process(_delta: float) -> void:
	while _tcp_server.is_connection_available():
		_accept(_tcp_server.take_connection())
	var closed: Array[int] = []
	for id: int in _peers:
		var peer := _peers[id]
		peer.poll()
		while peer.get_ready_state() == WebSocketPeer.STATE_OPEN and peer.get_available_packet_count():
			var packet := peer.get_packet()
			message_received.emit(id, packet.get_string_from_utf8() if peer.was_string_packet() else packet)
		if peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
			closed.append(id)
	for id: int in closed:
		_peers.erase(id)


func _accept(stream: StreamPeerTCP) -> void:
	var peer := WebSocketPeer.new()
	if buffer_size:
		peer.inbound_buffer_size = buffer_size
		peer.outbound_buffer_size = buffer_size
	if peer.accept_stream(stream) == OK:
		_last_id += 1
		_peers[_last_id] = peer
