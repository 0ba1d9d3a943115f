## Every member of WebSocketPeerNode, typed and untyped.
extends "res://tests/godot/api_suite.gd"

var _server: WebSocketServer
var _client: WebSocketClient
var _peer: WebSocketPeerNode
## The same peer, for calls by name.
var _untyped: Variant


func api_class() -> StringName:
	return &"WebSocketPeerNode"


func _open(path: String = "/") -> void:
	await _open_with(start_server(), path)


func _open_with(server: WebSocketServer, path: String = "/") -> void:
	_server = server
	_client = await open_client(_server, path)
	_peer = last_peer(_server)
	_untyped = _peer


# --- properties


func test_property_peer_id() -> void:
	await _open()
	var id := _server.get_peer_ids()[0]
	check_equal(_peer.peer_id, id)
	check_equal(_peer.get_peer_id(), id)
	check_equal(_untyped["peer_id"], id)
	check_equal(_untyped.call("get_peer_id"), id)


func test_property_request() -> void:
	await _open("/room?seat=3")
	check_equal(_peer.request.path, "/room")
	check(_peer.get_request() == _peer.request, "one and the same")
	check_equal(_untyped["request"].query, {"seat": "3"})
	check_equal(Classes.name_of(_untyped.call("get_request") as Object), "WebSocketRequest")
	var request := _peer.request
	request.data = 5
	_server.stop()
	await frames(2)
	check_equal([request.data, request.path, request.get_header("Upgrade")], [5, "/room", "websocket"])


func test_property_simulation() -> void:
	await _open()
	check(_peer.simulation == null, "null at first")
	var bad := WebSocketSimulation.new()
	_peer.simulation = bad
	check_equal(_peer.get_simulation(), bad)
	_peer.set_simulation(null)
	check(_untyped["simulation"] == null, "null again")
	_untyped.set("simulation", bad)
	check_equal(_untyped.call("get_simulation"), bad)


func test_property_latency() -> void:
	await _open()
	# What the system has measured, where it does.
	check(_peer.latency >= 0.0 and _peer.latency < DEADLINE_MSEC / 1000.0, "seconds: %f" % _peer.latency)
	_server.heartbeat_interval = 0.1
	await _open_with(_server)
	await until(func() -> bool: return _peer.latency > 0.0)
	check(_peer.latency < DEADLINE_MSEC / 1000.0, "seconds: %f" % _peer.latency)
	var latency := _peer.get_latency()
	_check_both(latency, "get_latency", _untyped["latency"])


# --- sending


func _check_client_receives(expected: Array, sending: Callable) -> void:
	await _open()
	var received: Array = []
	_client.message_received.connect(func(message: Variant) -> void: received.append(message))
	sending.call()
	await until(func() -> bool: return received.size() == expected.size())
	check_equal(received, expected)


func test_method_send() -> void:
	var sending := func() -> void:
		check_equal(_peer.send("typed"), OK)
		check_equal(_peer.send(PackedByteArray([1])), OK)
		check_equal(_untyped.send("untyped"), OK)
		check_equal(_untyped.call("send", PackedByteArray([2])), OK)
	await _check_client_receives(["typed", PackedByteArray([1]), "untyped", PackedByteArray([2])], sending)


func test_method_send_text() -> void:
	var sending := func() -> void:
		check_equal(_peer.send_text("typed"), OK)
		check_equal(_untyped.call("send_text", "untyped"), OK)
	await _check_client_receives(["typed", "untyped"], sending)


func test_method_send_json() -> void:
	var sending := func() -> void:
		check_equal(_peer.send_json([1]), OK)
		check_equal(_untyped.call("send_json", {}), OK)
	await _check_client_receives(["[1]", "{}"], sending)


func test_method_send_latest() -> void:
	var sending := func() -> void:
		check_equal(_peer.send_latest("a", "replaced"), OK)
		check_equal(_peer.send_latest("a", "typed"), OK)
		check_equal(_untyped.send_latest(1, "untyped"), OK)
		check_equal(_untyped.call("send_latest", &"b", PackedByteArray([1])), OK)
	await _check_client_receives(["typed", "untyped", PackedByteArray([1])], sending)


func test_method_send_fragment() -> void:
	var sending := func() -> void:
		check_equal(_peer.send_fragment("a", false), OK)
		check_equal(_untyped.call("send_fragment", "b", true), OK)
	await _check_client_receives(["ab"], sending)


