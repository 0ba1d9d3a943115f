## TLS with Godot's own TLSOptions, keys and certificates: on both sides, with the engine's WebSocketPeer as the other
## one, and with paths of the game's file system.
extends "res://tests/godot/suite.gd"

const NAME := "CN=myserver,O=myorganisation,C=IT"

const KEY_PATH := "user://tls_test.key"
const CERTIFICATE_PATH := "user://tls_test.crt"

var _key := CryptoKey.new()
var _certificate := X509Certificate.new()


func _ready() -> void:
	# Once for all tests, and all runs: a key takes seconds to make.
	if not FileAccess.file_exists(KEY_PATH) or not FileAccess.file_exists(CERTIFICATE_PATH):
		_generate()
	check_equal(_key.load(KEY_PATH), OK)
	check_equal(_certificate.load(CERTIFICATE_PATH), OK)


## Makes a certificate that others than the engine read, too. Its random serial number is no proper INTEGER of DER when
## it begins with a zero byte, as one in 256 does.
func _generate() -> void:
	var crypto := Crypto.new()
	var key := crypto.generate_rsa(2048)
	check_equal(key.save(KEY_PATH), OK)
	var serial_begins := 0
	while serial_begins == 0:
		var made := crypto.generate_self_signed_certificate(key, NAME, "20200101000000", "20400101000000")
		check_equal(made.save(CERTIFICATE_PATH), OK)
		var lines := FileAccess.get_file_as_string(CERTIFICATE_PATH).strip_edges().split("\n")
		serial_begins = Marshalls.base64_to_raw("".join(lines.slice(1, -1)))[15]


func _wss(server: WebSocketServer) -> String:
	return "wss://127.0.0.1:%d/" % server.get_local_port()


func _secure_server() -> WebSocketServer:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	server.tls_options = TLSOptions.server(_key, _certificate)
	add_child(server)
	check_equal(server.listen(0), OK, "listen")
	server.message_received.connect(server.send)
	return server


func _new_client() -> WebSocketClient:
	var client := WebSocketClient.new()
	add_child(client)
	return client


func _check_echo(client: WebSocketClient) -> void:
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE, "connected")
	var log := record(client)
	var bytes := PackedByteArray()
	bytes.resize(300_000)
	check_equal(client.send("hällo"), OK)
	check_equal(client.send(bytes), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 2, "echo")
	check_equal(named(log, "message_received"), [["hällo"], [bytes]] as Array[Array])


func _failure(client: WebSocketClient) -> String:
	var log := record(client)
	await until(func() -> bool: return named(log, "connection_failed").size() == 1, "connection_failed")
	return named(log, "connection_failed")[0][0]


func test_the_options_are_a_propertys() -> void:
	var client := _new_client()
	client.tls_options = TLSOptions.client(_certificate, "myserver")
	check_equal(client.connect_to_url(_wss(_secure_server())), OK)
	await _check_echo(client)
	client.close()
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.get_close_code(), 1000)


func test_the_options_are_an_arguments() -> void:
	var server := _secure_server()
	var client := _new_client()
	check_equal(client.connect_to_url(_wss(server), TLSOptions.client(_certificate, "myserver")), OK)
	await _check_echo(client)
	var untyped: Variant = _new_client()
	check_equal(untyped.connect_to_url(_wss(server), TLSOptions.client(_certificate, "myserver")), OK)
	await _check_echo(untyped as WebSocketClient)
	check_equal(server.get_peer(server.get_peer_ids()[0]).get_requested_url(), _wss(server))


func test_a_variable_for_options_may_hold_none() -> void:
	var none: TLSOptions = null
	var client := WebSocketClient.new()
	client.tls_options = none
	check_equal(client.connect_to_url("ws://localhost:1", none), OK)
	client.free()
	var untyped: Variant = WebSocketClient.new()
	check_equal(untyped.connect_to_url("ws://localhost:1", none), OK)
	untyped.free()


func test_untyped() -> void:
	var server: Variant = Classes.make(&"WebSocketServer")
	server.set("tls_options", TLSOptions.server(_key, _certificate))
	server.bind_address = "localhost"
	add_child(server as Node)
	check_equal(server.listen(0), OK)
	server.message_received.connect(server.send)
	var client: Variant = Classes.make(&"WebSocketClient")
	client.tls_options = TLSOptions.client(_certificate, "myserver")
	add_child(client as Node)
	check_equal(client.connect_to_url(_wss(server as WebSocketServer), null), OK)
	await _check_echo(client as WebSocketClient)


