## Requests: GDScript awaits a reply, and a handler may await before it answers.
extends "res://tests/godot/suite.gd"

signal released(value: Variant)

const Sessions := preload("res://tests/godot/test_sessions.gd")


## Awaits something that never comes, and is freed meanwhile.
class Forgetful:
	extends Node

	signal never

	func answer(_peer_id: int, _data: Variant) -> Variant:
		await never
		return 1


## Asks on its own behalf.
class Asker:
	extends WebSocketClient

	func ask(method: String) -> int:
		var reply := await request(method, null, 5.0)
		return reply.error


func connect_client(server: WebSocketServer, client: WebSocketClient) -> WebSocketClient:
	add_child(client)
	check_equal(client.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE, "connected")
	await until(func() -> bool: return server.get_peer_count() == 1, "client_connected")
	return client


func test_typed_and_untyped() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	server.handle("login", func(peer_id: int, data: Dictionary) -> Dictionary: return {"id": peer_id, "was": data})
	var reply := await client.request("login", {"name": "Zoë"}, 5.0)
	check_equal(reply.error, OK)
	check_equal(reply.message, "")
	check_equal(reply.data, {"id": server.get_peer_ids()[0], "was": {"name": "Zoë"}})
	check(reply.is_completed, "completed")
	var any: Variant = client
	var untyped: Variant = await any.request("login", {}, 5)
	check_equal(untyped.get_data()["was"], {})
	check_equal(Classes.name_of(untyped as Object), "WebSocketReply")


func test_both_ways_and_with_await() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var peer_id := server.get_peer_ids()[0]
	server.handle(
		"later",
		func(_peer_id: int, data: Variant) -> Variant:
			var value: Variant = await released
			return [data, value]
	)
	client.handle("name", func(_data: Variant) -> String: return "Ada")
	var pending := client.start_request("later", 1)
	check_equal(pending.error, ERR_BUSY)
	var name_reply := await server.request(peer_id, "name", null, 5.0)
	check_equal(name_reply.data, "Ada")
	check_equal((await server.get_peer(peer_id).start_request("name").wait()).data, "Ada")
	check(not pending.is_completed, "it waits")
	released.emit("now")
	check_equal((await pending.wait()).data, [1, "now"])
	check_equal((await pending.wait()).data, [1, "now"], "at once")
	var own := Asker.new()
	own.session = true
	add_child(own)
	check_equal(await own.ask("later"), ERR_CONNECTION_ERROR, "of its own, not connected")


func test_a_script_that_asks_for_itself() -> void:
	var server := start_session_server()
	server.handle("echo", func(_peer_id: int, data: Variant) -> Variant: return data)
	var own := Asker.new()
	own.session = true
	await connect_client(server, own)
	check_equal(await own.ask("echo"), OK)
	check_equal(await own.ask("missing"), ERR_METHOD_NOT_FOUND)


func test_errors_are_values() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	server.handle(
		"refuse",
		func(_peer_id: int, _data: Variant) -> WebSocketReply: return WebSocketReply.fail(ERR_UNAUTHORIZED, "No ä")
	)
	var refused := await client.request("refuse")
	check_equal([refused.error, refused.message, refused.data], [ERR_UNAUTHORIZED, "No ä", null])
	check_equal((await client.request("missing")).error, ERR_METHOD_NOT_FOUND)
	server.handle("never", func(_peer_id: int, _data: Variant) -> Variant: return await released)
	check_equal((await client.request("never", null, 0.1)).error, ERR_TIMEOUT)
	expect_error("ERROR: request: .*has no form in JSON")
	check_equal((await client.request("never", self)).error, ERR_INVALID_PARAMETER)
	expect_error("ERROR: request: a method is a name")
	check_equal((await client.request("a b")).error, ERR_INVALID_PARAMETER)
	var pending := client.start_request("never")
	var told: Array[int] = []
	pending.completed.connect(func(reply: WebSocketReply) -> void: told.append(reply.error))
	pending.cancel()
	pending.cancel()
	check_equal(told, [ERR_SKIP] as Array[int])
	check_equal(pending.error, ERR_SKIP)
	expect_error("ERROR: handle: the handler of .wrong. failed: ")
	server.handle("wrong", func() -> void: pass)
	check_equal((await client.request("wrong")).error, ERR_SCRIPT_FAILED)
	server.handle("wrong", Callable())
	check_equal((await client.request("wrong")).error, ERR_METHOD_NOT_FOUND, "taken back")


