## The tests of what a WebSocketClient has in sessions: requests, values and the clock.
## The suite of its API derives from it.
extends "res://tests/godot/api_suite.gd"


func test_property_request_timeout() -> void:
	var client := WebSocketClient.new()
	check_equal(client.request_timeout, 10.0)
	client.request_timeout = 2.5
	check_equal(client.get_request_timeout(), 2.5)
	client.set_request_timeout(3.0)
	check_equal(client.request_timeout, 3.0)
	client.free()
	check_property("request_timeout", 10.0, 2.5)
	check_refuses("request_timeout", [0.0, 3601.0])


func test_property_max_requests() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_requests, 64)
	client.max_requests = 1
	check_equal(client.get_max_requests(), 1)
	client.set_max_requests(2)
	check_equal(client.max_requests, 2)
	client.free()
	check_property("max_requests", 64, 1)
	check_refuses("max_requests", [0, 65_537])


func test_property_clock_interval() -> void:
	var client := WebSocketClient.new()
	check_equal(client.clock_interval, 5.0)
	client.clock_interval = 0.0
	check_equal(client.get_clock_interval(), 0.0)
	client.set_clock_interval(1.0)
	check_equal(client.clock_interval, 1.0)
	client.free()
	check_property("clock_interval", 5.0, 0.0)
	check_refuses("clock_interval", [-0.1, 3601.0])


func test_property_request_encoding() -> void:
	var client := WebSocketClient.new()
	check_equal(client.request_encoding, WebSocketClient.ENCODING_JSON)
	client.request_encoding = WebSocketClient.ENCODING_VAR
	check_equal(client.get_request_encoding(), WebSocketClient.ENCODING_VAR)
	client.set_request_encoding(WebSocketClient.ENCODING_JSON)
	check_equal(client.request_encoding, WebSocketClient.ENCODING_JSON)
	client.free()
	check_property("request_encoding", 0, 1)


func test_enum_encoding() -> void:
	check_enum(
		"Encoding", {"ENCODING_JSON": WebSocketClient.ENCODING_JSON, "ENCODING_VAR": WebSocketClient.ENCODING_VAR}
	)


func test_property_server_time() -> void:
	var client := await open_session(start_session_server())
	var untyped: Variant = client
	await until(func() -> bool: return client.server_time > 0.0)
	var time := client.server_time
	check(
		untyped.server_time >= time and untyped.get("server_time") > 0.0 and client.get_server_time() >= time, "typed"
	)


func test_property_clock_error() -> void:
	var client := await open_session(start_session_server())
	var untyped: Variant = client
	check_equal(client.clock_error, INF, "not known yet")
	await until(func() -> bool: return client.clock_error < 1.0)
	check(untyped.clock_error < 1.0 and client.get_clock_error() < 1.0, "seconds")


func test_method_handle() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var untyped: Variant = client
	check_equal(client.handle("typed", func(data: Variant) -> Variant: return data), OK)
	check_equal(untyped.handle("untyped", func(data: Variant) -> Variant: return [data]), OK)
	check_equal(untyped.call("handle", "taken_back", Callable()), OK)
	var id := server.get_peer_ids()[0]
	check_equal((await server.request(id, "typed", 1)).data, 1)
	check_equal((await server.request(id, "untyped", 1)).data, [1])


func test_method_request() -> void:
	var server := start_session_server()
	server.handle("echo", func(_id: int, data: Variant) -> Variant: return data)
	var client := await open_session(server)
	var untyped: Variant = client
	var typed := await client.request("echo", "typed", 5.0)
	check_equal(typed.data, "typed")
	check_equal((await client.request("echo")).data, null)
	check_equal((await untyped.request("echo", 2, 5)).data, 2)
	check_equal((await untyped.call("request", "echo", [3])).data, [3])


func test_method_start_request() -> void:
	var server := start_session_server()
	server.handle("echo", func(_id: int, data: Variant) -> Variant: return data)
	var client := await open_session(server)
	var untyped: Variant = client
	var typed := client.start_request("echo", "typed", 5.0)
	var other: WebSocketReply = untyped.start_request("echo", 2)
	check(not typed.is_completed, "not yet")
	check_equal((await typed.wait()).data, "typed")
	check_equal((await other.wait()).data, 2)


func test_method_send_var() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var untyped: Variant = client
	var log := record(server)
	check_equal(client.send_var(Vector2(1, 2)), OK)
	check_equal(untyped.send_var({&"a": 1}), OK)
	expect_error("^ERROR: send_var: Object cannot be sent, only values")
	check_equal(untyped.call("send_var", self), ERR_INVALID_PARAMETER)
	await until(func() -> bool: return named(log, "var_received").size() == 2)
	var id := server.get_peer_ids()[0]
	check_equal(named(log, "var_received"), [[id, Vector2(1, 2)], [id, {&"a": 1}]] as Array[Array])
	var plain := await open_client(server)
	expect_error("^ERROR: send_var: there is no session with the other side")
	check_equal(plain.send_var(1), ERR_UNAVAILABLE)


func test_signal_var_received() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var seen: Array = []
	client.var_received.connect(func(value: Variant) -> void: seen.append(value))
	var by_name := record(client)
	check_equal(server.send_var(0, [1, Color.RED]), OK)
	await until(func() -> bool: return seen.size() == 1)
	check_equal(seen, [[1, Color.RED]])
	check_equal(named(by_name, "var_received"), [[[1, Color.RED]]] as Array[Array])