func test_method_ping() -> void:
	await _open()
	var log := record(_peer)
	check_equal(_peer.ping("one".to_utf8_buffer()), OK)
	check_equal(_untyped.call("ping"), OK)
	await until(func() -> bool: return named(log, "pong_received").size() == 2)
	check_equal(named(log, "pong_received"), [["one".to_utf8_buffer()], [PackedByteArray()]] as Array[Array])


func test_method_close() -> void:
	await _open()
	check_equal(_peer.close(4000, "why"), OK)
	await until(func() -> bool: return _client.status == WebSocketClient.STATUS_IDLE)
	check_equal([_client.get_close_code(), _client.get_close_reason()], [4000, "why"])
	await _open()
	check_equal(_untyped.call("close"), OK)
	await until(func() -> bool: return _client.status == WebSocketClient.STATUS_IDLE)
	check_equal(_client.get_close_code(), 1000)


# --- asking


## Compares what a method gives on a typed variable, what it gives by name, and what is expected.
func _check_both(typed: Variant, method: String, expected: Variant) -> void:
	check_equal(typed, expected, method)
	check_equal(_untyped.call(method), expected, method + " by name")


func test_method_get_ready_state() -> void:
	await _open()
	var state: WebSocketPeerNode.State = _peer.get_ready_state()
	_check_both(state, "get_ready_state", WebSocketPeerNode.STATE_OPEN as int)
	_peer.close()
	_check_both(_peer.get_ready_state(), "get_ready_state", WebSocketPeerNode.STATE_CLOSING as int)


func test_method_get_close_code() -> void:
	await _open()
	_check_both(_peer.get_close_code(), "get_close_code", -1)
	_server.client_disconnected.connect(
		func(_id: int) -> void: _check_both(_peer.get_close_code(), "get_close_code", 4000)
	)
	_client.close(4000, "why")
	await until(func() -> bool: return _server.get_peer_count() == 0)


func test_method_get_close_reason() -> void:
	await _open()
	_check_both(_peer.get_close_reason(), "get_close_reason", "")
	_server.client_disconnected.connect(
		func(_id: int) -> void: _check_both(_peer.get_close_reason(), "get_close_reason", "warum, ö")
	)
	_client.close(4000, "warum, ö")
	await until(func() -> bool: return _server.get_peer_count() == 0)


func test_method_get_connected_host() -> void:
	await _open()
	_check_both(_peer.get_connected_host(), "get_connected_host", "127.0.0.1")


func test_method_get_connected_port() -> void:
	await _open()
	check(_peer.get_connected_port() > 0, "a port")
	check(_peer.get_connected_port() != _server.get_local_port(), "the client's own")
	_check_both(_peer.get_connected_port(), "get_connected_port", _untyped.get_connected_port())


func test_method_get_selected_protocol() -> void:
	await _open()
	_check_both(_peer.get_selected_protocol(), "get_selected_protocol", "")


func test_method_get_handshake_header() -> void:
	await _open()
	check_equal(_peer.get_handshake_header("Sec-WebSocket-Version"), "13")
	check_equal(_untyped.call("get_handshake_header", "sec-websocket-version"), "13")


func test_method_get_statistics() -> void:
	await _open()
	check_equal(_peer.get_statistics()["messages_received"], 0)
	_check_both(_peer.get_statistics(), "get_statistics", _peer.get_statistics())


func test_method_get_request_path() -> void:
	await _open("/a?b")
	_check_both(_peer.get_request_path(), "get_request_path", "/a?b")


func test_method_get_requested_url() -> void:
	await _open("/a?b")
	_check_both(_peer.get_requested_url(), "get_requested_url", url_of(_server, "/a?b"))


func test_method_get_current_outbound_buffered_amount() -> void:
	await _open()
	_check_both(_peer.get_current_outbound_buffered_amount(), "get_current_outbound_buffered_amount", 0)
	_peer.send("x".repeat(1000))
	# RFC 6455 section 5.2: a header of 4 bytes, and no mask.
	_check_both(_peer.get_current_outbound_buffered_amount(), "get_current_outbound_buffered_amount", 1004)


# --- signals


func test_signal_message_received() -> void:
	await _check_signals()


