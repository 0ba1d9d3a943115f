## Multiplayer over our nodes: RPCs between them, and with the engine's own WebSocketMultiplayerPeer at either end.
extends "res://tests/godot/multiplayer_suite.gd"


func _exchange(one: Branch, other: Branch) -> void:
	var one_id := one.api.get_unique_id()
	var other_id := other.api.get_unique_id()
	for number: int in 50:
		one.game.hear.rpc_id(other_id, number)
		other.game.hear.rpc_id(one_id, {"n": number})
		if number % 10 == 0:
			await frames(1)
	await until(func() -> bool: return one.game.heard.size() == 50 and other.game.heard.size() == 50, "all calls")
	check_equal(other.game.heard, range(50).map(func(n: int) -> Array: return [one_id, n]))
	check_equal(one.game.heard, range(50).map(func(n: int) -> Array: return [other_id, {"n": n}]))
	one.game.heard.clear()
	other.game.heard.clear()


func test_our_client_and_our_server() -> void:
	await start_game()
	var side := await join()
	check_equal(host.api.get_unique_id(), 1)
	check_equal(Array(server.get_peer_ids()), [side.api.get_unique_id()])
	check_equal(side.told, [["connected_to_server"], ["peer_connected", 1]])
	check_equal(host.told, [["peer_connected", side.api.get_unique_id()]])
	await _exchange(host, side)


func test_the_engines_client_and_our_server() -> void:
	await start_game()
	var side := await join_with_engine()
	check_equal(Array(server.get_peer_ids()), [side.api.get_unique_id()])
	await _exchange(host, side)


func test_our_client_and_the_engines_server() -> void:
	for session: bool in [false, true]:
		await _play_with_the_engines_server(session)


func _play_with_the_engines_server(session: bool) -> void:
	var free_port := TCPServer.new()
	check_equal(free_port.listen(0, "127.0.0.1"), OK)
	var port := free_port.get_local_port()
	free_port.stop()
	var engine := WebSocketMultiplayerPeer.new()
	check_equal(engine.create_server(port, "127.0.0.1"), OK)
	host = new_side()
	host.api.multiplayer_peer = engine
	var side := new_side()
	var client := WebSocketClient.new()
	client.session = session
	side.add_child(client)
	check_equal(client.connect_to_url("ws://127.0.0.1:%d/" % port), OK)
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	await wait_until_in(side)
	await _exchange(host, side)
	engine.close()
	await until(func() -> bool: return side.count("server_disconnected") == 1)


func test_three_clients_hear_of_each_other() -> void:
	await start_game()
	var sides: Array[Branch] = [await join(), await join_with_engine(), await join()]
	for side: Branch in sides:
		await until(func() -> bool: return side.api.get_peers().size() == 3, "a client knows the two others")
	for side: Branch in sides:
		side.game.hear_all.rpc(side.api.get_unique_id())
	var ids := sides.map(func(side: Branch) -> int: return side.api.get_unique_id())
	ids.sort()
	for side: Branch in [host] + sides:
		await until(func() -> bool: return side.game.heard.size() == 3, "calls of all three")
		var values := side.game.values()
		values.sort()
		check_equal(values, ids)
		for entry: Array in side.game.heard:
			check_equal(entry[0], entry[1])
	sides[1].api.multiplayer_peer.close()
	for side: Branch in [host, sides[0], sides[2]]:
		await until(func() -> bool: return side.count("peer_disconnected") == 1)
		check_equal(side.told.back(), ["peer_disconnected", ids[ids.find(side.told.back()[1])]])


func test_without_relay() -> void:
	await start_game()
	host.api.server_relay = false
	var one := await join()
	var other := await join()
	host.game.hear.rpc("hello")
	await until(func() -> bool: return one.game.heard.size() == 1 and other.game.heard.size() == 1)
	check_equal(Array(one.api.get_peers()), [1])
	check_equal(one.game.heard, [[1, "hello"]])


func test_plain_clients_on_the_same_port() -> void:
	await start_game("/mp")
	var log := record(server)
	var side := await join("/mp")
	var plain := WebSocketClient.new()
	add_child(plain)
	var plain_log := record(plain)
	check_equal(plain.connect_to_url(url_of(server, "/")), OK)
	await until(func() -> bool: return server.get_peer_count() == 2 and plain.status == WebSocketClient.STATUS_ACTIVE)
	check_equal(plain.send("hello"), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 1)
	check_equal(server.send(0, "for all"), OK)
	await until(func() -> bool: return named(plain_log, "message_received").size() == 1)
	side.game.hear.rpc_id(1, "played")
	await until(func() -> bool: return host.game.heard.size() == 1)
	check_equal(named(log, "message_received").size(), 1)
	check_equal(host.told.size(), 1)


func test_a_text_closes_with_1003() -> void:
	await start_game()
	var side := await join()
	check_equal(client_of(side).send("text!"), OK)
	await until(func() -> bool: return side.count("server_disconnected") == 1)
	check_equal(client_of(side).get_close_code(), 1003)
	await until(func() -> bool: return host.count("peer_disconnected") == 1)


