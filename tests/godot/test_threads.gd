## Calls from other threads: each works, or answers an error with one line; nothing is sent by halves.
extends "res://tests/godot/suite.gd"

## Whatever it is called in the line: a method may be made of another.
const REFUSED := r"^ERROR: [\w ]+: .*thread"


## What `work` returns on another thread. The main thread goes on meanwhile, as a game does.
func _on_a_thread(work: Callable) -> Variant:
	var thread := Thread.new()
	thread.start(work)
	await until(func() -> bool: return not thread.is_alive())
	return thread.wait_to_finish()


func test_send_answers_an_error_and_sends_nothing() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var id := server.get_peer_ids()[0]
	var peer := server.get_peer(id)
	var log := record(server)
	var client_log := record(client)
	var calls: Dictionary[String, Callable] = {
		"server.send": server.send.bind(id, "from a thread"),
		"server.send to all": server.send.bind(0, "from a thread"),
		"peer.send": peer.send.bind("from a thread"),
		"client.send": client.send.bind("from a thread"),
		"client.send of bytes": client.send.bind(PackedByteArray([1, 2, 3])),
	}
	for call_name: String in calls:
		expect_error(REFUSED)
		var answer: int = await _on_a_thread(calls[call_name])
		check(answer != OK, "%s answers an error" % call_name)
	# What is sent after it comes: nothing else was queued.
	server.send(id, "last")
	client.send("last")
	await until(func() -> bool: return named(log, "message_received").size() > 0)
	await until(func() -> bool: return named(client_log, "message_received").size() > 0)
	check_equal(named(log, "message_received"), [[id, "last"]] as Array[Array])
	check_equal(named(client_log, "message_received"), [["last"]] as Array[Array])


func test_every_other_way_to_send_answers_an_error() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var id := server.get_peer_ids()[0]
	var calls: Array[Array] = [
		["send_text", client.send_text.bind("x")],
		["send_json", client.send_json.bind({"x": 1})],
		["send_fragment", client.send_fragment.bind("x", true)],
		["ping", client.ping.bind(PackedByteArray())],
		["send_text", server.send_text.bind(id, "x")],
		["send_json", server.send_json.bind(0, {"x": 1})],
	]
	for entry: Array in calls:
		var method: String = entry[0]
		var work: Callable = entry[1]
		expect_error(REFUSED)
		var answer: int = await _on_a_thread(work)
		check(answer != OK, "%s answers an error" % method)


func test_starting_and_closing_work_or_answer_an_error() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var second := WebSocketServer.new()
	second.bind_address = "localhost"
	add_child(second)
	var third := WebSocketClient.new()
	add_child(third)
	var calls: Array[Array] = [
		["listen", second.listen.bind(0)],
		["connect_to_url", third.connect_to_url.bind(url_of(server))],
		["close", client.close],
		["disconnect_peer", server.disconnect_peer.bind(server.get_peer_ids()[0])],
	]
	for entry: Array in calls:
		var method: String = entry[0]
		var work: Callable = entry[1]
		expect_error(REFUSED)
		var answer: int = await _on_a_thread(work)
		check(answer != OK, "%s answers an error" % method)
	await frames(10)
	check_equal(client.status, WebSocketClient.STATUS_ACTIVE as int)
	check_equal(server.get_peer_count(), 1)
	check_equal(second.status, WebSocketServer.STATUS_IDLE as int)
	check_equal(third.status, WebSocketClient.STATUS_IDLE as int)


func test_stopping_and_polling_do_nothing_there() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	for work: Callable in [server.stop, server.poll, client.poll] as Array[Callable]:
		expect_error(REFUSED)
		await _on_a_thread(work)
	check_equal(server.status, WebSocketServer.STATUS_ACTIVE as int)
	check_equal(server.get_peer_count(), 1)


func test_asking_works_there() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := last_peer(server)
	var work := func() -> Array:
		return [
			server.get_local_port(),
			server.get_peer_count(),
			server.get_peer_ids(),
			server.has_peer(peer.peer_id),
			client.get_ready_state(),
			client.get_close_code(),
			client.get_connected_host(),
			peer.get_request_path(),
			client.get_current_outbound_buffered_amount(),
		]
	var here: Array = work.call()
	var there: Array = await _on_a_thread(work)
	check_equal(there, here)


