## A main thread that does something else for longer than any timeout: that is no silence of the other side.
extends "res://tests/godot/suite.gd"

const TIMEOUT := 0.3
const BLOCKED_MSEC := 900
const REQUEST: PackedStringArray = [
	"GET / HTTP/1.1",
	"Host: localhost",
	"Upgrade: websocket",
	"Connection: Upgrade",
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	"Sec-WebSocket-Version: 13",
	"\r\n",
]


func _impatient_client(server: WebSocketServer) -> WebSocketClient:
	var client := WebSocketClient.new()
	client.connect_timeout = TIMEOUT
	client.close_timeout = TIMEOUT
	add_child(client)
	check_equal(client.connect_to_url(url_of(server)), OK)
	return client


func test_right_after_connect_to_url() -> void:
	var server := start_server()
	var log := record(_impatient_client(server))
	OS.delay_msec(BLOCKED_MSEC)
	await until(func() -> bool: return not named(log, "connected_to_server").is_empty())
	check_equal(named(log, "connection_failed"), [] as Array[Array])


func test_at_any_frame_of_connecting() -> void:
	var server := start_server()
	for count: int in [1, 2, 3]:
		var log := record(_impatient_client(server))
		await frames(count)
		OS.delay_msec(BLOCKED_MSEC)
		await until(
			func() -> bool: return not named(log, "connected_to_server").is_empty() or log.size() > 2, str(count)
		)
		check_equal(named(log, "connection_failed"), [] as Array[Array], str(count))


func test_by_name() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	client.connect_timeout = TIMEOUT
	add_child(client)
	var log := record(client)
	check_equal(client.connect_to_url("ws://localhost:%d/" % server.get_local_port()), OK)
	OS.delay_msec(BLOCKED_MSEC)
	await until(func() -> bool: return not named(log, "connected_to_server").is_empty())
	check_equal(named(log, "connection_failed"), [] as Array[Array])


func test_after_close() -> void:
	var server := start_server()
	var client := _impatient_client(server)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	await until(func() -> bool: return server.get_peer_count() == 1)
	var codes: Array = []
	client.connection_closed.connect(func() -> void: codes.append(client.get_close_code()))
	client.close(4000, "bye")
	await frames(1)
	OS.delay_msec(BLOCKED_MSEC)
	await until(func() -> bool: return codes.size() == 1)
	check_equal(codes, [4000] as Array)


func test_in_the_middle_of_a_handshake() -> void:
	var server := start_server()
	server.handshake_timeout = TIMEOUT
	var log := record(server)
	var connection := StreamPeerTCP.new()
	check_equal(connection.connect_to_host("127.0.0.1", server.get_local_port()), OK)
	await until(
		func() -> bool:
			connection.poll()
			return connection.get_status() == StreamPeerTCP.STATUS_CONNECTED
	)
	var request := "\r\n".join(REQUEST).to_ascii_buffer()
	connection.put_data(request.slice(0, 30))
	await frames(3)
	OS.delay_msec(BLOCKED_MSEC)
	connection.put_data(request.slice(30))
	await until(func() -> bool: return server.get_peer_count() == 1)
	check_equal(named(log, "handshake_failed"), [] as Array[Array])
	connection.disconnect_from_host()


func test_who_is_really_silent_is_given_up_all_the_same() -> void:
	var listening := TCPServer.new()
	check_equal(listening.listen(0, "127.0.0.1"), OK)
	var client := WebSocketClient.new()
	client.connect_timeout = TIMEOUT
	add_child(client)
	var log := record(client)
	check_equal(client.connect_to_url("ws://127.0.0.1:%d/" % listening.get_local_port()), OK)
	OS.delay_msec(BLOCKED_MSEC)
	await until(func() -> bool: return not named(log, "connection_failed").is_empty())
	listening.stop()


func test_a_heartbeat_does_not_count_it() -> void:
	var server := start_server()
	server.heartbeat_interval = TIMEOUT
	server.heartbeat_timeout = TIMEOUT
	var client := WebSocketClient.new()
	client.heartbeat_interval = TIMEOUT
	client.heartbeat_timeout = TIMEOUT
	add_child(client)
	client.connect_to_url(url_of(server))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	await until(func() -> bool: return server.get_peer_count() == 1)
	var log := record(client)
	for _i: int in 3:
		OS.delay_msec(BLOCKED_MSEC)
		await frames(2)
	check_equal(log, [] as Array[Array])
	check_equal(server.get_peer_count(), 1)


func test_it_does_not_bring_a_reconnection_down() -> void:
	var server := start_server()
	var client := _impatient_client(server)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	await until(func() -> bool: return server.get_peer_count() == 1)
	client.auto_reconnect = true
	client.reconnect_delay = 0.01
	var log := record(client)
	last_peer(server).close(4000)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_RECONNECTING)
	await frames(2)
	OS.delay_msec(BLOCKED_MSEC)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	check_equal(named(log, "connection_failed"), [] as Array[Array])
	check_equal(named(log, "reconnecting").size(), 1)