func test_another_name() -> void:
	var server := _secure_server()
	var client := _new_client()
	check_equal(client.connect_to_url(_wss(server), TLSOptions.client(_certificate)), OK)
	var why := await _failure(client)
	check("is not trusted (" in why and "common_name_override" in why, why)


func test_an_authority_that_nobody_knows() -> void:
	var server := _secure_server()
	var client := _new_client()
	client.auto_reconnect = true
	check_equal(client.connect_to_url(_wss(server)), OK)
	var why := await _failure(client)
	check("is not trusted (self-signed certificate)" in why, why)
	check_equal(client.status, WebSocketClient.STATUS_IDLE as int)


func test_unsafe() -> void:
	var server := _secure_server()
	var client := _new_client()
	for _i: int in 2:
		check_equal(client.connect_to_url(_wss(server), TLSOptions.client_unsafe()), OK)
		await _check_echo(client)
		client.close()
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)


func test_options_of_the_other_side() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	server.tls_options = TLSOptions.client()
	expect_error("^ERROR: listen: tls_options are a client's; use TLSOptions.server")
	check_equal(server.listen(0), ERR_INVALID_PARAMETER)
	expect_error("^ERROR: connect_to_url: tls_options are a server's; use TLSOptions.client")
	var options := TLSOptions.server(_key, _certificate)
	check_equal(_new_client().connect_to_url("wss://localhost:1/", options), ERR_INVALID_PARAMETER)


func test_paths() -> void:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	server.tls_certificate = CERTIFICATE_PATH
	server.tls_private_key = ProjectSettings.globalize_path(KEY_PATH)
	add_child(server)
	check_equal(server.listen(0), OK)
	server.message_received.connect(server.send)
	var client := _new_client()
	client.tls_trusted_ca = CERTIFICATE_PATH
	client.tls_options = null
	# The name in it is not localhost.
	check_equal(client.connect_to_url(_wss(server)), OK)
	check("mismatch" in await _failure(client), "the name is checked")
	check_equal(client.connect_to_url(_wss(server), TLSOptions.client(_certificate, "myserver")), OK)
	await _check_echo(client)
	server.stop()
	server.tls_private_key = "user://missing.key"
	expect_error("^ERROR: listen: tls_private_key: there is no file .*; check the path")
	check_equal(server.listen(0), ERR_FILE_NOT_FOUND)


func test_the_engines_client() -> void:
	var server := _secure_server()
	var theirs := WebSocketPeer.new()
	check_equal(theirs.connect_to_url(_wss(server), TLSOptions.client(_certificate, "myserver")), OK)
	await until(
		func() -> bool:
			theirs.poll()
			return theirs.get_ready_state() == WebSocketPeer.STATE_OPEN and server.get_peer_count() == 1
	)
	check_equal(theirs.send_text("from the engine"), OK)
	await until(
		func() -> bool:
			theirs.poll()
			return theirs.get_available_packet_count() == 1
	)
	check_equal(theirs.get_packet().get_string_from_utf8(), "from the engine")
	theirs.close()
	await until(
		func() -> bool:
			theirs.poll()
			return theirs.get_ready_state() == WebSocketPeer.STATE_CLOSED and server.get_peer_count() == 0
	)
	# Not its close code: what the engine reads together with the end of TLS, it forgets, our close frame too.


func test_the_engines_client_is_told_why_it_is_closed() -> void:
	var server := _secure_server()
	var theirs := WebSocketPeer.new()
	check_equal(theirs.connect_to_url(_wss(server), TLSOptions.client(_certificate, "myserver")), OK)
	await until(
		func() -> bool:
			theirs.poll()
			return theirs.get_ready_state() == WebSocketPeer.STATE_OPEN and server.get_peer_count() == 1
	)
	check_equal(server.disconnect_peer(server.get_peer_ids()[0], 4000, "enough"), OK)
	await until(
		func() -> bool:
			theirs.poll()
			return theirs.get_ready_state() == WebSocketPeer.STATE_CLOSED
	)
	check_equal([theirs.get_close_code(), theirs.get_close_reason()], [4000, "enough"])


