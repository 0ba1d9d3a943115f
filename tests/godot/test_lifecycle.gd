## The life of the nodes in a game: starting with the scene, being freed at any moment, reloaded scenes, several nodes.
extends "res://tests/godot/suite.gd"


## A lambda could not ask: that the node it captured is gone is an error of its own.
func _is_gone(instance_id: int) -> bool:
	return not is_instance_id_valid(instance_id)


## A scene with a server that starts by itself.
func _server_scene() -> PackedScene:
	var server := WebSocketServer.new()
	server.name = "Server"
	server.port = 0
	server.bind_address = "localhost"
	server.autostart = true
	var scene := PackedScene.new()
	check_equal(scene.pack(server), OK)
	server.free()
	return scene


func test_without_autostart_nothing_is_opened() -> void:
	var server := WebSocketServer.new()
	var client := WebSocketClient.new()
	client.url = "ws://localhost:1"
	add_child(server)
	add_child(client)
	await frames(3)
	check_equal(server.status, WebSocketServer.STATUS_IDLE as int)
	check_equal(client.status, WebSocketClient.STATUS_IDLE as int)


func test_settings_are_saved_with_the_scene() -> void:
	var node := WebSocketClient.new()
	node.url = "wss://example.org/x"
	node.supported_protocols = ["a", "b"]
	node.reconnect_delay = 2.5
	node.process_callback = WebSocketClient.PROCESS_PHYSICS
	var scene := PackedScene.new()
	check_equal(scene.pack(node), OK)
	node.free()
	var loaded := scene.instantiate() as WebSocketClient
	check_equal(loaded.url, "wss://example.org/x")
	check_equal(loaded.supported_protocols, PackedStringArray(["a", "b"]))
	check_equal(loaded.reconnect_delay, 2.5)
	check_equal(loaded.process_callback, WebSocketClient.PROCESS_PHYSICS as int)
	check_equal(loaded.connect_timeout, 10.0, "the default")
	loaded.free()


func test_a_freed_server_says_goodbye() -> void:
	var server := start_server()
	var port := server.get_local_port()
	var client: WebSocketClient = await open_client(server)
	server.queue_free()
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.get_close_code(), 1001)
	var next := WebSocketServer.new()
	next.bind_address = "localhost"
	add_child(next)
	check_equal(next.listen(port), OK, "the port is free again")


func test_a_freed_client_says_goodbye() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var codes: Array = []
	server.client_disconnected.connect(func(id: int) -> void: codes.append(server.get_peer(id).get_close_code()))
	client.free()
	await until(func() -> bool: return codes.size() == 1)
	check_equal(codes, [1001])


func test_a_freed_peer_is_disconnected() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	var id := server.get_peer_ids()[0]
	client.send("on the way")
	server.get_peer(id).free()
	check(server.get_peer(id) == null, "a freed peer is nobody")
	check_equal(server.peers, {})
	expect_error("^ERROR: send: there is no peer %d" % id)
	check_equal(server.send(id, "too late"), ERR_DOES_NOT_EXIST)
	check_equal(server.send(0, "to nobody"), OK)
	await until(func() -> bool: return named(log, "client_disconnected").has([id]))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.get_close_code(), 1001)
	check_equal(named(log, "message_received"), [[id, "on the way"]] as Array[Array])
	check_equal(server.get_peer_count(), 0)


func test_peers_are_children_of_their_server_and_go_with_their_connection() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := last_peer(server)
	check_equal(peer.get_parent() == server, true)
	check_equal(str(peer.name), "Peer%d" % peer.peer_id)
	client.close()
	await until(func() -> bool: return server.get_peer_count() == 0)
	await frames(1)
	check_equal(is_instance_valid(peer), false)
	check_equal(server.get_child_count(), 0)


