## What goes wrong: the right Error or signal, one line in the log that says what to do, and nothing half-open.
extends "res://tests/godot/suite.gd"


func test_a_taken_port() -> void:
	var server := start_server()
	var second := WebSocketServer.new()
	add_child(second)
	second.bind_address = "localhost"
	expect_error(
		"^ERROR: listen: cannot listen on localhost, port %d: another program has it" % server.get_local_port()
	)
	check_equal(second.listen(server.get_local_port()), ERR_ALREADY_IN_USE)
	check_equal(second.status, WebSocketServer.STATUS_IDLE as int)
	check_equal(second.is_listening(), false)
	check_equal(second.listen(0), OK, "a free port, afterwards")


func test_listening_twice() -> void:
	var server := start_server()
	expect_error("^ERROR: listen: already listening on port %d; call stop" % server.get_local_port())
	check_equal(server.listen(0), ERR_ALREADY_IN_USE)
	check(server.is_listening(), "still")


func test_ports_that_do_not_exist() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	for port: int in [-2, 65536]:
		expect_error("^ERROR: listen: port %d does not exist" % port)
		check_equal(server.listen(port), ERR_INVALID_PARAMETER)
	check_equal(server.is_listening(), false)


func test_a_bad_bind_address() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	server.bind_address = "not an address"
	expect_error('^ERROR: listen: bind_address "not an address" must be')
	check_equal(server.listen(0), ERR_INVALID_PARAMETER)


func test_an_address_of_another_machine() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	server.bind_address = "192.0.2.1"
	expect_error("^ERROR: listen: cannot listen on 192.0.2.1, port 0: this machine has no such address")
	check_equal(server.listen(0), ERR_INVALID_PARAMETER)


func test_bad_urls() -> void:
	var client := WebSocketClient.new()
	add_child(client)
	var log := record(client)
	var bad := [
		"", "localhost:8080", "http://localhost", "ws://", "ws://host:port", "ws://a b/", "ws://x/#f", "ws://a:0/"
	]
	for url: String in bad + ["ws://a..b", "ws://./", "ws://%s/" % "a".repeat(64)]:
		expect_error(
			'^ERROR: connect_to_url: "%s" is not a WebSocket URL: .*ws://localhost:8080/path' % url.replace("#f", "#…")
		)
		check_equal(client.connect_to_url(url), ERR_INVALID_PARAMETER, url)
		check_equal(client.status, WebSocketClient.STATUS_IDLE as int)
	await frames(3)
	check_equal(log, [] as Array[Array])


func _check_connection_fails(url: String, reason: String) -> void:
	var client := WebSocketClient.new()
	add_child(client)
	var log := record(client)
	check_equal(client.connect_to_url(url), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "the end of the attempt")
	var failed := named(log, "connection_failed")
	check_equal(failed.size(), 1)
	var told: String = failed[0][0]
	check(told.begins_with(url) and told.contains(reason) and not told.contains("\n"), told)
	check_equal(named(log, "connected_to_server").size() + named(log, "connection_closed").size(), 0)
	check_equal(client.get_close_code(), -1)


func test_a_refused_connection() -> void:
	var server := start_server()
	var url := url_of(server)
	server.stop()
	await _check_connection_fails(url, "refuses connections on port")


func test_an_unknown_host() -> void:
	await _check_connection_fails("ws://no-such-host.invalid:1234/", '"no-such-host.invalid" cannot be resolved')


func test_name_resolution_does_not_block_a_frame() -> void:
	var client := WebSocketClient.new()
	add_child(client)
	var before := Time.get_ticks_usec()
	client.connect_to_url("ws://no-such-host.invalid/")
	check(Time.get_ticks_usec() - before < 50_000, "connect_to_url() returns at once")
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)


