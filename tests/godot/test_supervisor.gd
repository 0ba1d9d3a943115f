## supervisor and outgoing_supervisor: GDScript sees each message before the game does, or before it is sent.
extends "res://tests/godot/suite.gd"


class Moderator:
	extends Node

	var seen: Array = []

	func moderate(_id: int, message: Variant) -> Variant:
		seen.append(message)
		if message is PackedByteArray:
			return PackedByteArray([(message as PackedByteArray).size()])
		if message == "fails":
			var nothing: Variant = null
			return nothing.no_such_method()
		var verdicts := {"refused": false, "changed": "CHANGED", "name": &"a StringName", "nothing": null, "number": 1}
		return verdicts.get(message, true)


func _texts(log: Array[Array]) -> Array:
	return named(log, "message_received").map(func(arguments: Array) -> Variant: return arguments.back())


func _arrived(log: Array[Array]) -> bool:
	return _texts(log).has("end")


func test_it_lets_through_changes_and_refuses() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var moderator := Moderator.new()
	add_child(moderator)
	server.supervisor = moderator.moderate
	var log := record(server)
	var of_peer := record(last_peer(server))
	for message: Variant in ["a", "refused", "changed", "name", PackedByteArray([1, 2, 3]), "end"]:
		check_equal(client.send(message), OK)
	await until(func() -> bool: return _arrived(log), "the end")
	check_equal(_texts(log), ["a", "CHANGED", "a StringName", PackedByteArray([3]), "end"])
	check_equal(_texts(of_peer), ["a", "CHANGED", "a StringName", PackedByteArray([3]), "end"])
	check_equal(moderator.seen.size(), 6)
	moderator.free()


func test_it_is_set_untyped_and_taken_away() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var untyped: Variant = server
	untyped.supervisor = func(_id: int, message: Variant) -> bool: return message != "no"
	var log := record(server)
	client.send("no")
	client.send("end")
	await until(func() -> bool: return _arrived(log), "the end")
	untyped.supervisor = Callable()
	client.send("no")
	await until(func() -> bool: return _texts(log).has("no"), "without it")
	check_equal(_texts(log), ["end", "no"])


func test_what_fails_or_returns_nothing_is_refused() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var moderator := Moderator.new()
	add_child(moderator)
	server.supervisor = moderator.moderate
	var log := record(server)
	expect_error("SCRIPT ERROR: .*no_such_method")
	for message: String in ["fails", "nothing", "nothing", "number", "end"]:
		client.send(message)
	await until(func() -> bool: return _arrived(log), "the end")
	check_equal(_texts(log), ["end"])
	moderator.free()


func test_one_whose_object_is_gone_refuses() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var moderator := Moderator.new()
	server.supervisor = moderator.moderate
	moderator.free()
	var log := record(server)
	client.send("a")
	await frames(20)
	check_equal(_texts(log), [])
	server.supervisor = Callable()
	client.send("end")
	await until(func() -> bool: return _arrived(log), "the end")


func test_one_with_other_arguments_refuses() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	server.supervisor = func() -> bool: return true
	client.send("a")
	await frames(20)
	check_equal(_texts(log), [])


func test_it_may_wait_for_nothing() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	server.supervisor = func(_id: int, _message: Variant) -> bool:
		await get_tree().process_frame
		return true
	client.send("a")
	await frames(20)
	check_equal(_texts(log), [])


func test_it_frees_the_server() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	server.supervisor = func(_id: int, _message: Variant) -> bool:
		server.free()
		return true
	client.send("a")
	client.send("b")
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "closed")
	check_equal(client.get_close_code(), 1001)


func test_it_frees_the_peer() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	server.supervisor = func(id: int, _message: Variant) -> bool:
		if server.has_peer(id):
			server.get_peer(id).free()
		return false
	client.send("a")
	client.send("b")
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "closed")


