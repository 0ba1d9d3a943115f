## Handlers that start the next thing: what they are told is about the connection that the signal is of.
extends "res://tests/godot/suite.gd"


## What a client tells of the end of a connection, where a handler of `status_changed` calls `handler` when it is idle.
func _told_with(handler: Callable, code: int, reason: String) -> Array:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var told: Array = []
	client.status_changed.connect(
		func(status: WebSocketClient.Status) -> void:
			if status == WebSocketClient.STATUS_IDLE:
				handler.call(client, url_of(server))
	)
	client.connection_closed.connect(
		func() -> void:
			told.append([client.get_close_code(), client.get_close_reason(), client.get_requested_url() != ""])
	)
	last_peer(server).close(code, reason)
	await until(func() -> bool: return told.size() == 1)
	return told


func test_the_code_is_that_of_the_connection_that_closed() -> void:
	var nothing := func(_client: WebSocketClient, _url: String) -> void: pass
	check_equal(await _told_with(nothing, 4001, "kicked"), [[4001, "kicked", true]] as Array)


func test_connecting_again_when_it_is_idle_does_not_change_the_code() -> void:
	var again := func(client: WebSocketClient, url: String) -> void: check_equal(client.connect_to_url(url), OK)
	check_equal(await _told_with(again, 4001, "kicked"), [[4001, "kicked", true]] as Array)


func test_connecting_twice_when_it_is_idle_does_not_change_the_code() -> void:
	var calls: Array[int] = []
	var twice := func(client: WebSocketClient, url: String) -> void:
		calls.append(calls.size())
		if calls.size() == 1:  # close() makes it idle again, at once.
			check_equal(client.connect_to_url(url), OK)
			client.close(1000, "changed its mind")
			check_equal(client.connect_to_url(url), OK)
	check_equal(await _told_with(twice, 4002, "moved"), [[4002, "moved", true]] as Array)
	check_equal(calls.size(), 2)


func test_polling_when_it_is_idle_does_not_change_the_code() -> void:
	var again := func(client: WebSocketClient, url: String) -> void:
		check_equal(client.connect_to_url(url), OK)
		for _i: int in 5:
			client.poll()
	check_equal(await _told_with(again, 4001, "kicked"), [[4001, "kicked", true]] as Array)


func test_the_next_connection_opens_all_the_same() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	client.status_changed.connect(
		func(status: WebSocketClient.Status) -> void:
			if status == WebSocketClient.STATUS_IDLE:
				client.connect_to_url(url_of(server))
	)
	last_peer(server).close(4001)
	await until(func() -> bool: return named(log, "connected_to_server").size() == 1)
	var names := log.map(func(entry: Array) -> String: return entry[0])
	check(names.find("connection_closed") < names.find("connected_to_server"), "the end is told before the beginning")
	check_equal(client.get_close_code(), -1, "the new one is open")


func test_the_code_of_a_peer_whose_server_listens_again() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var codes: Array = []
	server.status_changed.connect(
		func(status: WebSocketServer.Status) -> void:
			if status == WebSocketServer.STATUS_IDLE:
				server.listen(0)
	)
	server.client_disconnected.connect(func(id: int) -> void: codes.append(server.get_peer(id).get_close_code()))
	server.stop()
	check_equal(codes, [1001] as Array)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