func test_the_engines_server() -> void:
	var listener := TCPServer.new()
	check_equal(listener.listen(0, "127.0.0.1"), OK)
	var client := _new_client()
	var url := "wss://127.0.0.1:%d/" % listener.get_local_port()
	check_equal(client.connect_to_url(url, TLSOptions.client(_certificate, "myserver")), OK)
	await until(func() -> bool: return listener.is_connection_available())
	var tls := StreamPeerTLS.new()
	check_equal(tls.accept_stream(listener.take_connection(), TLSOptions.server(_key, _certificate)), OK)
	await until(
		func() -> bool:
			tls.poll()
			return tls.get_status() == StreamPeerTLS.STATUS_CONNECTED
	)
	var theirs := WebSocketPeer.new()
	check_equal(theirs.accept_stream(tls), OK)
	await until(
		func() -> bool:
			theirs.poll()
			return client.status == WebSocketClient.STATUS_ACTIVE
	)
	check_equal(client.send("to the engine"), OK)
	await until(
		func() -> bool:
			theirs.poll()
			return theirs.get_available_packet_count() == 1
	)
	check_equal(theirs.get_packet().get_string_from_utf8(), "to the engine")


func test_a_plain_client_of_a_secure_server_and_the_other_way_round() -> void:
	var server := _secure_server()
	var log := record(server)
	var client := _new_client()
	check_equal(client.connect_to_url("ws://127.0.0.1:%d/" % server.get_local_port()), OK)
	var why := await _failure(client)
	check(why.ends_with("use a wss:// URL, not ws://"), why)
	check_equal(
		named(log, "handshake_failed"),
		[["127.0.0.1: it does not speak TLS, which this port does; use a wss:// URL, not ws://"]] as Array[Array]
	)
	server.stop()
	server.tls_options = null
	check_equal(server.listen(0), OK)
	check_equal(client.connect_to_url(_wss(server), TLSOptions.client_unsafe()), OK)
	why = await _failure(client)
	check("use ws:// if it has no TLS" in why, why)


func test_what_is_no_tls_is_counted() -> void:
	var server := _secure_server()
	var log := record(server)
	var garbage := PackedByteArray([0, 1, 2, 3, 4, 5])
	for said: Array in [[garbage, 0], [garbage, 3], [PackedByteArray(), 0], [PackedByteArray(), 3]]:
		var failed := named(log, "handshake_failed").size()
		var raw := StreamPeerTCP.new()
		check_equal(raw.connect_to_host("127.0.0.1", server.get_local_port()), OK)
		await until(func() -> bool: return raw.poll() == OK and raw.get_status() == StreamPeerTCP.STATUS_CONNECTED)
		if said[1]:
			await until(func() -> bool: return server.get_statistics()["connections_tried"] == failed + 1)
			await frames(said[1] as int)
		if said[0]:
			check_equal(raw.put_data(said[0] as PackedByteArray), OK)
		raw.disconnect_from_host()
		await until(func() -> bool: return named(log, "handshake_failed").size() == failed + 1, "%s" % [said])
	check_equal(server.get_statistics()["counts"], {"failed_tls_handshake": 4})
	check_equal(server.get_statistics()["handshakes_failed"], {0: 4})
	check_equal(named(log, "handshake_failed").filter(func(told: Array) -> bool: return not "TLS" in told[0]), [])


func test_who_speaks_first_and_no_tls() -> void:
	var listener := TCPServer.new()
	check_equal(listener.listen(0, "127.0.0.1"), OK)
	# On a thread, so that it is there when the client begins with TLS.
	var greeting := Thread.new()
	check_equal(greeting.start(_greet.bind(listener)), OK)
	var client := _new_client()
	check_equal(client.connect_to_url("wss://127.0.0.1:%d/" % listener.get_local_port()), OK)
	var why := await _failure(client)
	check("does not speak TLS as it should" in why, why)
	check_equal(client.get_statistics()["counts"], {"failed_tls_handshake": 1})
	check(greeting.wait_to_finish() != null, "somebody has connected")


func _greet(listener: TCPServer) -> StreamPeerTCP:
	var deadline := Time.get_ticks_msec() + DEADLINE_MSEC
	while not listener.is_connection_available():
		if Time.get_ticks_msec() > deadline:
			return null
	var stream := listener.take_connection()
	stream.put_data("SSH-2.0-OpenSSH_9.2\r\n".to_ascii_buffer())
	return stream


func test_freed_in_the_handshake() -> void:
	var server := _secure_server()
	for index: int in 6:
		var client := _new_client()
		check_equal(client.connect_to_url(_wss(server), TLSOptions.client(_certificate, "myserver")), OK)
		await frames(index)
		client.free()
	await until(func() -> bool: return server.get_peer_count() == 0)
	server.free()
