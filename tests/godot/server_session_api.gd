## The tests of what a WebSocketServer has in sessions: requests, values, its clock, and how it is drained.
## server_handover_api.gd derives from it.
extends "res://tests/godot/api_suite.gd"


func test_property_request_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.request_timeout, 10.0)
	server.request_timeout = 2.5
	check_equal(server.get_request_timeout(), 2.5)
	server.set_request_timeout(3.0)
	check_equal(server.request_timeout, 3.0)
	server.free()
	check_property("request_timeout", 10.0, 2.5)
	check_refuses("request_timeout", [0.0, 3601.0])


func test_property_max_requests() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_requests, 64)
	server.max_requests = 1
	check_equal(server.get_max_requests(), 1)
	server.set_max_requests(2)
	check_equal(server.max_requests, 2)
	server.free()
	check_property("max_requests", 64, 1)
	check_refuses("max_requests", [0, 65_537])


func test_property_request_encoding() -> void:
	var server := WebSocketServer.new()
	check_equal(server.request_encoding, WebSocketServer.ENCODING_JSON)
	server.request_encoding = WebSocketServer.ENCODING_VAR
	check_equal(server.get_request_encoding(), WebSocketServer.ENCODING_VAR)
	server.set_request_encoding(WebSocketServer.ENCODING_JSON)
	check_equal(server.request_encoding, WebSocketServer.ENCODING_JSON)
	server.free()
	check_property("request_encoding", 0, 1)


func test_enum_encoding() -> void:
	check_enum(
		"Encoding", {"ENCODING_JSON": WebSocketServer.ENCODING_JSON, "ENCODING_VAR": WebSocketServer.ENCODING_VAR}
	)


func test_property_server_time() -> void:
	var server := WebSocketServer.new()
	var untyped: Variant = server
	var time := server.server_time
	check(time > 0.0 and untyped.server_time >= time and untyped.call("get_server_time") >= time, "%f" % time)
	server.free()


func test_method_handle() -> void:
	var server := start_session_server()
	var untyped: Variant = server
	check_equal(server.handle("typed", func(id: int, data: Variant) -> Variant: return [id, data]), OK)
	check_equal(untyped.handle("untyped", func(_id: int, data: Variant) -> Variant: return data), OK)
	check_equal(untyped.call("handle", "taken_back", Callable()), OK)
	var client := await open_session(server)
	check_equal((await client.request("typed", 1)).data, [server.get_peer_ids()[0], 1])
	check_equal((await client.request("untyped", 1)).data, 1)


func test_method_request() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	client.handle("echo", func(data: Variant) -> Variant: return data)
	var untyped: Variant = server
	var id := server.get_peer_ids()[0]
	var typed := await server.request(id, "echo", "typed", 5.0)
	check_equal(typed.data, "typed")
	check_equal((await server.request(id, "echo")).data, null)
	check_equal((await untyped.request(id, "echo", 2, 5)).data, 2)
	check_equal((await untyped.call("request", id, "echo", [3])).data, [3])


func test_method_start_request() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	client.handle("echo", func(data: Variant) -> Variant: return data)
	var untyped: Variant = server
	var id := server.get_peer_ids()[0]
	var typed := server.start_request(id, "echo", "typed", 5.0)
	var other: WebSocketReply = untyped.start_request(id, "echo", 2)
	check_equal((await typed.wait()).data, "typed")
	check_equal((await other.wait()).data, 2)


func test_method_send_var() -> void:
	var server := start_session_server()
	var clients: Array[WebSocketClient] = [await open_session(server), await open_session(server)]
	await open_client(server)
	var logs := clients.map(record)
	var untyped: Variant = server
	var id := server.get_peer_ids()[0]
	check_equal(server.send_var(id, 1), OK)
	check_equal(untyped.send_var(0, Vector2.ONE), OK, "those without a session are left out")
	check_equal(untyped.call("send_var", -id, "other"), OK)
	expect_error("^ERROR: send_var: there is no peer 1")
	check_equal(server.send_var(1, 1), ERR_DOES_NOT_EXIST)
	expect_error("^ERROR: send_var: there is no peer 3")
	check_equal(server.send_var(-3, 1), ERR_DOES_NOT_EXIST)
	await until(func() -> bool: return named(logs[0], "var_received").size() == 2)
	await until(func() -> bool: return named(logs[1], "var_received").size() == 2)
	check_equal(named(logs[0], "var_received"), [[1], [Vector2.ONE]] as Array[Array])
	check_equal(named(logs[1], "var_received"), [[Vector2.ONE], ["other"]] as Array[Array])


func test_signal_var_received() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var seen: Array = []
	server.var_received.connect(func(id: int, value: Variant) -> void: seen.append([id, value]))
	check_equal(client.send_var(PackedInt32Array([1, 2])), OK)
	await until(func() -> bool: return seen.size() == 1)
	check_equal(seen, [[server.get_peer_ids()[0], PackedInt32Array([1, 2])]])


func test_property_drain_on_terminate() -> void:
	var server := WebSocketServer.new()
	check_equal(server.drain_on_terminate, false)
	server.drain_on_terminate = true
	check_equal(server.get_drain_on_terminate(), true)
	server.set_drain_on_terminate(false)
	check_equal(server.drain_on_terminate, false)
	server.free()
	check_property("drain_on_terminate", false, true)


func test_property_drain_time() -> void:
	var server := WebSocketServer.new()
	check_equal(server.drain_time, 10.0)
	server.drain_time = 2.5
	check_equal(server.get_drain_time(), 2.5)
	server.set_drain_time(0.0)
	check_equal(server.drain_time, 0.0)
	server.free()
	check_property("drain_time", 10.0, 30.0)
	check_refuses("drain_time", [-0.1, 86401.0])


## What it does: test_drain.gd.
func test_method_drain() -> void:
	var server := WebSocketServer.new()
	var untyped: Variant = server
	expect_error("^ERROR: drain: the server does not listen")
	check_equal(server.drain(1.0), ERR_UNCONFIGURED)
	server.bind_address = "localhost"
	add_child(server)
	server.listen(0)
	expect_error("^ERROR: drain: the seconds must be from 0 to 86400, not -1")
	check_equal(untyped.drain(-1), ERR_INVALID_PARAMETER)
	expect_error('^ERROR: drain: "http://x/" is not a WebSocket URL')
	check_equal(server.drain(1.0, "http://x/"), ERR_INVALID_PARAMETER)
	check_equal(untyped.drain(1, "ws://localhost:1/"), OK)


func test_signal_drain_finished() -> void:
	var server := start_server()
	var by_name := record(server)
	var seen := []
	server.drain_finished.connect(func() -> void: seen.append(true))
	server.drain(0.0)
	await until(func() -> bool: return seen.size() == 1)
	check_equal(by_name, [["drain_finished"]] as Array[Array])