func test_settings_that_the_engine_keeps_to_the_main_thread() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	await _on_a_thread(
		func() -> void:
			client.process_callback = WebSocketClient.PROCESS_PHYSICS
			client.low_latency = true
	)
	await until(client.is_physics_processing_internal)
	check(not client.is_processing_internal(), "it is polled in one kind of frames")
	await _on_a_thread(func() -> void: client.process_callback = WebSocketClient.PROCESS_IDLE)
	await until(client.is_processing_internal)
	check(not client.is_physics_processing_internal(), "it is polled in one kind of frames")


func test_call_deferred_is_the_way() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	var id := server.get_peer_ids()[0]
	await _on_a_thread(func() -> void: server.send.call_deferred(id, "deferred"))
	await until(func() -> bool: return named(log, "message_received").size() == 1)
	check_equal(named(log, "message_received"), [["deferred"]] as Array[Array])


func test_freeing_a_node_there() -> void:
	var server := start_server()
	await _on_a_thread(
		func() -> void:
			for _i: int in 20:
				WebSocketClient.new().free()
				WebSocketServer.new().free()
	)
	await open_client(server)


func test_freeing_a_server_there_with_its_peers() -> void:
	var server := start_server()
	var clients: Array[WebSocketClient] = []
	for _i: int in 3:
		clients.append(await open_client(server))
	# What is in the tree can only be freed by the main thread.
	remove_child(server)
	await _on_a_thread(server.free)
	for client: WebSocketClient in clients:
		await until(func() -> bool: return client.get_close_code() == 1001)


func test_freeing_a_peer_there() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := server.get_peer(server.get_peer_ids()[0])
	check_equal(peer.send("behind this"), OK)
	server.remove_child(peer)
	await _on_a_thread(peer.free)
	check_equal(server.get_peer_count(), 0)
	await until(func() -> bool: return client.get_close_code() == 1001)


func test_messages_are_whole_while_threads_try_to_send() -> void:
	var server := start_server()
	for node: Node in [server]:
		node.set("compression", 2)
		node.set("compression_min_size", 0)
		node.set("compression_context_takeover", true)
	var client := WebSocketClient.new()
	client.compression = WebSocketClient.COMPRESSION_ALL
	client.compression_min_size = 0
	client.compression_context_takeover = true
	add_child(client)
	client.connect_to_url(url_of(server))
	await until(func() -> bool: return server.get_peer_count() == 1)
	var id := server.get_peer_ids()[0]
	var received: Array[String] = []
	client.message_received.connect(func(message: Variant) -> void: received.append(str(message)))
	var oks: Array[int] = []
	var work := func() -> int:
		var count := 0
		for i: int in 100:
			if server.send(id, _told_length(i)) == OK:
				count += 1
		return count
	for _i: int in 300:
		expect_error(REFUSED)
	var threads: Array[Thread] = []
	for _i: int in 3:
		threads.append(Thread.new())
		threads[-1].start(work)
	var sent := 0
	while threads.any(func(thread: Thread) -> bool: return thread.is_alive()):
		check_equal(server.send(id, _told_length(sent)), OK)
		sent += 1
		await frames(1)
	for thread: Thread in threads:
		oks.append(thread.wait_to_finish() as int)
	check_equal(oks, [0, 0, 0] as Array[int])
	await until(func() -> bool: return received.size() >= sent)
	check_equal(received.size(), sent)
	var broken := received.filter(func(text: String) -> bool: return text != _told_length(_number_of(text)))
	check_equal(broken.size(), 0, "messages that are not whole")


## A text that says how long it is.
func _told_length(number: int) -> String:
	return "%d:%s" % [number, "abcdefgh"[number % 8].repeat((number * 37) % 3000)]


func _number_of(text: String) -> int:
	return int(text.get_slice(":", 0))
