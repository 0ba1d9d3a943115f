## A bad network, simulated: latency, order, bandwidth, stalls, cuts, of a client, a server or one peer.
extends "res://tests/godot/suite.gd"

const SCENE := "user://simulated.tscn"
## What a machine that has much else to do is given.
const LATE_MSEC := 15_000


func _bad(latency: float = 0.0) -> WebSocketSimulation:
	var bad := WebSocketSimulation.new()
	bad.latency = latency
	return bad


## Milliseconds from sending a message to its arrival at the server.
func _passing(server: WebSocketServer, client: WebSocketClient) -> int:
	var came: Array = []
	var note := func(_peer_id: int, message: Variant) -> void: came.append(message)
	server.message_received.connect(note)
	var begin := Time.get_ticks_msec()
	check_equal(client.send("on its way"), OK)
	await until(func() -> bool: return came.size() == 1, "message_received", LATE_MSEC)
	server.message_received.disconnect(note)
	return Time.get_ticks_msec() - begin


func test_there_is_none_at_first() -> void:
	var server := start_server()
	var client := await open_client(server)
	check(server.simulation == null and client.simulation == null, "null at first")
	check(last_peer(server).simulation == null, "of a peer, too")
	var bad := WebSocketSimulation.new()
	check_equal([bad.latency, bad.jitter, bad.bandwidth, bad.seed], [0.0, 0.0, 0, 0])
	check_equal([bad.stall_interval, bad.stall_time, bad.cut_interval, bad.cut_bytes], [0.0, 2.0, 0.0, 0])


func test_values_out_of_range_are_refused() -> void:
	var bad: Variant = WebSocketSimulation.new()
	expect_error("^ERROR: WebSocketSimulation.set_latency: latency must be from 0.0 to 10.0 s, not -1.0")
	bad.latency = -1.0
	expect_error("^ERROR: WebSocketSimulation.set_bandwidth: bandwidth must be from 0 to \\d+ bytes/s, not -1")
	bad.bandwidth = -1
	check_equal([bad.latency, bad.bandwidth], [0.0, 0])


func test_a_change_is_told_as_of_any_resource() -> void:
	var bad := WebSocketSimulation.new()
	var told := [0]
	bad.changed.connect(func() -> void: told[0] += 1)
	bad.latency = 0.1
	bad.seed = 4
	check_equal(told[0], 2)


func test_latency_of_a_client() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	add_child(client)
	client.simulation = _bad(0.1)
	var begin := Time.get_ticks_msec()
	check_equal(client.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	check(Time.get_ticks_msec() - begin >= 199, "the opening handshake is a round trip")
	var msec: int = await _passing(server, client)
	check(msec >= 99, "%d ms" % msec)
	check(client.latency >= 0.2, "%f s" % client.latency)


func test_order_is_kept() -> void:
	var server := start_server()
	server.simulation = _bad(0.01)
	server.simulation.jitter = 0.05
	var client := await open_client(server)
	var got: Array[int] = []
	server.message_received.connect(func(_peer_id: int, message: String) -> void: got.append(int(message)))
	for number: int in 200:
		check_equal(client.send(str(number)), OK)
		if number % 4 == 0:
			await frames(1)
	await until(func() -> bool: return got.size() == 200, "", LATE_MSEC)
	check_equal(got, Array(range(200), TYPE_INT, "", null))


func test_bandwidth() -> void:
	var server := start_server()
	var client := await open_client(server)
	client.simulation = WebSocketSimulation.new()
	client.simulation.bandwidth = 100_000
	var message := PackedByteArray()
	message.resize(50_000)
	var got: Array = []
	server.message_received.connect(func(_peer_id: int, it: Variant) -> void: got.append(it))
	var begin := Time.get_ticks_msec()
	check_equal(client.send(message), OK)
	await until(func() -> bool: return got.size() == 1, "", LATE_MSEC)
	check(Time.get_ticks_msec() - begin >= 499, "half a second for half of that")
	check_equal(got[0], message)


func test_a_receiver_of_a_narrow_network_is_a_slow_one() -> void:
	var server := start_server()
	server.outbound_buffer_size = 50_000
	var client := await open_client(server)
	var peer := last_peer(server)
	server.simulation = WebSocketSimulation.new()
	server.simulation.bandwidth = 200_000
	await frames(2)
	var message := PackedByteArray()
	message.resize(20_000)
	var sent := 0
	expect_error("^ERROR: send: outbound_buffer_size is reached")
	while peer.send(message) == OK and sent < 100:
		sent += 1
	check(sent < 100, "%d messages" % sent)
	var got := [0]
	var drained := [false]
	client.message_received.connect(func(_message: Variant) -> void: got[0] += 1)
	peer.drained.connect(func() -> void: drained[0] = true)
	await until(func() -> bool: return got[0] == sent and drained[0], "", LATE_MSEC)


func test_a_stall_as_in_a_lift() -> void:
	var server := start_server()
	var client := await open_client(server)
	var bad := WebSocketSimulation.new()
	client.simulation = bad
	bad.stall_time = 300.0
	bad.stall_interval = 0.000001
	await frames(2)
	var got: Array = []
	server.message_received.connect(func(_peer_id: int, message: Variant) -> void: got.append(message))
	client.message_received.connect(func(message: Variant) -> void: got.append(message))
	client.send("out")
	server.send(0, "in")
	await get_tree().create_timer(0.2).timeout
	check_equal(got, [])
	bad.stall_interval = 0.0
	await until(func() -> bool: return got.size() == 2, "", LATE_MSEC)


func test_a_client_that_is_cut_comes_back() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	client.auto_reconnect = true
	client.reconnect_delay = 0.01
	client.reconnect_delay_max = 0.01
	client.simulation = WebSocketSimulation.new()
	client.simulation.cut_interval = 0.1
	client.simulation.seed = 11
	add_child(client)
	var codes := {}
	var back := [0]
	client.connection_closed.connect(func() -> void: codes[client.get_close_code()] = true)
	client.reconnected.connect(func() -> void: back[0] += 1)
	check_equal(client.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return back[0] >= 3, "reconnected", LATE_MSEC)
	client.simulation = null
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE, "", LATE_MSEC)
	check_equal(codes, {1006: true})
	await _passing(server, client)


