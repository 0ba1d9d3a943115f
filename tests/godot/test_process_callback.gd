## When a node polls: in idle frames, in physics frames, or only when poll() is called; and while the game is paused.
extends "res://tests/godot/suite.gd"


func _pair(callback: WebSocketServer.ProcessCallback) -> Array[Node]:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	server.process_callback = callback
	return [server, client]


## Whether a message that the client sends is delivered within a physics frame (true) or an idle one (false).
func _delivered_in_physics(server: WebSocketServer, client: WebSocketClient) -> Array[bool]:
	var seen: Array[bool] = []
	var on_message := func(_id: int, _message: Variant) -> void: seen.append(Engine.is_in_physics_frame())
	server.message_received.connect(on_message)
	client.send("now")
	await until(func() -> bool: return seen.size() == 1)
	server.message_received.disconnect(on_message)
	return seen


func test_idle() -> void:
	var pair := await _pair(WebSocketServer.PROCESS_IDLE)
	check_equal(await _delivered_in_physics(pair[0], pair[1]), [false] as Array[bool])


func test_physics() -> void:
	var pair := await _pair(WebSocketServer.PROCESS_PHYSICS)
	check_equal(await _delivered_in_physics(pair[0], pair[1]), [true] as Array[bool])


func test_manual() -> void:
	var pair := await _pair(WebSocketServer.PROCESS_MANUAL)
	var server: WebSocketServer = pair[0]
	var client: WebSocketClient = pair[1]
	var log := record(server)
	client.send("wait")
	await frames(20)
	check_equal(named(log, "message_received").size(), 0)
	server.poll()
	check_equal(named(log, "message_received").size(), 1)


func _frames_of(node: Node) -> Array[bool]:
	return [node.is_processing_internal(), node.is_physics_processing_internal()]


func test_the_engine_calls_in_those_frames_only() -> void:
	var client := WebSocketClient.new()
	client.process_callback = WebSocketClient.PROCESS_PHYSICS
	add_child(client)
	check_equal(_frames_of(client), [false, true] as Array[bool])
	var server := start_server()
	check_equal(_frames_of(server), [true, false] as Array[bool])
	server.set("process_callback", WebSocketServer.PROCESS_PHYSICS)
	check_equal(_frames_of(server), [false, true] as Array[bool])
	server.process_callback = WebSocketServer.PROCESS_MANUAL
	check_equal(_frames_of(server), [false, false] as Array[bool])
	server.process_callback = WebSocketServer.PROCESS_IDLE
	check_equal(_frames_of(server), [true, false] as Array[bool])


func test_polling_by_hand_without_a_frame() -> void:
	var server := WebSocketServer.new()
	var client := WebSocketClient.new()
	server.bind_address = "localhost"
	check_equal(server.listen(0), OK)
	client.connect_to_url(url_of(server))
	client.connected_to_server.connect(func() -> void: client.send("outside of the tree"))
	var log := record(server)
	var deadline := Time.get_ticks_msec() + DEADLINE_MSEC
	while named(log, "message_received").is_empty() and Time.get_ticks_msec() < deadline:
		server.poll()
		client.poll()
	check_equal(named(log, "message_received").size(), 1)
	server.free()
	client.free()


func test_a_handler_may_poll() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var seen: Array = []
	server.message_received.connect(
		func(_id: int, message: Variant) -> void:
			seen.append(message)
			server.poll()
	)
	for i: int in 100:
		client.send(str(i))
	await until(func() -> bool: return seen.size() == 100)
	check_equal(seen, range(100).map(func(i: int) -> String: return str(i)))


func test_a_paused_game_keeps_its_players() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	check_equal(server.process_mode, Node.PROCESS_MODE_ALWAYS as int)
	check_equal(client.process_mode, Node.PROCESS_MODE_ALWAYS as int)
	process_mode = Node.PROCESS_MODE_PAUSABLE
	get_tree().paused = true
	var log := record(server)
	client.send("still here")
	await until(func() -> bool: return named(log, "message_received").size() == 1)
	get_tree().paused = false


func test_inherit_is_kept_and_stops_with_the_parent() -> void:
	var template := WebSocketServer.new()
	template.process_mode = Node.PROCESS_MODE_INHERIT
	template.bind_address = "localhost"
	var scene := PackedScene.new()
	check_equal(scene.pack(template), OK)
	template.free()
	var server := scene.instantiate() as WebSocketServer
	var parent := Node.new()
	parent.process_mode = Node.PROCESS_MODE_PAUSABLE
	add_child(parent)
	parent.add_child(server)
	await frames(2)
	check_equal(server.process_mode, Node.PROCESS_MODE_INHERIT as int)
	check_equal(server.listen(0), OK)
	var client: WebSocketClient = await open_client(server)
	get_tree().paused = true
	var log := record(server)
	client.send("later")
	await frames(20)
	check_equal(named(log, "message_received").size(), 0)
	get_tree().paused = false
	await until(func() -> bool: return named(log, "message_received").size() == 1)


func test_a_node_that_is_told_to_pause() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	server.process_mode = Node.PROCESS_MODE_PAUSABLE
	get_tree().paused = true
	var log := record(server)
	client.send("later")
	await frames(20)
	check_equal(named(log, "message_received").size(), 0)
	get_tree().paused = false
	await until(func() -> bool: return named(log, "message_received").size() == 1)


func test_what_is_sent_outside_of_a_poll_leaves_in_the_same_frame() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	server.process_callback = WebSocketServer.PROCESS_MANUAL
	client.process_callback = WebSocketClient.PROCESS_MANUAL
	client.send("now")
	await frames(2)
	check_equal(client.get_current_outbound_buffered_amount(), 0)
	client.close()
