## Closing: codes and reasons reach the other side, and each side tells its game once.
extends "res://tests/godot/suite.gd"


## The close code and reason that the server's game sees of the peer within client_disconnected.
func _watch_server(server: WebSocketServer) -> Array:
	var seen: Array = []
	server.client_disconnected.connect(
		func(peer_id: int) -> void:
			var peer := server.get_peer(peer_id)
			seen.append_array([peer.get_close_code(), peer.get_close_reason()])
	)
	return seen


func _check_client_closes(code: int, reason: String) -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var at_server := _watch_server(server)
	var at_client := record(client)
	check_equal(client.close(code, reason), OK)
	check_equal(client.status, WebSocketClient.STATUS_CLOSING as int)
	check_equal(client.get_ready_state(), WebSocketClient.STATE_CLOSING as int)
	await until(func() -> bool: return at_server.size() == 2 and at_client.has(["connection_closed"]))
	check_equal(at_server, [code, reason])
	check_equal([client.get_close_code(), client.get_close_reason()], [code, reason])
	check_equal(client.status, WebSocketClient.STATUS_IDLE as int)
	check_equal(client.get_ready_state(), WebSocketClient.STATE_CLOSED as int)
	check_equal(server.get_peer_count(), 0)
	check_equal(named(at_client, "connection_closed").size(), 1)


func _check_peer_closes(code: int, reason: String) -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var at_server := _watch_server(server)
	var at_client := record(client)
	var peer := last_peer(server)
	check_equal(peer.close(code, reason), OK)
	check_equal(peer.get_ready_state(), WebSocketPeerNode.STATE_CLOSING as int)
	await until(func() -> bool: return at_server.size() == 2 and at_client.has(["connection_closed"]))
	check_equal(at_server, [code, reason])
	check_equal([client.get_close_code(), client.get_close_reason()], [code, reason])


func test_the_client_closes_normally() -> void:
	await _check_client_closes(1000, "")


func test_the_client_goes_away() -> void:
	await _check_client_closes(1001, "the app is closed")


func test_the_client_closes_with_its_own_code() -> void:
	await _check_client_closes(4000, "fertig: ✓")


func test_the_longest_reason() -> void:
	await _check_client_closes(4999, "ж".repeat(61) + ".")


func test_a_peer_closes_normally() -> void:
	await _check_peer_closes(1000, "bye")


func test_a_peer_closes_with_its_own_code() -> void:
	await _check_peer_closes(4000, "kicked: é")


func test_disconnect_peer() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	check_equal(server.disconnect_peer(server.get_peer_ids()[0], 4001, "idle"), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal([client.get_close_code(), client.get_close_reason()], [4001, "idle"])


func test_stop_goes_away() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	server.stop()
	check_equal(named(log, "client_disconnected").size(), 1, "before stop() returns")
	check_equal(server.get_peer_count(), 0)
	check_equal(server.get_local_port(), 0)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.get_close_code(), 1001)


func test_a_close_frame_without_a_code_is_1005() -> void:
	var server := start_server()
	var at_server := _watch_server(server)
	var raw: StreamPeerTCP = await _shake_hands_by_hand(server)
	raw.put_data(PackedByteArray([0x88, 0x80, 0, 0, 0, 0]))
	await until(func() -> bool: return at_server.size() == 2)
	check_equal(at_server, [1005, ""])
	raw.disconnect_from_host()


func test_a_broken_connection_is_1006() -> void:
	var server := start_server()
	var at_server := _watch_server(server)
	var raw: StreamPeerTCP = await _shake_hands_by_hand(server)
	raw.disconnect_from_host()
	await until(func() -> bool: return at_server.size() == 2)
	check_equal(at_server, [1006, ""])


func test_broken_protocol_is_1002() -> void:
	var server := start_server()
	var at_server := _watch_server(server)
	var raw: StreamPeerTCP = await _shake_hands_by_hand(server)
	# RFC 6455 section 5.1: what a client sends is masked. This is not.
	raw.put_data(PackedByteArray([0x81, 0x01, 0x41]))
	await until(func() -> bool: return at_server.size() == 2)
	check_equal(at_server[0], 1002)
	check(at_server[1] != "", "a reason")
	raw.disconnect_from_host()


func test_too_long_a_message_is_1009() -> void:
	var server := start_server()
	server.max_message_size = 1000
	var client: WebSocketClient = await open_client(server)
	client.send("x".repeat(1001))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.get_close_code(), 1009)


func test_codes_that_cannot_be_sent() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	for code: int in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]:
		expect_error("^ERROR: close: code %d cannot be sent; use 1000" % code)
		check_equal(client.close(code), ERR_INVALID_PARAMETER)
	expect_error("^ERROR: close: the reason has 124 bytes")
	check_equal(client.close(1000, "x".repeat(124)), ERR_INVALID_PARAMETER)
	check_equal(client.get_ready_state(), WebSocketClient.STATE_OPEN as int, "still")


func test_closing_twice_is_closing_once() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	check_equal(client.close(4000), OK)
	check_equal(client.close(4001), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.close(), OK)
	await frames(3)
	check_equal(client.get_close_code(), 4000)
	check_equal(named(log, "connection_closed").size(), 1)


func test_both_sides_close_at_once() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var at_server := _watch_server(server)
	last_peer(server).close(4001, "server")
	client.close(4002, "client")
	await until(func() -> bool: return at_server.size() == 2 and client.status == WebSocketClient.STATUS_IDLE)
	check_equal(at_server, [4002, "client"])
	check_equal([client.get_close_code(), client.get_close_reason()], [4001, "server"])


func test_a_client_that_does_not_answer_a_close_is_dropped_in_time() -> void:
	var server := start_server()
	server.close_timeout = 0.2
	var at_server := _watch_server(server)
	var raw: StreamPeerTCP = await _shake_hands_by_hand(server)
	last_peer(server).close()
	await until(func() -> bool: return at_server.size() == 2)
	check_equal(at_server, [1006, ""])
	raw.disconnect_from_host()


func _shake_hands_by_hand(server: WebSocketServer) -> StreamPeerTCP:
	var raw := StreamPeerTCP.new()
	raw.connect_to_host("127.0.0.1", server.get_local_port())
	await until(
		func() -> bool:
			raw.poll()
			return raw.get_status() == StreamPeerTCP.STATUS_CONNECTED
	)
	var request := (
		"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		+ "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	)
	raw.put_data(request.to_ascii_buffer())
	await until(func() -> bool: return server.get_peer_count() == 1)
	return raw