## The bytes that a server has had of each of some connections, which are cut while their client sends.
func _cuts(random_seed: int) -> Array[int]:
	var server := start_server()
	var client := WebSocketClient.new()
	client.simulation = WebSocketSimulation.new()
	client.simulation.cut_bytes = 3000
	client.simulation.seed = random_seed
	add_child(client)
	var message := PackedByteArray()
	message.resize(100)
	var cuts: Array[int] = []
	for _i: int in 4:
		var before: int = server.get_statistics()["bytes_received"]
		check_equal(client.connect_to_url(url_of(server)), OK)
		var sending := func() -> bool:
			if client.status == WebSocketClient.STATUS_ACTIVE:
				client.send(message)
			return client.status == WebSocketClient.STATUS_IDLE
		await until(sending, "cut", LATE_MSEC)
		await until(func() -> bool: return server.get_statistics()["connections_open"] == 0)
		await frames(3)
		cuts.append(server.get_statistics()["bytes_received"] - before)
	client.free()
	server.free()
	return cuts


func test_the_same_seed_cuts_at_the_same_bytes() -> void:
	var first: Array[int] = await _cuts(1)
	var again: Array[int] = await _cuts(1)
	var other: Array[int] = await _cuts(2)
	check_equal(again, first)
	check(other != first, "another seed: %s" % [other])


func test_one_that_two_nodes_share() -> void:
	var server := start_server()
	var client := await open_client(server)
	var bad := _bad(0.05)
	server.simulation = bad
	client.simulation = bad
	check(await _passing(server, client) >= 99, "of both")
	bad.latency = 0.0
	server.free()
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "", LATE_MSEC)
	check_equal(client.get_close_code(), 1001)


func test_changed_while_connected_and_removed() -> void:
	var server := start_server()
	var client := await open_client(server)
	client.simulation = _bad()
	client.simulation.latency = 0.1
	check(await _passing(server, client) >= 99, "0.1 s")
	client.simulation.latency = 0.2
	check(await _passing(server, client) >= 199, "0.2 s")
	client.simulation.latency = 10.0
	var got: Array = []
	server.message_received.connect(func(_peer_id: int, message: Variant) -> void: got.append(message))
	client.send("stuck")
	await frames(3)
	check_equal(got, [])
	var begin := Time.get_ticks_msec()
	client.simulation = null
	await until(func() -> bool: return got == ["stuck"])
	check(Time.get_ticks_msec() - begin < 9000, "at once")
	server.simulation = _bad(0.1)
	check(await _passing(server, client) >= 99, "of the server")


