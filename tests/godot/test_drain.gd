## Draining: what a game sees of a server that sends everybody away before it restarts, typed and untyped.
extends "res://tests/godot/suite.gd"


func test_everybody_is_sent_away_and_then_it_is_told() -> void:
	var server := start_server()
	var plain := await open_client(server)
	var other := await open_client(server)
	var log := record(server)
	var untyped: Variant = server
	check_equal(untyped.drain(60.0), OK)
	check_equal(server.drain(0.1), OK)
	check_equal(log, [] as Array[Array], "nothing is told at once")
	await until(func() -> bool: return named(log, "drain_finished").size() == 1)
	check_equal(log.map(func(entry: Array) -> String: return entry[0]).slice(-1), ["drain_finished"])
	check_equal(named(log, "client_disconnected").size(), 2)
	await until(func() -> bool: return plain.status + other.status == WebSocketClient.STATUS_IDLE)
	check_equal(plain.get_close_code(), 1012)
	check_equal(server.get_peer_count(), 0)


func test_nobody_new_comes_in_until_the_next_listen() -> void:
	var server := start_server()
	server.drain(60.0)
	var late := start_client(server)
	var reason: String = await late.connection_failed
	check(reason.contains("503"), reason)
	var port := server.get_local_port()
	server.stop()
	check_equal(server.listen(port), OK)
	await open_client(server)


func test_a_session_is_sent_elsewhere() -> void:
	var server := start_session_server()
	var other := start_session_server()
	var client := WebSocketClient.new()
	client.session = true
	client.reconnect_delay = 60.0
	add_child(client)
	client.connect_to_url(url_of(server))
	await client.connected_to_server
	client.send("ready")
	await server.message_received
	check_equal(server.drain(0.0, url_of(other, "/there")), OK)
	await client.connected_to_server
	check_equal(client.get_request_path(), "/there")
	check_equal(other.get_peer_count(), 1)
	check_equal(client.get_statistics()["counts"]["moves_followed"], 1)


func test_servers_that_are_freed_and_stopped_while_they_drain() -> void:
	for end: Callable in [
		func(server: WebSocketServer) -> void: server.free(),
		func(server: WebSocketServer) -> void: server.stop(),
		func(server: WebSocketServer) -> void: server.queue_free()
	]:
		var server := start_server()
		var client := await open_client(server)
		server.drain(60.0)
		end.call(server)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
		check_equal(client.get_close_code(), 1001)


func test_freed_in_its_own_handler() -> void:
	var server := start_server()
	var client := await open_client(server)
	server.drain_finished.connect(func() -> void: server.queue_free())
	server.drain(0.0)
	var id := server.get_instance_id()
	await until(func() -> bool: return not is_instance_id_valid(id))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