func test_signal_pong_received() -> void:
	await _check_signals()


func test_signal_drained() -> void:
	var server := start_server()
	server.outbound_buffer_size = 1024
	await _open_with(server)
	var seen: Array = []
	_peer.drained.connect(func() -> void: seen.append("typed"))
	var by_name := record(_peer)
	check_equal(_peer.send("x".repeat(900)), OK)
	expect_error("^ERROR: send: outbound_buffer_size is reached")
	check_equal(_peer.send("x".repeat(900)), ERR_BUSY)
	await until(func() -> bool: return seen.size() == 1)
	check_equal(by_name, [["drained"]] as Array[Array])


func test_signal_connection_closed() -> void:
	await _check_signals()


## One connection to its end, seen by handlers connected typed and by name.
func _check_signals() -> void:
	await _open()
	var seen: Array[Array] = []
	_peer.message_received.connect(func(message: Variant) -> void: seen.append(["message_received", message]))
	_peer.pong_received.connect(func(payload: PackedByteArray) -> void: seen.append(["pong_received", payload]))
	_peer.connection_closed.connect(func() -> void: seen.append(["connection_closed"]))
	var by_name := record(_peer)
	_client.send("hello")
	await until(func() -> bool: return seen.size() == 1)
	_peer.ping("x".to_utf8_buffer())
	await until(func() -> bool: return seen.size() == 2)
	_client.close()
	await until(func() -> bool: return _server.get_peer_count() == 0)
	var expected: Array[Array] = [
		["message_received", "hello"], ["pong_received", "x".to_utf8_buffer()], ["connection_closed"]
	]
	check_equal(seen, expected)
	check_equal(by_name, expected)


# --- enums


func test_enum_state() -> void:
	var typed := {
		"STATE_CONNECTING": WebSocketPeerNode.STATE_CONNECTING,
		"STATE_OPEN": WebSocketPeerNode.STATE_OPEN,
		"STATE_CLOSING": WebSocketPeerNode.STATE_CLOSING,
		"STATE_CLOSED": WebSocketPeerNode.STATE_CLOSED,
	}
	check_enum("State", typed)


func test_a_peer_without_a_connection() -> void:
	var peer := WebSocketPeerNode.new()
	var orphan := "this WebSocketPeerNode has no connection: only a WebSocketServer makes .* use get_peer"
	expect_error("^ERROR: T" + orphan.substr(1))
	add_child(peer)
	check_equal(peer.peer_id, 0)
	check_equal(peer.get_ready_state(), WebSocketPeerNode.STATE_CLOSED as int)
	for method: String in ["send", "send", "send_fragment", "ping"]:
		expect_error("^ERROR: %s: %s" % [method, orphan])
	check_equal(peer.send("nobody"), ERR_CONNECTION_ERROR)
	check_equal(peer.send_json({}), ERR_CONNECTION_ERROR)
	check_equal(peer.send_fragment("nobody", true), ERR_CONNECTION_ERROR)
	check_equal(peer.ping(), ERR_CONNECTION_ERROR)
	check_equal(peer.close(), OK)
	check_equal(peer.get_close_code(), -1)
	peer.free()


func test_method_start_request() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	client.handle("echo", func(data: Variant) -> Variant: return data)
	var peer := last_peer(server)
	var untyped: Variant = peer
	var typed := peer.start_request("echo", "typed", 5.0)
	var other: WebSocketReply = untyped.start_request("echo", 2)
	check_equal((await typed.wait()).data, "typed")
	check_equal((await other.wait()).data, 2)


func test_method_send_var() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var log := record(client)
	var untyped: Variant = last_peer(server)
	check_equal(last_peer(server).send_var(&"typed"), OK)
	check_equal(untyped.send_var([^"un"]), OK)
	await until(func() -> bool: return named(log, "var_received").size() == 2)
	check_equal(named(log, "var_received"), [[&"typed"], [[^"un"]]] as Array[Array])


func test_signal_var_received() -> void:
	var server := start_session_server()
	var client := await open_session(server)
	var seen: Array = []
	last_peer(server).var_received.connect(func(value: Variant) -> void: seen.append(value))
	check_equal(client.send_var(Rect2i(1, 2, 3, 4)), OK)
	await until(func() -> bool: return seen.size() == 1)
	check_equal(seen, [Rect2i(1, 2, 3, 4)])