func test_one_peer() -> void:
	var server := start_server()
	var client := await open_client(server)
	var peer := last_peer(server)
	var other := await open_client(server)
	peer.simulation = _bad(0.2)
	check(await _passing(server, client) >= 199, "this one")
	var told: Array[String] = []
	client.message_received.connect(func(_message: Variant) -> void: told.append("late"))
	other.message_received.connect(func(_message: Variant) -> void: told.append("in time"))
	server.send(0, "to all")
	await until(func() -> bool: return told.size() == 2, "", LATE_MSEC)
	check_equal(told, ["in time", "late"] as Array[String])
	server.simulation = _bad(10.0)
	peer.simulation = _bad()
	await _passing(server, client)
	var untyped: Variant = peer
	untyped.simulation = null
	check(peer.simulation == null, "null again")
	untyped.set_simulation(_bad(0.1))
	check_equal((untyped.get_simulation() as WebSocketSimulation).latency, 0.1)


func test_from_within_handlers_and_freed_there() -> void:
	var server := start_server()
	var client := await open_client(server)
	var bad := _bad(0.02)
	server.message_received.connect(
		func(peer_id: int, _message: Variant) -> void:
			bad.jitter = 0.01
			server.get_peer(peer_id).simulation = bad
			server.simulation = bad if server.simulation == null else null
			client.simulation = bad
			server.send(peer_id, "answer")
	)
	var got := [0]
	client.message_received.connect(func(_message: Variant) -> void: got[0] += 1)
	for number: int in 20:
		client.send("question")
		await frames(1)
	await until(func() -> bool: return got[0] == 20, "", LATE_MSEC)
	server.message_received.connect(func(_peer_id: int, _message: Variant) -> void: client.free())
	client.send("the last one")
	await until(func() -> bool: return server.get_peer_count() == 0, "", LATE_MSEC)
	check_equal(bad.latency, 0.02)


func test_what_a_freed_node_has_sent_still_arrives() -> void:
	var server := start_server()
	var client := await open_client(server)
	client.simulation = _bad(0.2)
	var got: Array = []
	server.message_received.connect(func(_peer_id: int, message: Variant) -> void: got.append(message))
	client.send("last")
	client.free()
	await until(func() -> bool: return got == ["last"] and server.get_peer_count() == 0, "", LATE_MSEC)


func test_on_a_thread() -> void:
	var server := start_server()
	var client := await open_client(server)
	client.simulation = _bad(0.05)
	var thread := Thread.new()
	thread.start(
		func() -> void:
			for step: int in 200:
				client.simulation.latency = 0.001 * (step % 20)
				client.simulation = client.simulation
				server.simulation = _bad(0.01) if step % 3 else null
	)
	var got := [0]
	server.message_received.connect(func(_peer_id: int, _message: Variant) -> void: got[0] += 1)
	for _i: int in 50:
		client.send("x")
		await frames(1)
	thread.wait_to_finish()
	await until(func() -> bool: return got[0] == 50, "", LATE_MSEC)


func test_saved_in_a_scene_and_loaded() -> void:
	var server := WebSocketServer.new()
	server.simulation = _bad(0.125)
	server.simulation.bandwidth = 5000
	server.simulation.cut_bytes = 77
	var scene := PackedScene.new()
	check_equal(scene.pack(server), OK)
	check_equal(ResourceSaver.save(scene, SCENE), OK)
	server.free()
	var text := FileAccess.get_file_as_string(SCENE)
	check('[sub_resource type="WebSocketSimulation"' in text, text)
	check("jitter" not in text, "a default is not saved")
	var loaded: WebSocketServer = (
		(ResourceLoader.load(SCENE, "", ResourceLoader.CACHE_MODE_IGNORE) as PackedScene).instantiate()
	)
	check_equal([loaded.simulation.latency, loaded.simulation.bandwidth], [0.125, 5000])
	check_equal([loaded.simulation.cut_bytes, loaded.simulation.jitter], [77, 0.0])
	loaded.bind_address = "localhost"
	loaded.simulation.cut_bytes = 0
	loaded.simulation.bandwidth = 0
	add_child(loaded)
	check_equal(loaded.listen(0), OK)
	var client := await open_client(loaded)
	check(await _passing(loaded, client) >= 124, "it works")
	DirAccess.remove_absolute(SCENE)


func test_the_inspector_offers_to_make_one() -> void:
	for name_of_class: String in ["WebSocketServer", "WebSocketClient", "WebSocketPeerNode"]:
		for info: Dictionary in ClassDB.class_get_property_list(name_of_class, true):
			if info["name"] == "simulation" and info["type"] == TYPE_OBJECT:
				check_equal(info["hint"], PROPERTY_HINT_RESOURCE_TYPE as int, name_of_class)
				check_equal(info["hint_string"], "WebSocketSimulation", name_of_class)
