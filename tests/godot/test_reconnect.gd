## A client that comes back by itself: what a game sees of it, and what makes it stay away. Typed and untyped.
extends "res://tests/godot/suite.gd"


## A client that tries again after next to no time.
func _eager_client() -> WebSocketClient:
	var client := WebSocketClient.new()
	client.auto_reconnect = true
	client.reconnect_delay = 0.01
	client.reconnect_delay_max = 0.05
	add_child(client)
	return client


## The only connection of a server that has one.
func _peer(server: WebSocketServer) -> WebSocketPeerNode:
	await until(func() -> bool: return server.get_peer_count() == 1)
	return last_peer(server)


## A plain HTTP server that answers each request with a status and headers, and counts them.
class Refusing:
	extends Node

	var answer := ""
	var requests := 0
	var _listening := TCPServer.new()
	var _accepted: Array[StreamPeerTCP] = []

	func _init() -> void:
		_listening.listen(0, "127.0.0.1")

	func url() -> String:
		return "ws://127.0.0.1:%d/" % _listening.get_local_port()

	func _process(_delta: float) -> void:
		if _listening.is_connection_available():
			_accepted.append(_listening.take_connection())
		for connection: StreamPeerTCP in _accepted:
			connection.poll()
			if connection.get_status() == StreamPeerTCP.STATUS_CONNECTED and connection.get_available_bytes() > 0:
				connection.get_data(connection.get_available_bytes())
				connection.put_data(("HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % answer).to_utf8_buffer())
				connection.disconnect_from_host()
				requests += 1


func _refusing(answer: String) -> Refusing:
	var refusing := Refusing.new()
	refusing.answer = answer
	add_child(refusing)
	return refusing


func test_what_a_game_sees_when_the_server_restarts() -> void:
	var server := start_server()
	var port := server.get_local_port()
	var client := _eager_client()
	client.connect_to_url(url_of(server))
	await _peer(server)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	var log := record(client)
	server.stop()
	await until(func() -> bool: return named(log, "connection_failed").size() >= 2)
	check_equal(server.listen(port), OK)
	await until(func() -> bool: return named(log, "reconnected").size() == 1)
	var names: Array = log.map(func(entry: Array) -> String: return entry[0])
	check_equal(names.slice(0, 3), ["status_changed", "connection_closed", "reconnecting"])
	check_equal(names.slice(-3), ["status_changed", "connected_to_server", "reconnected"])
	var attempts: Array = named(log, "reconnecting").map(func(arguments: Array) -> int: return arguments[0])
	check_equal(attempts, range(1, attempts.size() + 1))
	check_equal(client.send("hello"), OK)


func test_the_first_connection_is_not_a_reconnection() -> void:
	var port := _free_port()
	var client := _eager_client()
	var log := record(client)
	client.connect_to_url("ws://127.0.0.1:%d/" % port)
	await until(func() -> bool: return named(log, "reconnecting").size() >= 2)
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	add_child(server)
	check_equal(server.listen(port), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	await frames(3)
	check_equal(named(log, "connected_to_server").size(), 1)
	check_equal(named(log, "reconnected"), [] as Array[Array])


func _free_port() -> int:
	var listening := TCPServer.new()
	listening.listen(0, "127.0.0.1")
	var port := listening.get_local_port()
	listening.stop()
	return port


func test_it_gives_up_after_the_last_attempt_and_says_so() -> void:
	var client := _eager_client()
	var untyped: Variant = client
	untyped.reconnect_max_attempts = 3
	var log := record(client)
	client.connect_to_url("ws://127.0.0.1:%d/" % _free_port())
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	await frames(2)
	check_equal(named(log, "reconnecting").size(), 3)
	var reasons := named(log, "connection_failed")
	check_equal(reasons.size(), 4)
	var last: String = reasons[3][0]
	check(last.ends_with("not tried again: 3 attempts were made (reconnect_max_attempts)"), last)
	check_equal(log[-1][0], "connection_failed")


func test_it_gives_up_after_a_time() -> void:
	var client := _eager_client()
	client.reconnect_max_time = 0.3
	var log := record(client)
	client.connect_to_url("ws://127.0.0.1:%d/" % _free_port())
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	await frames(2)
	var last: String = named(log, "connection_failed")[-1][0]
	check(last.ends_with("not tried again: 0.3 s have gone (reconnect_max_time)"), last)
	check(named(log, "reconnecting").size() >= 3, "%s" % [log])


func test_what_cannot_heal_is_not_tried_again() -> void:
	for status: String in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "302 Found", "400 Bad Request"]:
		var refusing := _refusing(status)
		var client := _eager_client()
		var log := record(client)
		client.connect_to_url(refusing.url())
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, status)
		await frames(2)
		check_equal(refusing.requests, 1, status)
		check_equal(named(log, "reconnecting"), [] as Array[Array])
		var reason: String = named(log, "connection_failed")[0][0]
		check(reason.ends_with("not tried again: this does not pass by itself"), reason)
		client.free()
		refusing.free()


func test_a_busy_server_says_when_to_come_back() -> void:
	for status: String in ["503 Service Unavailable", "429 Too Many Requests"]:
		var refusing := _refusing(status + "\r\nRetry-After: 77")
		var client := _eager_client()
		var log := record(client)
		client.connect_to_url(refusing.url())
		await until(func() -> bool: return named(log, "reconnecting").size() == 1, status)
		var delay: float = named(log, "reconnecting")[0][1]
		check(delay > 76.9 and delay <= 77.1, "77 s, not %f" % delay)
		client.free()
		refusing.free()


func test_close_codes_that_mean_to_stay_away() -> void:
	var server := start_server()
	var client := _eager_client()
	var untyped: Variant = client
	for code: int in [1008, 3000, 3003, 4001]:
		if code == 4001:
			untyped.reconnect_stop_codes = PackedInt64Array([4001])
		client.connect_to_url(url_of(server))
		var peer: WebSocketPeerNode = await _peer(server)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
		var log := record(client)
		peer.close(code, "stay away")
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
		await until(func() -> bool: return named(log, "connection_closed").size() == 1)
		check_equal(client.get_close_code(), code)
		check_equal(named(log, "reconnecting"), [] as Array[Array])
		await until(func() -> bool: return server.get_peer_count() == 0)
	client.connect_to_url(url_of(server))
	var last: WebSocketPeerNode = await _peer(server)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	last.close(1008)
	await until(
		func() -> bool: return client.status == WebSocketClient.STATUS_RECONNECTING, "it is not listed any more"
	)


## The waits are at least 0.025 s, 0.05 s, 0.1 s and so on: seven connections in three seconds.
func test_a_server_that_accepts_and_closes_is_not_asked_again_and_again() -> void:
	var server := start_server()
	server.client_connected.connect(func(id: int) -> void: server.disconnect_peer(id, 1001))
	var client := _eager_client()
	client.reconnect_delay = 0.05
	client.reconnect_delay_max = 30.0
	var told := record(client)
	client.connect_to_url(url_of(server))
	var begin := Time.get_ticks_msec()
	var enough := func() -> bool:
		return Time.get_ticks_msec() > begin + 3000 and named(told, "connected_to_server").size() >= 3
	await until(enough, "connections", 2 * DEADLINE_MSEC)
	var connected := named(told, "connected_to_server").size()
	var most := 1 + log((Time.get_ticks_msec() - begin) / 25.0 + 1) / log(2)
	check(connected <= most, "%d connections" % connected)


func test_after_a_connection_that_held_the_delay_is_small_again() -> void:
	var server := start_server()
	var client := _eager_client()
	client.reconnect_delay_max = 30.0
	client.reconnect_stable_time = 0.0
	var log := record(client)
	client.connect_to_url(url_of(server))
	for round: int in 4:
		var peer: WebSocketPeerNode = await _peer(server)
		await until(func() -> bool: return named(log, "connected_to_server").size() == round + 1)
		peer.close(1001)
		await until(func() -> bool: return named(log, "reconnecting").size() == round + 1)
		await until(func() -> bool: return server.get_peer_count() == 0)
	for arguments: Array in named(log, "reconnecting"):
		check_equal(arguments[0], 1)
		var delay: float = arguments[1]
		check(delay <= 0.01, "%f" % delay)


func test_handlers_may_do_anything() -> void:
	var server := start_server()
	var url := url_of(server)
	for act: Callable in [
		func(client: WebSocketClient) -> void: client.close(),
		func(client: WebSocketClient) -> void: client.queue_free(),
		func(client: WebSocketClient) -> void: client.poll(),
		func(client: WebSocketClient) -> void: client.auto_reconnect = false,
		func(client: WebSocketClient) -> void:
			client.close()
			if client.status == WebSocketClient.STATUS_IDLE:
				client.connect_to_url(url),
	]:
		for signal_name: String in ["reconnecting", "reconnected", "connection_closed"]:
			var client := _eager_client()
			client.connect_to_url(url)
			var peer: WebSocketPeerNode = await _peer(server)
			await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
			var acted: Array[bool] = []
			var handler := func(_a: Variant = null, _b: Variant = null) -> void:
				if acted.is_empty():
					acted.append(true)
					act.call(client)
			client.connect(signal_name, handler)
			peer.close(1001)
			await until(func() -> bool: return not acted.is_empty(), signal_name)
			await frames(5)
			if is_instance_valid(client):
				client.free()
			await until(func() -> bool: return server.get_peer_count() == 0, "nobody stays: %s" % signal_name)


func test_a_node_that_is_freed_while_it_waits_does_not_come_back() -> void:
	var server := start_server()
	var client := _eager_client()
	client.connect_to_url(url_of(server))
	var peer: WebSocketPeerNode = await _peer(server)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	peer.close(1001)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_RECONNECTING)
	client.free()
	await until(func() -> bool: return server.get_peer_count() == 0)
	var log := record(server)
	var end := Time.get_ticks_msec() + 300
	await until(func() -> bool: return Time.get_ticks_msec() > end)
	check_equal(named(log, "client_connected"), [] as Array[Array])