func test_without_sessions() -> void:
	var server := start_server()
	var client := await open_client(server)
	expect_error("ERROR: request: there is no session with the other side; turn them on, session_timeout")
	check_equal((await client.request("x")).error, ERR_UNAVAILABLE)
	var idle := WebSocketClient.new()
	add_child(idle)
	check_equal((await idle.request("x")).error, ERR_CONNECTION_ERROR)
	var reply := idle.start_request("x")
	check((await reply.completed) == reply, "told later, so that it can be waited for")
	var orphan := WebSocketPeerNode.new()
	check_equal((await orphan.start_request("x").wait()).error, ERR_CONNECTION_ERROR)
	orphan.free()
	expect_error("ERROR: request: there is no peer 5; see get_peer_ids")
	check_equal((await server.request(5, "x")).error, ERR_DOES_NOT_EXIST)


func test_values_of_the_engine() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	client.request_encoding = WebSocketClient.ENCODING_VAR
	var asked: Array[Variant] = []
	server.handle(
		"echo",
		func(_peer_id: int, data: Variant) -> Variant:
			asked.append(data)
			return data
	)
	for value: Variant in [
		null,
		true,
		-5,
		1 << 60,
		2.5,
		"Zoë",
		&"name",
		^"a/b:c",
		Vector2(1, 2),
		Vector3i(1, 2, 3),
		Transform3D(),
		Color.RED,
		[1, "2", [Vector2i(3, 4)]],
		{"a": {2: Rect2()}, Vector2(): null},
		PackedByteArray([1, 2, 3]),
		PackedStringArray(["a", "bcd", ""]),
		PackedVector3Array([Vector3.ONE]),
		PackedColorArray([Color.BLUE]),
		PackedFloat64Array([0.1]),
		Array([1, 2], TYPE_INT, &"", null),
		Projection(),
		AABB(),
		Plane(),
		Basis(),
	]:
		var reply := await client.request("echo", value)
		check_equal(reply.error, OK, var_to_str(value))
		check_equal(reply.data, value, var_to_str(value))
		check_equal(asked.pop_back(), value, var_to_str(value))
	for value: Variant in [
		self, [self], {1: self}, Callable(self, "free"), released, RID(), Array([], TYPE_OBJECT, &"Node", null)
	]:
		expect_error("ERROR: request: .* cannot be sent")
		check_equal((await client.request("echo", value)).error, ERR_INVALID_PARAMETER, "%s" % [value])


func test_a_cut() -> void:
	var server := start_session_server()
	var relay := Sessions.Relay.new(server.get_local_port())
	add_child(relay)
	var client := WebSocketClient.new()
	client.session = true
	client.reconnect_delay = 0.05
	add_child(client)
	check_equal(client.connect_to_url("ws://127.0.0.1:%d" % relay.port), OK)
	await until(func() -> bool: return server.get_peer_count() == 1)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	var handled: Array[Variant] = []
	server.handle(
		"later",
		func(_peer_id: int, data: Variant) -> Variant:
			handled.append(data)
			return [data, await released]
	)
	var before := client.start_request("later", 1)
	await until(func() -> bool: return handled.size() == 1)
	relay.cut()
	var meanwhile := client.start_request("later", 2)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_RECONNECTING, "cut")
	await until(func() -> bool: return handled.size() == 2)
	released.emit("done")
	check_equal((await before.wait()).data, [1, "done"])
	check_equal((await meanwhile.wait()).data, [2, "done"])
	check_equal(handled, [1, 2] as Array[Variant], "once each")


