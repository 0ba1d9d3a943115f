## Interoperability with the engine's own WebSocketPeer: as the client of our server, and as the server of our client.
extends "res://tests/godot/suite.gd"

const PATH := "/room?name=1"

var _theirs := WebSocketPeer.new()
var _listener := TCPServer.new()
var _received: Array = []


func _ready() -> void:
	_theirs.inbound_buffer_size = 1 << 22
	_theirs.outbound_buffer_size = 1 << 22


## Polls their end, and keeps what it received.
func _poll_theirs() -> WebSocketPeer.State:
	_theirs.poll()
	while _theirs.get_available_packet_count() > 0:
		var packet := _theirs.get_packet()
		_received.append(packet.get_string_from_utf8() if _theirs.was_string_packet() else packet)
	return _theirs.get_ready_state()


func _open_theirs_as_client(server: WebSocketServer) -> void:
	check_equal(_theirs.connect_to_url(url_of(server, PATH)), OK)
	await until(
		func() -> bool: return _poll_theirs() == WebSocketPeer.STATE_OPEN and server.get_peer_count() == 1, "open"
	)


func _open_theirs_as_server(client: WebSocketClient) -> void:
	check_equal(_listener.listen(0, "127.0.0.1"), OK)
	add_child(client)
	check_equal(client.connect_to_url("ws://127.0.0.1:%d%s" % [_listener.get_local_port(), PATH]), OK)
	await until(func() -> bool: return _listener.is_connection_available())
	check_equal(_theirs.accept_stream(_listener.take_connection()), OK)
	await until(
		func() -> bool:
			return _poll_theirs() == WebSocketPeer.STATE_OPEN and client.status == WebSocketClient.STATUS_ACTIVE
	)


func _messages() -> Array:
	var big := PackedByteArray()
	big.resize(1 << 20)
	big.fill(0xA5)
	var many: Array = range(100).map(func(i: int) -> String: return "number %d" % i)
	return ["hello", "", PackedByteArray(), PackedByteArray([0, 255]), "Grüße, 世界 𝄞", big, "ж".repeat(1 << 19)] + many


func _send_from_theirs(messages: Array) -> void:
	for message: Variant in messages:
		if message is String:
			check_equal(_theirs.send_text(message as String), OK)
		else:
			check_equal(_theirs.send(message as PackedByteArray), OK)
		_poll_theirs()
		await frames(1)


func test_their_client_our_server() -> void:
	var server := start_server()
	server.message_received.connect(func(id: int, message: Variant) -> void: check_equal(server.send(id, message), OK))
	await _open_theirs_as_client(server)
	check_equal(last_peer(server).get_request_path(), PATH)
	var messages := _messages()
	await _send_from_theirs(messages)
	await until(
		func() -> bool:
			_poll_theirs()
			return _received.size() == messages.size()
	)
	for i: int in messages.size():
		check_equal(_received[i], messages[i], "message %d" % i)


func test_their_server_our_client() -> void:
	var client := WebSocketClient.new()
	client.message_received.connect(func(message: Variant) -> void: check_equal(client.send(message), OK))
	await _open_theirs_as_server(client)
	check_equal(_theirs.get_requested_url().ends_with(PATH), true)
	var messages := _messages()
	await _send_from_theirs(messages)
	await until(
		func() -> bool:
			_poll_theirs()
			return _received.size() == messages.size()
	)
	for i: int in messages.size():
		check_equal(_received[i], messages[i], "message %d" % i)


func test_their_client_closes() -> void:
	var server := start_server()
	var seen: Array = []
	server.client_disconnected.connect(
		func(id: int) -> void:
			seen.append_array([server.get_peer(id).get_close_code(), server.get_peer(id).get_close_reason()])
	)
	await _open_theirs_as_client(server)
	_theirs.close(4321, "fertig: ✓")
	await until(func() -> bool: return _poll_theirs() == WebSocketPeer.STATE_CLOSED and seen.size() == 2)
	check_equal(seen, [4321, "fertig: ✓"])
	check_equal(_theirs.get_close_code(), 4321)


func test_our_server_closes_their_client() -> void:
	var server := start_server()
	await _open_theirs_as_client(server)
	last_peer(server).close(4001, "kicked")
	await until(func() -> bool: return _poll_theirs() == WebSocketPeer.STATE_CLOSED and server.get_peer_count() == 0)
	check_equal(_theirs.get_close_code(), 4001)
	check_equal(_theirs.get_close_reason(), "kicked")


func test_their_server_closes() -> void:
	var client := WebSocketClient.new()
	await _open_theirs_as_server(client)
	_theirs.close(4321, "fertig: ✓")
	await until(
		func() -> bool:
			return _poll_theirs() == WebSocketPeer.STATE_CLOSED and client.status == WebSocketClient.STATUS_IDLE
	)
	check_equal([client.get_close_code(), client.get_close_reason()], [4321, "fertig: ✓"])


func test_our_client_closes_their_server() -> void:
	var client := WebSocketClient.new()
	await _open_theirs_as_server(client)
	client.close(4002, "bye")
	await until(
		func() -> bool:
			return _poll_theirs() == WebSocketPeer.STATE_CLOSED and client.status == WebSocketClient.STATUS_IDLE
	)
	check_equal([_theirs.get_close_code(), _theirs.get_close_reason()], [4002, "bye"])


func test_subprotocols_and_headers() -> void:
	var server := WebSocketServer.new()
	server.supported_protocols = ["v2.chat", "v1.chat"]
	add_child(server)
	check_equal(server.listen(0), OK)
	_theirs.supported_protocols = ["v1.chat"]
	_theirs.handshake_headers = ["X-Token: abc"]
	await _open_theirs_as_client(server)
	check_equal(_theirs.get_selected_protocol(), "v1.chat")
	check_equal(last_peer(server).get_selected_protocol(), "v1.chat")
	check_equal(last_peer(server).get_handshake_header("X-Token"), "abc")


func test_their_heartbeat() -> void:
	var server := start_server()
	_theirs.heartbeat_interval = 0.05
	await _open_theirs_as_client(server)
	var until_msec := Time.get_ticks_msec() + 300
	while Time.get_ticks_msec() < until_msec:
		check_equal(_poll_theirs(), WebSocketPeer.STATE_OPEN, "its pings are answered")
		await frames(1)


func test_a_session_is_not_offered_to_their_server_again() -> void:
	var client := WebSocketClient.new()
	client.session = true
	add_child(client)
	check_equal(_listener.listen(0, "127.0.0.1"), OK)
	check_equal(client.connect_to_url("ws://127.0.0.1:%d" % _listener.get_local_port()), OK)
	var log := record(client)
	await until(func() -> bool: return _accept_theirs() and client.status == WebSocketClient.STATUS_ACTIVE)
	check_equal(named(log, "connection_failed"), [], "failures")
	check_equal(client.send("hello"), OK)
	await until(func() -> bool: return _poll_theirs() == WebSocketPeer.STATE_OPEN and _received == ["hello"])
	client.close()


## Takes whoever connects; a peer of theirs that has failed cannot be used again. Whether it is open.
func _accept_theirs() -> bool:
	if _listener.is_connection_available():
		_theirs = WebSocketPeer.new()
		_theirs.accept_stream(_listener.take_connection())
	return _poll_theirs() == WebSocketPeer.STATE_OPEN
