## Multiplayer over our nodes: who may come in, who is sent away, and how it ends and begins again.
extends "res://tests/godot/multiplayer_suite.gd"

const Relay := preload("res://tests/godot/tcp_relay.gd")


func test_nobody_new() -> void:
	await start_game()
	var side := await join()
	host.api.refuse_new_connections = true
	check_equal(host.api.multiplayer_peer.refuse_new_connections, true)
	var late := new_side()
	var client := WebSocketClient.new()
	late.add_child(client)
	client.connect_to_url(url_of(server))
	late.api.multiplayer_peer = client.get_multiplayer_peer()
	await until(func() -> bool: return late.count("connection_failed") == 1)
	check_equal(host.told.size(), 1)
	check_equal(side.count("peer_connected"), 1)


func test_who_comes_back_is_not_new() -> void:
	await start_game()
	server.session_timeout = 20.0
	var relay := Relay.new(server.get_local_port())
	add_child(relay)
	var client := WebSocketClient.new()
	client.session = true
	client.reconnect_delay = 0.02
	var side := new_side()
	side.add_child(client)
	client.connect_to_url("ws://127.0.0.1:%d/" % relay.port)
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	await wait_until_in(side)
	host.api.refuse_new_connections = true
	relay.cut()
	side.game.hear.rpc_id(1, "back")
	await until(func() -> bool: return host.game.heard.size() == 1)
	var late := WebSocketClient.new()
	late.session = true
	var late_side := new_side()
	late_side.add_child(late)
	late.connect_to_url(url_of(server))
	late_side.api.multiplayer_peer = late.get_multiplayer_peer()
	await until(func() -> bool: return late_side.count("connection_failed") == 1)
	check_equal(late.get_close_code(), 1008)
	check_equal(host.told.size(), 1)


func test_a_peer_is_disconnected() -> void:
	await start_game()
	for side: Branch in [await join(), await join_with_engine()]:
		var id := side.api.get_unique_id()
		host.api.disconnect_peer(id)
		await until(func() -> bool: return side.count("server_disconnected") == 1)
		check(not host.api.get_peers().has(id), "the server still has it")
		await until(func() -> bool: return not server.has_peer(id), "the node has it no more")
	# SceneMultiplayer tells nothing of those that it sends away itself.
	var last := await join()
	var last_id := last.api.get_unique_id()
	host.api.multiplayer_peer.disconnect_peer(last_id)
	await until(func() -> bool: return last.count("server_disconnected") == 1)
	await until(func() -> bool: return host.told.back() == ["peer_disconnected", last_id])


func _send(side: Branch, count: int) -> void:
	for number: int in count:
		side.game.hear.rpc_id(1, number)


func test_what_nobody_takes_is_not_read_for_ever() -> void:
	await start_game()
	var side := await join()
	var peer := host.api.multiplayer_peer
	get_tree().multiplayer_poll = false
	_send(side, 4000)
	await until(func() -> bool: return peer.get_available_packet_count() > 1000)
	await frames(30)
	check(peer.get_available_packet_count() < 1100, "%d packets wait" % peer.get_available_packet_count())
	get_tree().multiplayer_poll = true
	await until(func() -> bool: return host.game.heard.size() == 4000)
	check_equal(host.game.values(), range(4000))


func test_what_those_left_who_are_gone_holds_up_who_is_there() -> void:
	await start_game()
	var last := await join()
	var gone: Array[Branch] = [await join(), await join()]
	var peer := host.api.multiplayer_peer
	get_tree().multiplayer_poll = false
	for side: Branch in gone:
		_send(side, 900)
	# The engine's own may be among them.
	await until(func() -> bool: return peer.get_available_packet_count() >= 1800)
	var left := peer.get_available_packet_count()
	for side: Branch in gone:
		client_of(side).close()
	await until(func() -> bool: return server.get_peer_count() == 1)
	_send(last, 900)
	await until(func() -> bool: return peer.get_available_packet_count() > left)
	await frames(30)
	check(peer.get_available_packet_count() < 1900, "%d packets wait" % peer.get_available_packet_count())
	get_tree().multiplayer_poll = true
	await until(func() -> bool: return host.game.heard.size() == 2700 and host.count("peer_disconnected") == 2)