func test_a_packet_is_handled_in_the_frame_in_which_it_came() -> void:
	await start_game()
	var side := await join()
	for _i: int in 5:
		# Sent now, it is in the socket before the next frame begins, and that frame's multiplayer.poll() is to bring it.
		side.game.hear.rpc_id(1, "now")
		client_of(side).poll()
		await get_tree().process_frame
		check_equal(host.game.heard.size(), 1)
		check_equal(host.game.heard_in[0], Engine.get_process_frames())
		host.game.heard.clear()
		host.game.heard_in.clear()


func test_polled_by_hand_in_one_frame() -> void:
	await start_game()
	get_tree().multiplayer_poll = false
	var client := WebSocketClient.new()
	var side := new_side()
	side.add_child(client)
	check_equal(client.connect_to_url(url_of(server)), OK)
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	var deadline := Time.get_ticks_msec() + 3000
	while side.told.is_empty() and Time.get_ticks_msec() < deadline:
		side.api.poll()
		host.api.poll()
	check_equal(side.told, [["connected_to_server"], ["peer_connected", 1]])
	get_tree().multiplayer_poll = true


func test_low_latency_is_that_of_the_node() -> void:
	await start_game()
	var side := await join()
	var sleep_before := OS.low_processor_usage_mode_sleep_usec
	OS.low_processor_usage_mode_sleep_usec = 50_000
	server.low_latency = true
	await frames(2)
	var started := Time.get_ticks_msec()
	for round_trip: int in 20:
		side.game.hear.rpc_id(1, round_trip)
		await until(func() -> bool: return host.game.heard.size() == round_trip + 1)
		host.game.hear.rpc_id(side.api.get_unique_id(), round_trip)
		await until(func() -> bool: return side.game.heard.size() == round_trip + 1)
	var msec := Time.get_ticks_msec() - started
	check(msec < 20 * 50 / 4, "20 round trips took %d ms" % msec)
	server.low_latency = false
	OS.low_processor_usage_mode_sleep_usec = sleep_before


func test_a_paused_game_goes_on() -> void:
	await start_game()
	var side := await join()
	get_tree().paused = true
	side.game.hear.rpc_id(1, "paused")
	await until(func() -> bool: return host.game.heard.size() == 1)
	get_tree().paused = false


func test_a_node_that_stops_with_the_game() -> void:
	await start_game()
	var side := await join()
	server.process_mode = Node.PROCESS_MODE_PAUSABLE
	for number: int in 3:
		get_tree().paused = true
		side.game.hear.rpc_id(1, number)
		await frames(10)  # The client polls.
		check_equal(host.game.heard.size(), number)
		get_tree().paused = false
		await until(func() -> bool: return host.game.heard.size() == number + 1)


func test_a_peer_that_belongs_to_no_node() -> void:
	var script := GDScript.new()
	script.source_code = "extends WebSocketNodeMultiplayerPeer"
	check_equal(script.reload(), OK)
	var peer: MultiplayerPeer = script.new()
	peer.poll()
	check_equal(peer.put_packet(PackedByteArray([1])), ERR_UNCONFIGURED)
	check_equal(peer.get_connection_status(), MultiplayerPeer.CONNECTION_DISCONNECTED)


func test_ten_times_the_engines_buffer() -> void:
	await start_game()
	var side := await join()
	var payload := PackedByteArray()
	payload.resize(1000)
	for number: int in 656:
		payload.encode_u32(0, number)
		host.game.hear.rpc_id(side.api.get_unique_id(), payload)
		side.game.hear.rpc_id(1, payload)
	await until(func() -> bool: return side.game.heard.size() == 656 and host.game.heard.size() == 656)
	for number: int in 656:
		check_equal((side.game.heard[number][1] as PackedByteArray).decode_u32(0), number)


func test_packets_to_the_limit() -> void:
	await start_game()
	var side := await join()
	var payload := PackedByteArray()
	payload.resize(server.max_message_size - 100)
	payload.fill(7)
	side.game.hear.rpc_id(1, payload)
	host.game.hear.rpc_id(side.api.get_unique_id(), payload)
	await until(func() -> bool: return side.game.heard.size() == 1 and host.game.heard.size() == 1)
	check_equal(host.game.heard[0][1], payload)
	payload.resize(server.max_message_size + 100)
	side.game.hear.rpc_id(1, payload)
	await until(func() -> bool: return side.count("server_disconnected") == 1)
	check_equal(client_of(side).get_close_code(), 1009)


func test_modes_reach_who_keeps_up() -> void:
	await start_game()
	var side := await join()
	for number: int in 20:
		host.game.hear_unreliable.rpc(number)
		host.game.hear_ordered.rpc(number)
	host.game.hear_authority.rpc("done")
	await until(func() -> bool: return side.game.by_authority == ["done"])
	check_equal(side.game.states.size(), 40)
