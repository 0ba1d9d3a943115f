## Virtuals that pass memory by pointers: packets, streams and a multiplayer peer written in Python.
extends "res://tests/godot/suite.gd"


class Called:
	extends Node
	var heard: Array[Variant] = []

	@rpc("any_peer")
	func hear(value: Variant) -> void:
		heard.append(value)


func test_packets() -> void:
	var packets := Packets.new()
	check_equal(packets.get_packet(), PackedByteArray())
	check_equal(packets.get_packet_error(), ERR_UNAVAILABLE)
	for size: int in [1, 3, 100_000]:
		var packet := PackedByteArray()
		packet.resize(size)
		packet.fill(size % 251)
		check_equal(packets.put_packet(packet), OK)
		check_equal(packets.get_available_packet_count(), 1)
		check_equal(packets.get_packet(), packet)
		check_equal(packets.get_packet_error(), OK)
	check_equal(packets.put_var({"a": [1, "two"]}), OK)
	check_equal(packets.get_var(), {"a": [1, "two"]})
	var large := PackedByteArray()
	large.resize((1 << 20) + 1)
	check_equal(packets.put_packet(large), ERR_OUT_OF_MEMORY)


func test_packets_that_are_wrong() -> void:
	var packets := Packets.new()
	packets.be_wrong("raises")
	expect_error("SCRIPT ERROR: LookupError: no packet")
	check_equal(packets.get_packet(), PackedByteArray())
	check_equal(packets.get_packet_error(), FAILED)
	packets.be_wrong("bytes")
	expect_error("SCRIPT ERROR: TypeError: Packets._get_packet.. returns an Error, or an Error and what goes with it")
	check_equal(packets.get_packet(), PackedByteArray())
	check_equal(packets.get_packet_error(), FAILED)
	packets.be_wrong("text")
	expect_error("SCRIPT ERROR: TypeError: memoryview: a bytes-like object is required")
	check_equal(packets.get_packet(), PackedByteArray())
	packets.be_wrong("view")
	check_equal(packets.get_packet(), "ab".to_ascii_buffer())


func test_a_stream() -> void:
	var stream := Stream.new()
	var data := PackedByteArray()
	data.resize(1500)
	data.fill(7)
	check_equal(stream.put_partial_data(data), [OK, 1000])
	check_equal(stream.put_data(data), OK)
	check_equal(stream.get_available_bytes(), 2500)
	check_equal(stream.get_partial_data(1500), [OK, data])
	var refused := stream.get_data(1001)
	check_equal(refused[0], ERR_UNAVAILABLE)
	check_equal(stream.get_data(1000), [OK, data.slice(0, 1000)])
	stream.put_utf8_string("text")
	check_equal(stream.get_utf8_string(), "text")
	stream.give_too_much()
	expect_error("SCRIPT ERROR: ValueError: Stream._get_partial_data.. returned 11 bytes where 10 were asked for")
	var got := stream.get_partial_data(10)
	check_equal(got[0], FAILED)


func test_remote_calls_over_a_peer_written_in_python() -> void:
	var server := Loop.new()
	var client := Loop.new()
	server.join(client, 1)
	client.join(server, 2)
	var called := [_branch("Server", server), _branch("Client", client)]
	server.announce()
	client.announce()
	await until(func() -> bool: return _multiplayer(called[0]).get_peers().has(2), "the client is known")
	await until(func() -> bool: return _multiplayer(called[1]).get_peers().has(1), "the server is known")
	for i: int in 100:
		(called[1] as Called).hear.rpc_id(1, i)
		(called[0] as Called).hear.rpc({"n": i})
	await until(func() -> bool: return (called[0] as Called).heard.size() == 100, "calls of the client")
	await until(func() -> bool: return (called[1] as Called).heard.size() == 100, "calls of the server")
	check_equal((called[0] as Called).heard[99], 99)
	check_equal((called[1] as Called).heard[99], {"n": 99})
	server.close()
	client.close()
	for node: Called in called:
		get_tree().set_multiplayer(null, node.get_parent().get_path())
	var watches: Array[WeakRef] = [weakref(server), weakref(client)]
	server = null
	client = null
	for watch: WeakRef in watches:
		check_equal(watch.get_ref(), null)


func _branch(branch_name: String, peer: MultiplayerPeer) -> Called:
	var branch := Node.new()
	branch.name = branch_name
	add_child(branch)
	get_tree().set_multiplayer(SceneMultiplayer.new(), branch.get_path())
	branch.multiplayer.multiplayer_peer = peer
	var called := Called.new()
	called.name = "Called"
	branch.add_child(called)
	return called


func _multiplayer(node: Node) -> MultiplayerAPI:
	return node.multiplayer