func test_it_stops_the_server_and_polls() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	server.supervisor = func(_id: int, message: Variant) -> bool:
		for _i: int in 5:
			client.poll()
			server.poll()
		if message == "stop":
			server.stop()
		return true
	for message: String in ["1", "2", "3", "stop", "4"]:
		client.send(message)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "closed")
	check_equal(_texts(log), ["1", "2", "3"])


func test_of_a_client_it_has_one_argument() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	client.supervisor = func(message: Variant) -> Variant:
		return str(message).to_upper() if message is String else false
	var log := record(client)
	server.send(0, "a")
	server.send(0, PackedByteArray([1]))
	server.send(0, "b")
	await until(func() -> bool: return _texts(log).size() == 2, "two")
	check_equal(_texts(log), ["A", "B"])


func test_outgoing_is_seen_once_for_each_send() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var other: WebSocketClient = await open_client(server)
	var id := last_peer(server).peer_id
	var seen: Array = []
	server.outgoing_supervisor = func(target: int, message: Variant) -> Variant:
		seen.append([target, message])
		return false if message is String and message == "no" else true
	var long := PackedByteArray()
	long.resize(100_000)
	var untyped: Variant = server
	check_equal(server.send(id, "typed"), OK)
	check_equal(untyped.send(id, "untyped"), OK)
	check_equal(last_peer(server).send("peer"), OK)
	check_equal(server.send(id, long), OK)
	check_equal(server.send(0, "all"), OK)
	check_equal(server.send(-id, "others"), OK)
	check_equal(server.send(id, "no"), ERR_UNAUTHORIZED)
	check_equal(untyped.send(id, "no"), ERR_UNAUTHORIZED)
	check_equal(last_peer(server).call("send", "no"), ERR_UNAUTHORIZED)
	check_equal(server.send(0, "no"), ERR_UNAUTHORIZED)
	var targets := seen.map(func(call: Array) -> int: return call[0])
	check_equal(targets, [id, id, id, id, 0, -id, id, id, id, 0])
	check_equal(seen[3][1], long)
	var log := record(other)
	await until(func() -> bool: return _texts(log).size() == 5, "what was sent")
	check_equal(_texts(log), ["typed", "untyped", "peer", long, "all"])
	server.outgoing_supervisor = Callable()
	check_equal(server.send(0, "no"), OK)
	await until(func() -> bool: return _texts(log).has("no"), "without it")
	client.free()


func test_outgoing_of_a_client() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	client.outgoing_supervisor = func(message: Variant) -> Variant: return str(message).replace("hell", "heck")
	check_equal(client.send("hello"), OK)
	client.outgoing_supervisor = func(_message: Variant) -> bool: return false
	check_equal(client.send("end"), ERR_UNAUTHORIZED)
	expect_error("^ERROR: send_fragment: outgoing_supervisor has to see whole messages; use send")
	check_equal(client.send_fragment("a", true), ERR_UNAUTHORIZED)
	client.outgoing_supervisor = Callable()
	check_equal(client.send("end"), OK)
	await until(func() -> bool: return _arrived(log), "the end")
	check_equal(_texts(log), ["hecko", "end"])


func test_values_requests_and_replies_are_messages_too() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var seen: Array = []
	server.supervisor = func(id: int, message: Variant) -> bool:
		seen.append([id, typeof(message)])
		var value: Variant = bytes_to_var(message as PackedByteArray) if message is PackedByteArray else message
		return not str(value).contains("evil")
	server.handle("echo", func(_id: int, data: Variant) -> Variant: return data)
	client.handle("echo", func(data: Variant) -> Variant: return data)
	var log := record(server)
	check_equal(client.send_var({"a": "evil"}), OK)
	check_equal(client.send_var(Vector2(1.0, 2.0)), OK)
	check_equal((await client.request("echo", "evil")).error, ERR_UNAUTHORIZED)
	check_equal((await client.request("echo", "good")).data, "good")
	var id := last_peer(server).peer_id
	check_equal((await server.request(id, "echo", "evil")).error, ERR_UNAUTHORIZED)
	check_equal((await server.request(id, "echo", "good")).data, "good")
	check_equal(named(log, "var_received"), [[id, Vector2(1.0, 2.0)]] as Array[Array])
	var types := [TYPE_PACKED_BYTE_ARRAY, TYPE_PACKED_BYTE_ARRAY, TYPE_STRING, TYPE_STRING, TYPE_STRING, TYPE_STRING]
	check_equal(seen, types.map(func(type: int) -> Array: return [id, type]))
	check_equal(server.get_statistics()["counts"]["refused_by_supervisor"], 3)


