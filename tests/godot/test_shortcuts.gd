## The short way out: send() takes a message from the engine's memory, or leaves it to Python; nobody can tell which.
extends "res://tests/godot/suite.gd"

## Characters up to which a text takes the short way, and bytes up to which binary does (shortcuts.pyx, outbox.py).
const LONGEST_TEXT := 1024
const LEAST_UNCOPIED := 32 * 1024


## Sends messages by `send`, and compares what arrives by `received`.
func _check(node: Node, send: Callable, received: Signal, messages: Array) -> void:
	var arrived: Array = []
	var take := func(a: Variant, b: Variant = null) -> void: arrived.append(a if b == null else b)
	received.connect(take)
	for message: Variant in messages:
		check_equal(send.call(message), OK, "send")
	await until(func() -> bool: return arrived.size() == messages.size(), "the messages of %s" % node.name)
	for i: int in messages.size():
		check_equal(arrived[i], messages[i], "message %d" % i)
	received.disconnect(take)


## Sends messages from server to client and back, by each method there is for it.
func _check_all_ways(messages: Array) -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := last_peer(server)
	var id := peer.peer_id
	await _check(server, func(m: Variant) -> Error: return server.send(id, m), client.message_received, messages)
	await _check(
		server, func(m: Variant) -> Error: return server.call("send", id, m), client.message_received, messages
	)
	await _check(peer, func(m: Variant) -> Error: return peer.send(m), client.message_received, messages)
	await _check(peer, func(m: Variant) -> Error: return peer.callv("send", [m]), client.message_received, messages)
	await _check(client, func(m: Variant) -> Error: return client.send(m), server.message_received, messages)
	await _check(client, client.send, peer.message_received, messages)


func test_texts_of_characters_of_every_length() -> void:
	# RFC 3629 section 3: the first and the last character of one, two, three and four bytes, and those beside surrogates.
	var texts: Array = []
	for code: int in [0x1, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]:
		texts.append(String.chr(code))
		texts.append("a%sé%s" % [String.chr(code), String.chr(code)])
	await _check_all_ways(texts)


func test_texts_as_long_as_the_way_is_wide() -> void:
	var texts: Array = [""]
	for length: int in [LONGEST_TEXT - 1, LONGEST_TEXT, LONGEST_TEXT + 1]:
		for character: String in ["x", "ж", "世", "𝄞"]:
			texts.append(character.repeat(length))
	await _check_all_ways(texts)


func test_binary_as_long_as_the_way_is_wide() -> void:
	var messages: Array = [PackedByteArray()]
	for length: int in [1, 125, 126, LEAST_UNCOPIED - 1, LEAST_UNCOPIED, LEAST_UNCOPIED + 1]:
		var message := PackedByteArray()
		message.resize(length)
		message.fill(length % 251)
		message[0] = 7
		messages.append(message)
	await _check_all_ways(messages)


func test_short_and_long_messages_keep_their_order() -> void:
	var messages: Array = []
	for i: int in 60:
		var binary := PackedByteArray()
		binary.resize(LEAST_UNCOPIED * 2 if i % 7 == 3 else i + 1)
		binary.fill(i)
		messages.append(binary if i % 2 else str(i).repeat(LONGEST_TEXT if i % 5 == 2 else 1))
	await _check_all_ways(messages)


func test_ids_that_are_no_peers() -> void:
	var server := start_server()
	await open_client(server)
	for id: int in [1, 1 << 40, 9223372036854775807]:
		expect_error("ERROR: send: there is no peer %d" % id)
		check_equal(server.send(id, "text"), ERR_DOES_NOT_EXIST)
	expect_error("ERROR: send: there is no peer 5")
	check_equal(server.call("send", 5.0, "an id that was a float"), ERR_DOES_NOT_EXIST)


func test_other_types_than_text_and_binary() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var id := last_peer(server).peer_id
	for message: Variant in [null, 1, 2.5, true, Vector2.ONE, [], {}, PackedInt32Array([1]), RefCounted.new()]:
		expect_error("ERROR: send: .* is neither text nor binary; use send_json")
		check_equal(server.send(id, message), ERR_INVALID_PARAMETER)
		expect_error("ERROR: send: .* is neither text nor binary; use send_json")
		check_equal(client.send(message), ERR_INVALID_PARAMETER)


func test_a_message_is_not_let_into_another_in_fragments() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	check_equal(client.send_fragment("a", false), OK)
	expect_error("ERROR: send: a message is being sent in fragments")
	check_equal(client.send("b"), ERR_ALREADY_IN_USE)
	check_equal(client.send_fragment("c", true), OK)
	check_equal(client.send("d"), OK)
	var log := record(server)
	await until(func() -> bool: return named(log, "message_received").size() == 2)
	var id := last_peer(server).peer_id
	check_equal(named(log, "message_received"), [[id, "ac"], [id, "d"]] as Array[Array])


func test_a_handler_frees_the_peer_between_the_signals_of_one_message() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var id := last_peer(server).peer_id
	var at_peer: Array = []
	last_peer(server).message_received.connect(func(message: Variant) -> void: at_peer.append(message))
	var at_server: Array = []
	server.message_received.connect(
		func(_id: int, message: Variant) -> void:
			at_server.append(message)
			if message == "last":
				server.get_peer(id).free()
	)
	for message: String in ["first", "last", "after"]:
		check_equal(client.send(message), OK)
	await until(func() -> bool: return server.get_peer_count() == 0)
	check_equal(at_server.slice(0, 2), ["first", "last"])
	check_equal(at_peer, ["first"])


func test_a_handler_that_connects_hears_the_next_message_at_once() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := last_peer(server)
	var at_peer: Array = []
	var hear := func(message: Variant) -> void: at_peer.append(message)
	server.message_received.connect(
		func(_id: int, message: Variant) -> void:
			if message == "listen":
				peer.message_received.connect(hear)
			elif message == "stop":
				peer.message_received.disconnect(hear)
	)
	for message: String in ["no", "listen", "yes", "stop", "no", "end"]:
		check_equal(client.send(message), OK)
	client.close()
	await until(func() -> bool: return server.get_peer_count() == 0)
	check_equal(at_peer, ["listen", "yes"])
