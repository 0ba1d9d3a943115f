## Nodes below a node that is processed on another thread: they work on the main thread all the same.
extends "res://tests/godot/suite.gd"


func _group(thread_group: ProcessThreadGroup) -> Node:
	var parent := Node.new()
	parent.process_thread_group = thread_group
	add_child(parent)
	return parent


func test_a_server_and_a_client_work_there() -> void:
	for thread_group: ProcessThreadGroup in [PROCESS_THREAD_GROUP_SUB_THREAD, PROCESS_THREAD_GROUP_MAIN_THREAD]:
		var parent := _group(thread_group)
		var server := WebSocketServer.new()
		server.bind_address = "localhost"
		parent.add_child(server)
		check_equal(server.listen(0), OK)
		var threads: Array[int] = []
		server.message_received.connect(
			func(id: int, message: Variant) -> void:
				threads.append(OS.get_thread_caller_id())
				check_equal(server.send(id, message), OK)
		)
		var client := WebSocketClient.new()
		parent.add_child(client)
		client.message_received.connect(func(_message: Variant) -> void: threads.append(OS.get_thread_caller_id()))
		check_equal(client.connect_to_url(url_of(server)), OK)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE, "connected")
		check_equal(client.send("hello"), OK)
		await until(func() -> bool: return threads.size() == 2, "echoed")
		check_equal(threads, [OS.get_main_thread_id(), OS.get_main_thread_id()] as Array[int])
		parent.free()


func test_a_node_whose_own_group_is_another_thread() -> void:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	server.process_thread_group = PROCESS_THREAD_GROUP_SUB_THREAD
	add_child(server)
	check_equal(server.listen(0), OK)
	await open_client(server)


func test_moving_there_and_back_keeps_the_connection() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	var parent := _group(PROCESS_THREAD_GROUP_SUB_THREAD)
	for where: Node in [parent, self] as Array[Node]:
		server.reparent(where)
		var count := named(log, "message_received").size()
		client.send("hello")
		await until(func() -> bool: return named(log, "message_received").size() > count)
	check_equal(named(log, "client_disconnected").size(), 0)