func test_outgoing_values_requests_and_replies() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var other := await open_session(server)
	var id := last_peer(server).peer_id
	var seen: Array = []
	server.outgoing_supervisor = func(target: int, message: Variant) -> Variant:
		seen.append(target)
		if message is PackedByteArray:
			return str(bytes_to_var(message as PackedByteArray)) != "secret"
		return (message as String).replace("hell", "heck") if not message.contains("secret") else false
	server.handle("echo", func(_id: int, data: Variant) -> Variant: return data)
	server.handle("fail", func(_id: int, _data: Variant) -> Variant: return WebSocketReply.fail(FAILED, "hell no"))
	other.handle("echo", func(data: Variant) -> Variant: return data)
	var log := record(other)
	var untyped: Variant = server
	check_equal(server.send_var(0, "all"), OK)
	check_equal(untyped.send_var(id, "one"), OK)
	check_equal(last_peer(server).send_var(3), OK)
	check_equal(server.send_var(0, "secret"), ERR_UNAUTHORIZED)
	check_equal(untyped.send_var(id, "secret"), ERR_UNAUTHORIZED)
	check_equal(last_peer(server).send_var("secret"), ERR_UNAUTHORIZED)
	check_equal(seen, [0, id, id, 0, id, id])
	check_equal((await server.request(id, "echo", "secret")).error, ERR_UNAUTHORIZED)
	check_equal((await server.request(id, "echo", "hello")).data, "hecko")
	check_equal((await other.request("echo", "secret")).error, ERR_UNAUTHORIZED)
	check_equal((await other.request("echo", "hello")).data, "hecko")
	check_equal((await other.request("fail")).message, "heck no")
	await until(func() -> bool: return named(log, "var_received").size() == 3, "values")
	check_equal(named(log, "var_received"), [["all"], ["one"], [3]] as Array[Array])
	client.outgoing_supervisor = func(_message: Variant) -> bool: return false
	check_equal(client.send_var(1), ERR_UNAUTHORIZED)
	check_equal((await client.request("echo")).error, ERR_UNAUTHORIZED)


func test_it_frees_the_server_at_a_value_or_a_request() -> void:
	for is_request: bool in [false, true]:
		var servers: Array[WebSocketServer] = [start_session_server()]
		var client := await open_session(servers[0])
		var handled: Array = []
		servers[0].handle("echo", func(_id: int, data: Variant) -> void: handled.append(data))
		servers[0].var_received.connect(func(_id: int, value: Variant) -> void: handled.append(value))
		servers[0].supervisor = func(_id: int, _message: Variant) -> bool:
			servers[0].free()
			return true
		if is_request:
			client.start_request("echo", 1)
		else:
			client.send_var(1)
		await until(func() -> bool: return not is_instance_valid(servers[0]), "freed")
		check_equal(handled, [])
		client.free()


func test_it_frees_the_client_that_waits_for_a_reply() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	server.handle("echo", func(_id: int, data: Variant) -> Variant: return data)
	client.supervisor = func(_message: Variant) -> bool:
		client.free()
		return true
	check_equal((await client.start_request("echo", 1).wait()).error, ERR_CONNECTION_ERROR)