func test_a_server_that_speaks_no_http() -> void:
	var listener := TCPServer.new()
	check_equal(listener.listen(0, "127.0.0.1"), OK)
	var client := WebSocketClient.new()
	add_child(client)
	var log := record(client)
	client.connect_to_url("ws://127.0.0.1:%d/" % listener.get_local_port())
	await until(func() -> bool: return listener.is_connection_available())
	var stream := listener.take_connection()
	stream.put_data("SSH-2.0-OpenSSH\r\n\r\n".to_ascii_buffer())
	await until(func() -> bool: return named(log, "connection_failed").size() == 1)
	check_equal(client.status, WebSocketClient.STATUS_IDLE as int)
	stream.disconnect_from_host()
	listener.stop()


func test_a_server_that_never_answers() -> void:
	var listener := TCPServer.new()
	check_equal(listener.listen(0, "127.0.0.1"), OK)
	var client := WebSocketClient.new()
	client.connect_timeout = 0.2
	add_child(client)
	var log := record(client)
	client.connect_to_url("ws://127.0.0.1:%d/" % listener.get_local_port())
	await until(func() -> bool: return named(log, "connection_failed").size() == 1)
	check(str(named(log, "connection_failed")[0][0]).contains("in time"), "the reason")
	listener.stop()


func test_a_client_that_speaks_no_http() -> void:
	var server := start_server()
	var log := record(server)
	var raw := StreamPeerTCP.new()
	raw.connect_to_host("127.0.0.1", server.get_local_port())
	await until(
		func() -> bool:
			raw.poll()
			return raw.get_status() == StreamPeerTCP.STATUS_CONNECTED
	)
	raw.put_data("hello\r\n\r\n".to_ascii_buffer())
	await until(func() -> bool: return named(log, "handshake_failed").size() == 1)
	check_equal(named(log, "client_connected").size(), 0)
	check(str(named(log, "handshake_failed")[0][0]).begins_with("127.0.0.1: "), "who it was")
	raw.disconnect_from_host()


func test_a_client_that_never_sends_its_handshake() -> void:
	var server := start_server()
	server.handshake_timeout = 0.2
	var log := record(server)
	var raw := StreamPeerTCP.new()
	raw.connect_to_host("127.0.0.1", server.get_local_port())
	await until(func() -> bool: return named(log, "handshake_failed").size() == 1)
	check(str(named(log, "handshake_failed")[0][0]).contains("in time"), "the reason")
	raw.disconnect_from_host()


func test_sending_when_not_connected() -> void:
	var client := WebSocketClient.new()
	add_child(client)
	for method: String in ["send", "send_fragment", "ping"]:
		expect_error("^ERROR: %s: not connected; call connect_to_url" % method)
	expect_error("^ERROR: send: not connected")
	check_equal(client.send("lost"), ERR_CONNECTION_ERROR)
	check_equal(client.send_text("lost"), ERR_CONNECTION_ERROR)
	check_equal(client.send_fragment("lost", true), ERR_CONNECTION_ERROR)
	check_equal(client.ping(), ERR_CONNECTION_ERROR)


func test_sending_while_connecting() -> void:
	var server := start_server()
	var client := start_client(server)
	expect_error("^ERROR: send: not connected")
	check_equal(client.send("too early"), ERR_CONNECTION_ERROR)


func test_sending_after_the_close() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := last_peer(server)
	peer.close()
	# The other side may close at any time: no error in the log.
	check_equal(peer.send("too late"), ERR_CONNECTION_ERROR)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)


func test_unknown_peers() -> void:
	var server := start_server()
	await open_client(server)
	var unknown := 1
	expect_error("^ERROR: send: there is no peer 1; see get_peer_ids")  # Once, whatever is tried.
	check_equal(server.send(unknown, "lost"), ERR_DOES_NOT_EXIST)
	check_equal(server.send(-unknown, "lost"), ERR_DOES_NOT_EXIST)
	check_equal(server.send_json(unknown, "lost"), ERR_DOES_NOT_EXIST)
	check_equal(server.disconnect_peer(unknown), ERR_DOES_NOT_EXIST)
	check(server.get_peer(unknown) == null, "no such peer")
	check_equal(server.has_peer(unknown), false)
	expect_error("^ERROR: disconnect_peer: there is no peer 5; see get_peer_ids")
	check_equal(server.disconnect_peer(5), ERR_DOES_NOT_EXIST)


