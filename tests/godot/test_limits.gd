## The limits of connections, rates and messages: who goes beyond them is refused, slowed down or closed, nobody else.
extends "res://tests/godot/suite.gd"


func _opened(client: WebSocketClient) -> bool:
	return client.status == WebSocketClient.STATUS_ACTIVE


func _texts(log: Array[Array]) -> int:
	return named(log, "message_received").size()


func test_a_full_server_answers_503() -> void:
	var server := start_server()
	server.max_connections = 1
	await open_client(server)
	var log := record(server)
	var client := start_client(server)
	var client_log := record(client)
	await until(func() -> bool: return named(client_log, "connection_failed").size() == 1, "refused")
	check(str(named(client_log, "connection_failed")[0]).contains("HTTP 503"), "503")
	await until(func() -> bool: return named(log, "handshake_failed").size() == 1, "told")
	check(str(named(log, "handshake_failed")[0]).contains("max_connections"), "by name")
	check_equal(server.get_peer_count(), 1)


func test_a_limit_that_is_raised_untyped_lets_more_in() -> void:
	var server := start_server()
	server.max_connections = 1
	await open_client(server)
	var untyped: Variant = server
	untyped.max_connections = 2
	await open_client(server)
	check_equal(server.get_peer_count(), 2)


func test_who_is_on_this_machine_is_not_counted_by_address() -> void:
	var server := start_server()
	server.max_connections_per_address = 1
	for _i: int in 3:
		await open_client(server)
	check_equal(server.get_peer_count(), 3)


func test_a_silent_stranger_keeps_nobody_out() -> void:
	var server := start_server()
	server.max_pending_handshakes = 1
	server.handshake_timeout = 300
	var stranger := StreamPeerTCP.new()
	stranger.connect_to_host("127.0.0.1", server.get_local_port())
	var connected := func() -> bool:
		stranger.poll()
		return stranger.get_status() == StreamPeerTCP.STATUS_CONNECTED
	await until(connected, "the stranger")
	await frames(5)
	await open_client(server)
	var answered := func() -> bool:
		stranger.poll()
		return stranger.get_available_bytes() > 0 or stranger.get_status() != StreamPeerTCP.STATUS_CONNECTED
	await until(answered, "the stranger is given up")
	stranger.disconnect_from_host()


func test_messages_per_second() -> void:
	var server := start_server()
	server.max_messages_per_second = 50
	server.rate_burst = 0.2
	server.rate_timeout = 60
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	var begin := Time.get_ticks_msec()
	for i: int in 100:
		client.send(str(i))
	await until(func() -> bool: return _texts(log) == 100, "all of them", 20_000)
	check(Time.get_ticks_msec() - begin > 200, "they took their time")
	for i: int in 100:
		check_equal(named(log, "message_received")[i][1], str(i))
	check_equal(client.status, WebSocketClient.STATUS_ACTIVE as int)


func test_far_more_messages_per_second() -> void:
	var server := start_server()
	server.max_messages_per_second = 5
	server.rate_timeout = 1
	var flooding: WebSocketClient = await open_client(server)
	var client: WebSocketClient = await open_client(server)
	for _i: int in 1000:
		flooding.send("x")
	await until(func() -> bool: return flooding.status == WebSocketClient.STATUS_IDLE, "closed")
	check_equal(flooding.get_close_code(), 1008)
	check_equal(client.status, WebSocketClient.STATUS_ACTIVE as int)


func test_bytes_per_second() -> void:
	var server := start_server()
	server.set("max_bytes_per_second", 1000)
	server.set("rate_timeout", 0.5)
	var client: WebSocketClient = await open_client(server)
	var message := PackedByteArray()
	message.resize(100_000)
	client.send(message)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "closed")
	check_equal(client.get_close_code(), 1008)


func test_control_frames_per_second() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	for _i: int in 30_000:
		client.ping()
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "closed", 30_000)
	check_equal(client.get_close_code(), 1008)
	check_equal(named(log, "client_disconnected").size(), 1)


func test_fragments() -> void:
	var server := start_server()
	server.max_fragments = 3
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	for final: bool in [false, false, true]:
		client.send_fragment("a", final)
	await until(func() -> bool: return _texts(log) == 1, "three are allowed")
	for _i: int in 4:
		client.send_fragment("a", false)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "closed")
	check_equal(client.get_close_code(), 1008)


func test_the_ratio_of_what_is_unpacked() -> void:
	var server := start_server()
	server.max_message_size = 1 << 24
	server.max_compression_ratio = 100
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	client.send("0".repeat(1 << 20))
	await until(func() -> bool: return _texts(log) == 1, "1 MiB of zeros is no bomb")
	client.send("0".repeat(1 << 22))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "closed")
	check_equal(client.get_close_code(), 1008)


func test_a_client_limits_its_server() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	add_child(client)
	client.max_messages_per_second = 20
	client.rate_burst = 0.5
	client.rate_timeout = 60
	client.connect_to_url(url_of(server))
	await until(_opened.bind(client), "open")
	var log := record(client)
	for i: int in 30:
		server.send(0, str(i))
	await until(func() -> bool: return _texts(log) == 30, "all of them", 20_000)
