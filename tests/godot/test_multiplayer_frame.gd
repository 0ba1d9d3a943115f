## What is put for a player within one frame, packet behind packet, while something changes in between.
extends "res://tests/godot/multiplayer_suite.gd"

const FIRST := 20
const SIZE := 32


## Longer than what the engine's multiplayer sends by itself.
func _packet(number: int) -> PackedByteArray:
	var packet := PackedByteArray()
	packet.resize(SIZE)
	packet.encode_u32(0, number)
	return packet


func _is_ours(message: PackedByteArray) -> bool:
	return message.size() == SIZE


## Puts `count` packets for a player; returns what the last one gave.
func _put(id: int, count: int, from: int = 0) -> Error:
	var error := OK
	host.api.multiplayer_peer.set_target_peer(id)
	for number: int in range(from, from + count):
		error = host.api.multiplayer_peer.put_packet(_packet(number))
	return error


## A plain client that plays, and what it hears.
func _join_plainly() -> WebSocketClient:
	var client := WebSocketClient.new()
	add_child(client)
	check_equal(client.connect_to_url(url_of(server, "/mp")), OK)
	return client


func _heard_by(client: WebSocketClient) -> Array[int]:
	var heard: Array[int] = []
	client.message_received.connect(
		func(message: PackedByteArray) -> void:
			if _is_ours(message):
				heard.append(message.decode_u32(0))
	)
	return heard


func _id_of(number: int) -> int:
	await until(func() -> bool: return host.count("peer_connected") == number, "a player came")
	return host.told.back()[1]


func test_one_behind_the_other() -> void:
	await start_game("/mp")
	var ids: Array[int] = []
	var heard: Array[Array] = []
	for number: int in 40:
		heard.append(_heard_by(_join_plainly()))
		ids.append(await _id_of(number + 1))
	for number: int in FIRST:
		for id: int in ids:
			_put(id, 1, number)
	_put(0, 1, FIRST)
	_put(-ids[0], 1, FIRST + 1)
	for id: int in ids:
		check_equal(_put(id, 1, FIRST + 2), OK)
	await until(func() -> bool: return heard.all(func(of: Array) -> bool: return of.has(FIRST + 2)))
	for index: int in heard.size():
		var missing := [FIRST + 1] if index == 0 else []
		check_equal(heard[index], range(FIRST + 3).filter(func(n: int) -> bool: return n not in missing))


func test_between_messages_of_the_node() -> void:
	await start_game("/mp")
	var heard := _heard_by(_join_plainly())
	var id := await _id_of(1)
	_put(id, 3)
	check_equal(server.send(id, _packet(3)), OK)
	_put(id, 3, 4)
	check_equal(server.send(id, _packet(7)), OK)
	_put(id, 1, 8)
	await until(func() -> bool: return heard == range(9), "in their order")


func test_a_supervisor_that_comes_in_between() -> void:
	await start_game("/mp")
	var heard := _heard_by(_join_plainly())
	var id := await _id_of(1)
	check_equal(_put(id, 3), OK)
	server.outgoing_supervisor = func(_id: int, message: PackedByteArray) -> Variant:
		if not _is_ours(message):
			return true
		var number := message.decode_u32(0)
		return _packet(100 + number) if number % 2 == 0 else false
	_put(id, 4, 3)
	server.outgoing_supervisor = Callable()
	check_equal(_put(id, 1, 7), OK)
	await until(func() -> bool: return heard == [0, 1, 2, 104, 106, 7], "as it said")


func test_who_goes_in_between_gets_nothing_more() -> void:
	await start_game("/mp")
	for leave: Callable in [
		func(id: int) -> void: host.api.multiplayer_peer.disconnect_peer(id),
		func(id: int) -> void: host.api.multiplayer_peer.disconnect_peer(id, true),
		func(_id: int) -> void: host.api.multiplayer_peer.close(),
	]:
		host.told.clear()
		if host.api.multiplayer_peer.get_connection_status() == MultiplayerPeer.CONNECTION_DISCONNECTED:
			host.api.multiplayer_peer = server.get_multiplayer_peer()
		var client := _join_plainly()
		var heard := _heard_by(client)
		var id := await _id_of(1)
		check_equal(_put(id, 3), OK)
		leave.call(id)
		check(_put(id, 1, 3) != OK, "there is nobody")
		await until(func() -> bool: return client.get_ready_state() == WebSocketPeer.STATE_CLOSED, "it is closed")
		check(not heard.has(3), "it hears nothing more")


func test_a_connection_that_is_closed_in_between() -> void:
	await start_game("/mp")
	var client := _join_plainly()
	var heard := _heard_by(client)
	var id := await _id_of(1)
	check_equal(_put(id, 3), OK)
	server.get_peer(id).close(4000)
	check_equal(_put(id, 1, 3), ERR_CONNECTION_ERROR)
	await until(func() -> bool: return client.get_close_code() == 4000 and heard == [0, 1, 2])


func test_a_server_that_is_freed_in_between() -> void:
	await start_game("/mp")
	_join_plainly()
	var id := await _id_of(1)
	var peer := host.api.multiplayer_peer
	check_equal(_put(id, 3), OK)
	server.free()
	peer.set_target_peer(id)
	check(peer.put_packet(_packet(3)) != OK, "there is nobody")
	host.api.multiplayer_peer = null


func test_up_to_the_limit_and_no_further() -> void:
	await start_game("/mp")
	server.outbound_buffer_size = 65536
	var client := _join_plainly()
	var id := await _id_of(1)
	var peer := host.api.multiplayer_peer
	var payload := PackedByteArray()
	payload.resize(1000)
	peer.set_target_peer(id)
	var count := 0
	expect_error("^ERROR: .*outbound_buffer_size")
	while peer.put_packet(payload) == OK:
		count += 1
	# A frame takes 4 bytes more than what it carries, and is counted with 14.
	check_equal(count, (65536 - 1014) / 1004 + 1)
	await until(func() -> bool: return client.get_ready_state() == WebSocketPeer.STATE_CLOSED, "it is closed")


func test_on_another_thread() -> void:
	await start_game("/mp")
	var heard := _heard_by(_join_plainly())
	var id := await _id_of(1)
	var other := _heard_by(_join_plainly())
	var other_id := await _id_of(2)
	check_equal(_put(other_id, 1), OK)
	check_equal(_put(id, 3), OK)
	for _i: int in 50:
		expect_error("^ERROR: .*only the thread that polls may call it")
	var thread := Thread.new()
	thread.start(_put.bind(other_id, 50, 100))
	# The target is still the one that this thread has set.
	for number: int in range(3, 5000):
		host.api.multiplayer_peer.put_packet(_packet(number))
	check_equal(thread.wait_to_finish(), ERR_UNAVAILABLE)
	await until(func() -> bool: return heard == range(5000), "what the thread that polls has put")
	check_equal(other, [0])


func test_freed_on_another_thread_in_between() -> void:
	for _round: int in 20:
		await start_game("/mp")
		_join_plainly()
		host.told.clear()
		var id := await _id_of(1)
		var peer := host.api.multiplayer_peer
		check_equal(_put(id, 3), OK)
		remove_child(server)
		var thread := Thread.new()
		thread.start(server.free)
		while thread.is_alive():
			peer.put_packet(_packet(3))
		thread.wait_to_finish()
		await frames(2)
		peer.set_target_peer(id)
		check(peer.put_packet(_packet(3)) != OK, "there is nobody")
		host.api.multiplayer_peer = null