func test_what_is_neither_text_nor_binary() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	var values: Array = [null, true, 7, 1.5, Vector2(1, 2), [1], {"a": 1}, self, PackedInt32Array([1]), Color.RED]
	for value: Variant in values:
		for _i: int in 3:
			expect_error("^ERROR: send: .* is neither text nor binary; use send_json")
		check_equal(client.send(value), ERR_INVALID_PARAMETER)
		check_equal(server.send(0, value), ERR_INVALID_PARAMETER)
		check_equal(last_peer(server).send(value), ERR_INVALID_PARAMETER)
	check_equal(client.send("still well"), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 1)


func test_what_json_cannot_hold() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var endless: Array = []
	endless.append(endless)
	for value: Variant in [PackedByteArray([1]), INF, NAN, self, {"a": Callable()}, endless]:
		expect_error("^ERROR: send_json: .*use dictionaries, arrays, strings")
		check_equal(client.send_json(value), ERR_INVALID_PARAMETER)
	endless.clear()


func test_keys_that_json_cannot_tell_apart() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	var many: Array[Dictionary] = [
		{1: "a", "1": "b"}, {1: "a", 1.0: "b", "1.0": "c"}, {"a": [{^"a": 1, "a": 2}]}, {true: 1, "true": 2}
	]
	for value: Dictionary in many:
		for _i: int in 2:
			expect_error("^ERROR: send_json: two keys of a dictionary are the same in JSON, the second is a ")
		check_equal(client.send_json(value), ERR_INVALID_PARAMETER)
		check_equal(server.send_json(0, value), ERR_INVALID_PARAMETER)
	check_equal(server.send_json(0, {&"a": {1: 2, 1.0: 3}}), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 1)
	check_equal(named(log, "message_received"), [['{"a":{"1":2,"1.0":3}}']] as Array[Array])


func test_no_message_speaks_python() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var values: Dictionary = {
		"null": null,
		"bool": true,
		"int": 1,
		"float": 0.5,
		"Array": [],
		"Dictionary": {},
		"Vector2": Vector2.ONE,
		"PackedInt32Array": PackedInt32Array([1]),
		"Node": self,
		"Callable": Callable(),
	}
	for type: String in values:
		expect_error("^ERROR: send: %s is neither text nor binary; use send_json" % type)
		check_equal(client.send(values[type]), ERR_INVALID_PARAMETER)
	expect_error("^ERROR: send_json: PackedByteArray has no form in JSON; use")
	check_equal(client.send_json([PackedByteArray()]), ERR_INVALID_PARAMETER)


func test_fragments_of_two_types() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	check_equal(client.send_fragment("text", false), OK)
	expect_error("^ERROR: send_fragment: a message is text or binary throughout")
	check_equal(client.send_fragment(PackedByteArray([1]), true), ERR_INVALID_PARAMETER)
	expect_error("^ERROR: send: a message is being sent in fragments")
	check_equal(client.send("whole"), ERR_ALREADY_IN_USE)
	check_equal(client.send_fragment("", true), OK)
	check_equal(client.send("whole"), OK)


func test_too_long_a_ping() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var payload := PackedByteArray()
	payload.resize(126)
	expect_error("^ERROR: ping: the payload has 126 bytes; at most 125 fit")
	check_equal(client.ping(payload), ERR_INVALID_PARAMETER)