func test_a_client_that_frees_itself_in_each_of_its_signals() -> void:
	var server := start_server()
	for signal_name: String in ["status_changed", "connected_to_server", "message_received", "connection_closed"]:
		var client := WebSocketClient.new()
		add_child(client)
		client.connect_to_url(url_of(server))
		var is_gone := _is_gone.bind(client.get_instance_id())
		client.connect(signal_name, func(_a: Variant = null) -> void: client.queue_free())
		await until(func() -> bool: return server.get_peer_count() == 1 or is_gone.call())
		if server.get_peer_count() == 1:
			server.send(0, "hello")
			server.send(0, "again")
			last_peer(server).close()
		await until(is_gone, signal_name)
		await until(func() -> bool: return server.get_peer_count() == 0, signal_name)


func test_a_server_that_frees_itself_in_each_of_its_signals() -> void:
	for signal_name: String in ["status_changed", "client_connected", "message_received", "client_disconnected"]:
		var server := start_server()
		var on_signal := func(_a: Variant = null, _b: Variant = null) -> void: server.queue_free()
		server.connect(signal_name, on_signal)
		var is_gone := _is_gone.bind(server.get_instance_id())
		var client := start_client(server)
		if signal_name == "status_changed":
			server.stop()
		client.connected_to_server.connect(
			func() -> void:
				client.send("hello")
				client.send("again")
				client.close()
		)
		await until(is_gone, signal_name)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, signal_name)
		client.free()


func test_a_handler_frees_other_nodes_at_once() -> void:
	var server := start_server()
	var port := server.get_local_port()
	for signal_name: String in ["client_connected", "message_received", "client_disconnected"]:
		var victims: Array[Node] = []
		var on_signal := func(id: int, _message: Variant = null) -> void:
			for victim: Node in victims:
				victim.free()
			victims.clear()
			if server.get_peer(id) != null:
				server.get_peer(id).free()
		server.connect(signal_name, on_signal)
		var client := start_client(server)
		victims.append(client)
		victims.append(start_client(server))
		client.connected_to_server.connect(
			func() -> void:
				client.send("hello")
				client.send("again")
				client.close()
		)
		await until(func() -> bool: return victims.is_empty() and server.get_peer_count() == 0, signal_name)
		server.disconnect(signal_name, on_signal)
	check_equal(server.get_local_port(), port, "still listening")


func test_freeing_the_server_in_the_handlers_of_a_peer() -> void:
	for signal_name: String in ["message_received", "connection_closed"]:
		var server := start_server()
		var is_gone := _is_gone.bind(server.get_instance_id())
		var client: WebSocketClient = await open_client(server)
		# That the peer goes with its server is the engine's complaint, and the only one.
		expect_error("^ERROR: Object .* was freed or unreferenced while a signal is being emitted from it")
		last_peer(server).connect(signal_name, func(_message: Variant = null) -> void: server.free())
		client.send("hello")
		client.close()
		await until(is_gone, signal_name)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, signal_name)


func test_closing_as_soon_as_the_status_is_active() -> void:
	var server := start_server()
	var client := start_client(server)
	var log := record(client)
	client.status_changed.connect(
		func(status: WebSocketClient.Status) -> void:
			if status == WebSocketClient.STATUS_ACTIVE:
				client.close()
	)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(named(log, "connected_to_server").size(), 0)
	check_equal(named(log, "connection_closed").size(), 1)


func test_stop_inside_each_handler() -> void:
	for signal_name: String in ["client_connected", "message_received", "client_disconnected"]:
		var server := start_server()
		var log := record(server)
		var on_signal := func(_a: Variant = null, _b: Variant = null) -> void: server.stop()
		server.connect(signal_name, on_signal)
		var client := start_client(server)
		client.connected_to_server.connect(
			func() -> void:
				client.send("hello")
				client.send("again")
				client.close()
		)
		await until(func() -> bool: return server.status == WebSocketServer.STATUS_IDLE, signal_name)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, signal_name)
		check_equal(named(log, "client_connected").size(), 1, signal_name)
		check_equal(named(log, "client_disconnected").size(), 1, signal_name)