func test_who_is_parted_with_sends_no_messages() -> void:
	await start_game()
	var heard: Array[Variant] = []
	server.message_received.connect(func(_id: int, message: Variant) -> void: heard.append(message))
	var side := await join()
	_send(side, 3)
	host.api.multiplayer_peer.disconnect_peer(side.api.get_unique_id(), true)
	_send(side, 3)
	await until(func() -> bool: return side.count("server_disconnected") == 1)
	check_equal(heard, [])
	check_equal(host.game.heard, [])


func test_by_force() -> void:
	await start_game()
	var side := await join()
	var id := side.api.get_unique_id()
	host.api.multiplayer_peer.disconnect_peer(id, true)
	await until(func() -> bool: return side.count("server_disconnected") == 1)
	await frames(5)
	check_equal(host.count("peer_disconnected"), 0)


func test_the_server_closes_its_peer_and_comes_back() -> void:
	await start_game()
	var side := await join()
	var peer := host.api.multiplayer_peer
	peer.close()
	check_equal(peer.get_connection_status(), MultiplayerPeer.CONNECTION_DISCONNECTED)
	check(not server.is_listening(), "everybody plays, so the server stops")
	await until(
		func() -> bool: return side.count("server_disconnected") == 1 and host.count("server_disconnected") == 1
	)
	check_equal(server.listen(0), OK)
	check_equal(peer.get_connection_status(), MultiplayerPeer.CONNECTION_CONNECTED)
	check_equal(server.get_multiplayer_peer(), peer)
	host.told.clear()
	await join()
	check_equal(host.count("peer_connected"), 1)


func test_the_server_closes_its_peer_and_keeps_its_other_clients() -> void:
	await start_game("/mp")
	var plain := await open_client(server, "/")
	var side := await join("/mp")
	host.api.multiplayer_peer.close()
	await until(func() -> bool: return side.count("server_disconnected") == 1)
	check_equal(plain.status, WebSocketClient.STATUS_ACTIVE)
	check(server.is_listening(), "it listens no more")


func test_a_client_closes_its_peer_and_comes_back() -> void:
	await start_game()
	var side := await join()
	var before := side.api.get_unique_id()
	side.api.multiplayer_peer.close()
	await until(func() -> bool: return side.count("server_disconnected") == 1)
	await until(func() -> bool: return host.count("peer_disconnected") == 1)
	var client := client_of(side)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return side.count("connected_to_server") == 2)
	check(side.api.get_unique_id() != before, "it has the same id")
	side.game.hear.rpc_id(1, "back")
	await until(func() -> bool: return host.game.heard.size() == 1)


func test_offline_and_back() -> void:
	await start_game()
	var side := await join()
	side.api.multiplayer_peer = OfflineMultiplayerPeer.new()
	check_equal(side.api.get_unique_id(), 1)
	check_equal(side.api.is_server(), true)
	await frames(3)
	check_equal(client_of(side).status, WebSocketClient.STATUS_ACTIVE)
	client_of(side).close()
	await until(func() -> bool: return client_of(side).status == WebSocketClient.STATUS_IDLE)
	check_equal(client_of(side).connect_to_url(url_of(server)), OK)
	side.api.multiplayer_peer = client_of(side).get_multiplayer_peer()
	await wait_until_in(side)


func test_nobody_listens() -> void:
	var client := WebSocketClient.new()
	var side := new_side()
	side.add_child(client)
	check_equal(client.connect_to_url("ws://127.0.0.1:1/"), OK)
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	await until(func() -> bool: return side.count("connection_failed") == 1)
	check_equal(side.told, [["connection_failed"]])


func test_assigned_before_it_connects_by_itself() -> void:
	var listening := WebSocketServer.new()
	listening.port = 0
	listening.bind_address = "localhost"
	listening.autostart = true
	add_child(listening)
	server = listening
	host = new_side()
	host.api.multiplayer_peer = server.get_multiplayer_peer()
	await until(func() -> bool: return server.is_listening())
	await until(func() -> bool: return host.is_in())
	var client := WebSocketClient.new()
	client.url = url_of(server)
	client.autoconnect = true
	var side := new_side()
	side.add_child(client)
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	await wait_until_in(side)