func test_a_full_outbound_buffer() -> void:
	var server := start_server()
	server.outbound_buffer_size = 1024
	await open_client(server)
	expect_error("^ERROR: send: the message is longer than outbound_buffer_size, and never fits; raise it")
	check_equal(last_peer(server).send("x".repeat(2000)), ERR_OUT_OF_MEMORY)
	check_equal(last_peer(server).send("x".repeat(500)), OK)
	expect_error(
		"^ERROR: send: outbound_buffer_size is reached; the receiver is too slow, send less, or wait for drained"
	)
	check_equal(last_peer(server).send("x".repeat(700)), ERR_BUSY)


func test_connecting_twice() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	expect_error("^ERROR: connect_to_url: the client is in use; call close")
	check_equal(client.connect_to_url(url_of(server)), ERR_ALREADY_IN_USE)
	check_equal(client.status, WebSocketClient.STATUS_ACTIVE as int)


## What `call_it` returns on another thread.
func _elsewhere(call_it: Callable) -> Variant:
	var thread := Thread.new()
	thread.start(call_it)
	return thread.wait_to_finish()


func test_polling_on_another_thread() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	client.send("hello")
	client.poll()
	expect_error("^ERROR: poll: only the thread that polls may call it .in Godot, the main one.: use call_deferred")
	_elsewhere(func() -> void: server.poll())
	check_equal(log, [] as Array[Array])
	await until(func() -> bool: return named(log, "message_received").size() == 1)


func test_sending_on_another_thread() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := last_peer(server)
	var log := record(client)
	var untyped: Variant = client
	var calls: Dictionary[String, Callable] = {
		"client.send": func() -> Error: return client.send("lost"),
		"untyped.send": func() -> Error: return untyped.send("lost"),
		"client.send_text": func() -> Error: return client.send_text("lost"),
		"client.send_json": func() -> Error: return client.send_json([]),
		"client.send_fragment": func() -> Error: return client.send_fragment("lost", true),
		"client.ping": func() -> Error: return client.ping(),
		"peer.send": func() -> Error: return peer.send("lost"),
		"server.send": func() -> Error: return server.send(peer.peer_id, "lost"),
		"server.send to all": func() -> Error: return server.send(0, "lost"),
	}
	for what: String in calls:
		expect_error("^ERROR: .*: only the thread that polls may call it .in Godot, the main one.: use call_deferred")
		check_equal(_elsewhere(calls[what]), ERR_UNAVAILABLE, what)
	check_equal(server.send(0, "from here"), OK)
	await until(func() -> bool: return named(log, "message_received").size() > 0)
	check_equal(named(log, "message_received"), [["from here"]] as Array[Array])


func test_opening_and_closing_on_another_thread() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var peer := last_peer(server)
	var idle_server := WebSocketServer.new()
	var idle_client := WebSocketClient.new()
	var calls: Dictionary[String, Callable] = {
		"listen": func() -> Error: return idle_server.listen(0),
		"connect_to_url": func() -> Error: return idle_client.connect_to_url(url_of(server)),
		"client.close": func() -> Error: return client.close(),
		"peer.close": func() -> Error: return peer.close(),
		"disconnect_peer": func() -> Error: return server.disconnect_peer(peer.peer_id),
	}
	for what: String in calls:
		expect_error("^ERROR: .*: only the thread that polls may call it")
		check_equal(_elsewhere(calls[what]), ERR_UNAVAILABLE, what)
	expect_error("^ERROR: stop: only the thread that polls may call it")
	_elsewhere(func() -> void: server.stop())
	check(server.is_listening() and client.status == WebSocketClient.STATUS_ACTIVE, "nothing has changed")
	idle_server.free()
	idle_client.free()


func test_reconnecting_with_properties_that_became_bad() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	client.auto_reconnect = true
	client.reconnect_delay = 0.01
	client.handshake_headers = ["nonsense"]
	var log := record(client)
	last_peer(server).close()
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check(str(named(log, "connection_failed")).contains("is not a header"), "the reason")
	client.handshake_headers = []
	check_equal(client.connect_to_url(url_of(server)), OK)