func test_freed_while_it_is_awaited() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var errors: Array[Error] = []
	var ask := func() -> void:
		var reply := await client.request("later")
		errors.append(reply.error)
	server.handle("later", func(_peer_id: int, _data: Variant) -> Variant: return await released)
	ask.call()
	ask.call()
	client.free()
	check_equal(errors, [] as Array[Error], "not while it is being freed")
	await until(func() -> bool: return errors.size() == 2)
	check_equal(errors, [ERR_CONNECTION_ERROR, ERR_CONNECTION_ERROR] as Array[Error])


func test_a_server_that_is_freed_or_stopped() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	client.handle("never", func(_data: Variant) -> Variant: return await released)
	var peer_id := server.get_peer_ids()[0]
	var stopped := server.start_request(peer_id, "never")
	server.stop()
	check_equal(stopped.error, ERR_CONNECTION_ERROR)
	check_equal(server.listen(0), OK)
	client.close()
	var other := await open_session(server)
	other.handle("never", func(_data: Variant) -> Variant: return await released)
	var freed := server.start_request(server.get_peer_ids()[0], "never")
	server.free()
	check_equal((await freed.wait()).error, ERR_CONNECTION_ERROR)


func test_a_handler_whose_object_is_freed() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var forgetful := Forgetful.new()
	add_child(forgetful)
	server.handle("m", forgetful.answer)
	var pending := client.start_request("m")
	await frames(10)
	forgetful.free()
	expect_error("ERROR: handle: the handler of .m. failed: what it awaited is gone")
	check_equal((await pending.wait()).error, ERR_SCRIPT_FAILED)
	expect_error("ERROR: handle: the handler of .m. failed: ")
	check_equal((await client.request("m")).error, ERR_SCRIPT_FAILED)


func test_on_another_thread() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	expect_error("ERROR: request: only the thread that polls may call it")
	var thread := Thread.new()
	thread.start(func() -> Error: return client.start_request("m").error)
	await until(func() -> bool: return not thread.is_alive())
	check_equal(thread.wait_to_finish(), ERR_UNAVAILABLE)


func test_freed_in_handlers() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var peer_id := server.get_peer_ids()[0]
	var seen: Array[int] = []
	client.handle("free", func(_data: Variant) -> int: return _freed(client))
	var asked := server.start_request(peer_id, "free", null, 1.0)
	check((await asked.wait()).error in [ERR_CONNECTION_ERROR, ERR_TIMEOUT], "%s" % asked.error)
	await until(func() -> bool: return server.get_peer_count() == 0)
	var other := await open_session(server)
	var ask := func() -> void:
		var reply := await other.request("free", null, 1.0)
		seen.append(reply.error)
		other.free()
	server.handle("free", func(_id: int, _data: Variant) -> int: return _freed(server))
	ask.call()
	await until(func() -> bool: return seen.size() == 1)
	check(seen[0] in [OK, ERR_CONNECTION_ERROR, ERR_TIMEOUT], "%d" % seen[0])
	check(not is_instance_valid(server) and not is_instance_valid(other), "both are gone")


func test_peers_that_are_freed_or_closed_in_handlers() -> void:
	var server := start_session_server()
	server.handle("free", func(id: int, _data: Variant) -> int: return _freed(server.get_peer(id)))
	server.handle("close", func(id: int, _data: Variant) -> Error: return server.disconnect_peer(id))
	for how: String in ["free", "close"]:
		var client := await open_session(server)
		var reply := await client.request(how, null, 1.0)
		check(reply.is_completed, how)
		client.free()
		await until(func() -> bool: return server.get_peer_count() == 0)


func _freed(node: Node) -> int:
	node.free()
	return 1
