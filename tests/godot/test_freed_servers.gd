## A server that is freed: it and what it owns tell nothing more, nothing can be started on it, and its port is free.
extends "res://tests/godot/suite.gd"

const SERVER_THAT_GOES_ON := """extends WebSocketServer
var answers: Array = []
var ports: Array = []
func _notification(what: int) -> void:
	if what == NOTIFICATION_PREDELETE or what == NOTIFICATION_EXIT_TREE:
		answers.append(listen(0))
		ports.append(get_local_port())
"""
const CLIENT_THAT_GOES_ON := """extends WebSocketClient
var answers: Array = []
var target := ""
func _notification(what: int) -> void:
	if what == NOTIFICATION_PREDELETE or what == NOTIFICATION_EXIT_TREE:
		answers.append(connect_to_url(target))
"""


func _scripted(source: String) -> Node:
	var script := GDScript.new()
	script.source_code = source
	check_equal(script.reload(), OK)
	return script.new()


func _check_port_is_free(port: int) -> void:
	var next := WebSocketServer.new()
	next.bind_address = "localhost"
	add_child(next)
	check_equal(next.listen(port), OK, "the port is free")
	next.stop()


func test_its_peers_tell_nothing() -> void:
	for how: String in ["free", "queue_free", "remove and free"]:
		var server := start_server()
		var client: WebSocketClient = await open_client(server)
		var id := server.get_instance_id()
		var peer := last_peer(server)
		var port := server.get_local_port()
		var log := record(server)
		var peer_log := record(peer)
		client.send("on the way")
		match how:
			"free":
				server.free()
			"queue_free":
				server.queue_free()
			"remove and free":
				remove_child(server)
				server.free()
		var told_before := log.size() + peer_log.size()
		await until(func() -> bool: return not is_instance_id_valid(id))
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
		check_equal(client.get_close_code(), 1001)
		check_equal(is_instance_valid(peer), false, how)
		check_equal(named(log, "client_disconnected"), [] as Array[Array], how)
		check_equal(named(peer_log, "connection_closed"), [] as Array[Array], how)
		if how != "queue_free":  # Until the end of the frame it may still be polled.
			check_equal(log.size() + peer_log.size(), told_before, how)
		_check_port_is_free(port)


func test_nothing_can_be_started_while_it_goes() -> void:
	for signal_name: String in ["tree_exiting", "tree_exited"]:
		var server := start_server()
		var client: WebSocketClient = await open_client(server)
		var port := server.get_local_port()
		var answers: Array[int] = []
		var ports: Array[int] = []
		last_peer(server).connect(
			signal_name,
			func() -> void:
				answers.append(server.listen(0))
				ports.append(server.get_local_port())
		)
		expect_error("^ERROR: listen: ")
		server.free()
		check_equal(answers.size(), 1, signal_name)
		check(answers != [OK], signal_name)
		check_equal(ports, [0] as Array[int], signal_name)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
		_check_port_is_free(port)


func test_a_script_that_listens_while_it_goes_leaves_no_port_open() -> void:
	var server := _scripted(SERVER_THAT_GOES_ON) as WebSocketServer
	server.bind_address = "localhost"
	add_child(server)
	var answers: Array = server.get("answers")
	var ports: Array = server.get("ports")
	# The script is told first that it goes, and can listen; when it leaves the tree, the server is gone already.
	expect_error("^ERROR: listen: ")
	server.free()
	check_equal(answers.size(), 2)
	check_equal(answers[0], OK)
	check(answers[1] != OK, "nothing can be started")
	check_equal(ports[1], 0)
	_check_port_is_free(ports[0] as int)


func test_a_script_that_connects_while_it_goes_does_not() -> void:
	var server := start_server()
	var log := record(server)
	var client := _scripted(CLIENT_THAT_GOES_ON) as WebSocketClient
	client.set("target", url_of(server))
	add_child(client)
	var answers: Array = client.get("answers")
	expect_error("^ERROR: connect_to_url: ")
	client.free()
	check_equal(answers.size(), 2)
	check(answers[1] != OK, "nothing can be started")
	await open_client(server)
	await frames(20)
	check_equal(named(log, "client_connected").size(), 1, "the other client only")


func test_freeing_it_in_each_signal_of_its_peers() -> void:
	for signal_name: String in [
		"message_received", "pong_received", "connection_closed", "tree_exiting", "tree_exited"
	]:
		var server := start_server()
		var id := server.get_instance_id()
		var client: WebSocketClient = await open_client(server)
		var other: WebSocketClient = await open_client(server)
		var log := record(server)
		var port := server.get_local_port()
		var peer := server.get_peer(server.get_peer_ids()[0])
		var freed: Array[bool] = []
		var free_it := func(_argument: Variant = null) -> void:
			if freed.is_empty():
				freed.append(true)
				log.clear()
				if signal_name.begins_with("tree_"):
					server.queue_free()
				else:
					server.free()
		# That the peer goes with its server is the engine's complaint, and the only one.
		if not signal_name.begins_with("tree_"):
			expect_error("^ERROR: Object .* was freed or unreferenced while a signal is being emitted from it")
		peer.connect(signal_name, free_it)
		peer.ping()
		client.send("hello")
		other.send("hello")
		if signal_name in ["connection_closed", "tree_exiting", "tree_exited"]:
			client.close()
		await until(func() -> bool: return not is_instance_id_valid(id), signal_name)
		if not signal_name.begins_with("tree_"):
			check_equal(log, [] as Array[Array], "%s: it tells nothing more" % signal_name)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, signal_name)
		await until(func() -> bool: return other.status == WebSocketClient.STATUS_IDLE, signal_name)
		_check_port_is_free(port)


func test_freeing_it_in_the_handlers_of_another_node() -> void:
	for signal_name: String in ["status_changed", "connected_to_server", "message_received", "connection_closed"]:
		var server := start_server()
		var id := server.get_instance_id()
		var port := server.get_local_port()
		server.client_connected.connect(func(peer_id: int) -> void: server.send(peer_id, "welcome"))
		var client := WebSocketClient.new()
		add_child(client)
		client.connect(
			signal_name,
			func(_argument: Variant = null) -> void:
				if is_instance_id_valid(id):
					instance_from_id(id).free()
		)
		client.connect_to_url(url_of(server))
		if signal_name == "connection_closed":
			await until(func() -> bool: return server.get_peer_count() == 1)
			last_peer(server).close()
		await until(func() -> bool: return not is_instance_id_valid(id), signal_name)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, signal_name)
		_check_port_is_free(port)


func test_its_peers_cannot_be_used_by_who_kept_them() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := last_peer(server)
	var seen: Array = []
	peer.tree_exiting.connect(
		func() -> void: seen.append([peer.get_ready_state(), peer.send("too late"), peer.get_close_code()])
	)
	server.free()
	check_equal(seen, [[WebSocketPeerNode.STATE_CLOSED as int, ERR_CONNECTION_ERROR as int, 1001]] as Array)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