func test_freeing_a_server_with_100_peers() -> void:
	var server := start_server()
	var clients: Array[WebSocketClient] = []
	for _i: int in 100:
		clients.append(start_client(server))
	await until(func() -> bool: return server.get_peer_count() == 100)
	server.send(0, "last words")
	server.queue_free()
	await until(
		func() -> bool:
			return clients.all(
				func(client: WebSocketClient) -> bool: return client.status == WebSocketClient.STATUS_IDLE
			)
	)
	for client: WebSocketClient in clients:
		check_equal(client.get_close_code(), 1001)


func test_freeing_clients_in_every_state() -> void:
	var server := start_server()
	start_client(server).free()
	var closing: WebSocketClient = await open_client(server)
	closing.close()
	closing.free()
	var resolving := WebSocketClient.new()
	add_child(resolving)
	resolving.connect_to_url("ws://no-such-host.invalid/")
	resolving.free()
	var reconnecting := WebSocketClient.new()
	reconnecting.auto_reconnect = true
	add_child(reconnecting)
	reconnecting.connect_to_url("ws://127.0.0.1:1/")
	await until(func() -> bool: return reconnecting.status == WebSocketClient.STATUS_RECONNECTING)
	reconnecting.free()
	await until(func() -> bool: return server.get_peer_count() == 0)


func test_changing_and_reloading_the_scene_with_open_sockets() -> void:
	var tree := get_tree()
	var scene := _server_scene()
	check_equal(tree.change_scene_to_packed(scene), OK)
	await until(func() -> bool: return tree.current_scene is WebSocketServer)
	for _i: int in 3:
		var server := tree.current_scene as WebSocketServer
		var client: WebSocketClient = await open_client(server)
		client.send("on the way")
		check_equal(tree.change_scene_to_packed(scene), OK)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
		check_equal(client.get_close_code(), 1001)
		check_equal(is_instance_valid(server), false)
		await until(func() -> bool: return tree.current_scene is WebSocketServer)
	tree.unload_current_scene()
	await frames(2)


func test_leaving_and_entering_the_tree_keeps_the_connection() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	remove_child(client)
	await frames(3)
	server.send(0, "while it was away")
	add_child(client)
	var log := record(client)
	await until(func() -> bool: return named(log, "message_received").size() == 1)
	check_equal(client.status, WebSocketClient.STATUS_ACTIVE as int)


func test_several_servers_and_clients() -> void:
	var servers: Array[WebSocketServer] = [start_server(), start_server(), start_server()]
	var log: Array[Array] = []
	for i: int in servers.size():
		servers[i].message_received.connect(func(_id: int, message: Variant) -> void: log.append([i, message]))
		for j: int in 3:
			var client: WebSocketClient = await open_client(servers[i])
			client.send("to %d, from %d" % [i, j])
	await until(func() -> bool: return log.size() == 9)
	for i: int in 3:
		for j: int in 3:
			check(log.has([i, "to %d, from %d" % [i, j]]), "%d from %d" % [i, j])


func test_connecting_again_after_a_close() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	for _i: int in 3:
		client.close()
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
		check_equal(client.connect_to_url(url_of(server)), OK)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	check_equal(client.get_close_code(), -1)


func test_a_script_that_extends_a_node() -> void:
	var script := GDScript.new()
	script.source_code = (
		"extends WebSocketServer\nvar ready_called := false\n"
		+ "func _ready() -> void:\n\tready_called = true\n"
		+ "func twice(x: int) -> int:\n\treturn 2 * x\n"
	)
	check_equal(script.reload(), OK)
	var server: WebSocketServer = script.new()
	server.port = 0
	server.bind_address = "localhost"
	server.autostart = true
	add_child(server)
	await frames(1)
	check_equal(server.get("ready_called"), true)
	check_equal(server.call("twice", 21), 42)
	check_equal(server.is_listening(), true, "autostart, also with a _ready() of the script's own")
	await open_client(server)


func test_a_duplicate_has_the_settings_and_no_connection() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	client.close_timeout = 1.5
	var copy := client.duplicate() as WebSocketClient
	check_equal(copy.close_timeout, 1.5)
	check_equal(copy.status, WebSocketClient.STATUS_IDLE as int)
	copy.free()