func test_an_idle_node_cannot_be_assigned() -> void:
	var side := new_side()
	var client := WebSocketClient.new()
	side.add_child(client)
	expect_error("Supplied MultiplayerPeer must be connecting or connected")
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	check(side.api.multiplayer_peer != client.get_multiplayer_peer(), "it was taken")


func test_a_scene_change_frees_the_nodes() -> void:
	await start_game()
	var side := await join()
	var peer := side.api.multiplayer_peer
	client_of(side).free()
	check_equal(peer.get_connection_status(), MultiplayerPeer.CONNECTION_DISCONNECTED)
	await until(func() -> bool: return side.count("server_disconnected") == 1)
	await until(func() -> bool: return host.count("peer_disconnected") == 1)
	peer.poll()
	peer.close()
	check_equal(peer.put_packet(PackedByteArray([1])), ERR_CONNECTION_ERROR)
	server.free()
	await until(func() -> bool: return host.count("server_disconnected") == 1)


func test_freed_in_handlers() -> void:
	await start_game()
	var side := await join()
	side.api.server_disconnected.connect(func() -> void: client_of(side).free())
	host.api.peer_disconnected.connect(func(_id: int) -> void: server.free())
	host.api.multiplayer_peer.disconnect_peer(side.api.get_unique_id())
	await until(func() -> bool: return not is_instance_valid(server) and not side.has_node("Client"))


func test_coming_back_without_a_session_is_a_new_peer() -> void:
	await start_game()
	var relay := Relay.new(server.get_local_port())
	add_child(relay)
	var client := WebSocketClient.new()
	client.auto_reconnect = true
	client.reconnect_delay = 0.02
	var side := new_side()
	side.add_child(client)
	client.connect_to_url("ws://127.0.0.1:%d/" % relay.port)
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	await wait_until_in(side)
	var before := side.api.get_unique_id()
	relay.cut()
	await until(func() -> bool: return side.count("connected_to_server") == 2)
	var expected := ["connected_to_server", "peer_connected", "peer_disconnected", "server_disconnected"]
	expected += ["connected_to_server", "peer_connected"]
	# The server may still have who it was before.
	var told := side.told.filter(func(entry: Array) -> bool: return entry.size() == 1 or entry[1] == 1)
	check_equal(told.map(func(entry: Array) -> String: return entry[0]), expected)
	check(side.api.get_unique_id() != before, "it has the same id")
	await until(func() -> bool: return Array(host.api.get_peers()) == [side.api.get_unique_id()])
	side.game.hear.rpc_id(1, "back")
	await until(func() -> bool: return host.game.heard.size() == 1)


func test_authentication() -> void:
	await start_game()
	var failed: Array[int] = []
	host.api.auth_callback = func(id: int, data: PackedByteArray) -> void:
		if data.get_string_from_utf8() == "secret":
			host.api.send_auth(id, "welcome".to_utf8_buffer())
			host.api.complete_auth(id)
		else:
			host.api.multiplayer_peer.disconnect_peer(id)
	host.api.peer_authentication_failed.connect(func(id: int) -> void: failed.append(id))
	for password: String in ["secret", "wrong"]:
		var client := WebSocketClient.new()
		var side := new_side()
		side.add_child(client)
		side.api.auth_callback = func(id: int, _data: PackedByteArray) -> void: side.api.complete_auth(id)
		side.api.peer_authenticating.connect(func(id: int) -> void: side.api.send_auth(id, password.to_utf8_buffer()))
		client.connect_to_url(url_of(server))
		side.api.multiplayer_peer = client.get_multiplayer_peer()
		if password == "secret":
			await until(
				func() -> bool: return side.count("connected_to_server") == 1 and host.count("peer_connected") == 1
			)
			side.game.hear.rpc_id(1, "in")
			await until(func() -> bool: return host.game.heard.size() == 1)
		else:
			await until(func() -> bool: return side.count("server_disconnected") == 1)
	await until(func() -> bool: return failed.size() == 1)
	check_equal(host.count("peer_connected"), 1)
