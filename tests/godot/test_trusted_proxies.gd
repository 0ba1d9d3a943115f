## Behind a reverse proxy: whom the server believes what it says of the client, and what scripts are told then.
extends "res://tests/godot/suite.gd"

const CLIENT := "192.0.2.7"


## A peer of a server that trusts these, made by a client that says this in its handshake.
func _peer_of(trusted: PackedStringArray, headers: PackedStringArray) -> WebSocketPeerNode:
	var server := start_server()
	server.trusted_proxies = trusted
	var client := WebSocketClient.new()
	client.handshake_headers = headers
	add_child(client)
	check_equal(client.connect_to_url(url_of(server, "/room")), OK)
	await until(func() -> bool: return server.get_peer_count() == 1, "client_connected")
	return last_peer(server)


func test_a_trusted_proxy_tells_of_the_client() -> void:
	var headers := PackedStringArray(["X-Forwarded-For: 198.51.100.9, %s:5000" % CLIENT, "X-Forwarded-Proto: https"])
	var peer := await _peer_of(["127.0.0.1"], headers)
	check_equal(peer.get_connected_host(), CLIENT)
	check_equal(peer.get_connected_port(), 5000)
	check(peer.get_requested_url().begins_with("wss://127.0.0.1"), peer.get_requested_url())
	var untyped: Variant = peer
	check_equal(untyped.get_connected_host(), CLIENT)
	check_equal(untyped.get_connected_port(), 5000)


func test_forwarded() -> void:
	var peer := await _peer_of(["127.0.0.0/8"], ['Forwarded: for="%s:5000";proto=https' % CLIENT])
	check_equal(peer.get_connected_host(), CLIENT)
	check(peer.get_requested_url().begins_with("wss://"), peer.get_requested_url())


func test_a_stranger_is_not_believed() -> void:
	for trusted: PackedStringArray in [PackedStringArray(), PackedStringArray(["10.0.0.0/8", "unix:"])]:
		var headers := PackedStringArray(
			["X-Forwarded-For: %s" % CLIENT, "X-Real-IP: %s" % CLIENT, "X-Forwarded-Proto: https"]
		)
		var peer := await _peer_of(trusted, headers)
		check_equal(peer.get_connected_host(), "127.0.0.1")
		check(peer.get_requested_url().begins_with("ws://"), peer.get_requested_url())


func test_contradictions_are_refused() -> void:
	var server: Variant = start_server()
	server.trusted_proxies = ["127.0.0.1"]
	var log := record(server as Node)
	var client := WebSocketClient.new()
	client.handshake_headers = ["X-Forwarded-For: %s" % CLIENT, "X-Real-IP: 198.51.100.9"]
	add_child(client)
	client.connect_to_url(url_of(server as WebSocketServer))
	await until(func() -> bool: return not named(log, "handshake_failed").is_empty(), "handshake_failed")
	var reason: String = named(log, "handshake_failed")[0][0]
	check(reason.begins_with("127.0.0.1: ") and reason.contains("contradict one another"), reason)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)


## Says a PROXY header and a handshake to a server, and returns the beginning of the answer.
func _say(server: WebSocketServer, header: PackedByteArray) -> String:
	var stream := StreamPeerTCP.new()
	check_equal(stream.connect_to_host("127.0.0.1", server.get_local_port()), OK)
	var connected := func() -> bool:
		stream.poll()
		return stream.get_status() == StreamPeerTCP.STATUS_CONNECTED
	await until(connected, "the TCP connection")
	var request := (
		"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		+ "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	)
	stream.put_data(header + request.to_ascii_buffer())
	var heard := PackedByteArray()
	var answered := func() -> bool:
		if stream.poll() != OK or stream.get_status() != StreamPeerTCP.STATUS_CONNECTED:
			return true
		var part: Array = stream.get_partial_data(stream.get_available_bytes())
		heard.append_array(part[1] as PackedByteArray)
		return heard.size() >= 12
	await until(answered, "an answer, or the end")
	return heard.slice(0, 12).get_string_from_ascii()


func test_the_proxy_protocol() -> void:
	var version_1 := "PROXY TCP4 192.0.2.7 127.0.0.1 5000 80\r\n".to_ascii_buffer()
	var version_2 := "0d0a0d0a000d0a515549540a2111000cc00002077f00000113880050".hex_decode()
	for header: PackedByteArray in [version_1, version_2]:
		var server := start_server()
		server.trusted_proxies = ["127.0.0.1"]
		var hosts: Array[String] = []
		server.client_connected.connect(
			func(id: int) -> void:
				hosts.append(
					"%s:%d" % [server.get_peer(id).get_connected_host(), server.get_peer(id).get_connected_port()]
				)
		)
		check_equal(await _say(server, header), "HTTP/1.1 101")
		await until(func() -> bool: return not hosts.is_empty())
		check_equal(hosts, ["192.0.2.7:5000"] as Array[String])
		server.trusted_proxies = []
		check(await _say(server, header) != "HTTP/1.1 101", "a stranger is not believed")


func test_a_malformed_proxy_header_is_told_and_closed() -> void:
	var server := start_server()
	server.trusted_proxies = ["127.0.0.1"]
	var log := record(server)
	check_equal(await _say(server, "PROXY TCP4 me you 1 2\r\n".to_ascii_buffer()), "")
	await until(func() -> bool: return not named(log, "handshake_failed").is_empty(), "handshake_failed")
	var reason: String = named(log, "handshake_failed")[0][0]
	check(reason.begins_with("127.0.0.1: its PROXY header is malformed"), reason)


func test_a_server_freed_while_it_waits_for_a_header() -> void:
	var server := start_server()
	server.trusted_proxies = ["127.0.0.1"]
	var stream := StreamPeerTCP.new()
	stream.connect_to_host("127.0.0.1", server.get_local_port())
	var connected := func() -> bool:
		stream.poll()
		return stream.get_status() == StreamPeerTCP.STATUS_CONNECTED
	await until(connected, "the TCP connection")
	stream.put_data("PROXY TCP4 ".to_ascii_buffer())
	await frames(5)
	server.free()
	var ended := func() -> bool:
		stream.poll()
		return stream.get_status() != StreamPeerTCP.STATUS_CONNECTED
	await until(ended, "the end")


func test_listen_refuses_what_is_no_address() -> void:
	for bad: String in ["10.0.0.0/33", "10.0.0.1/8", "localhost", ""]:
		var server: Variant = Classes.make(&"WebSocketServer")
		server.bind_address = "localhost"
		server.trusted_proxies = ["::1", bad]
		add_child(server as Node)
		expect_error("^ERROR: listen: trusted_proxies: ")
		check_equal(server.listen(0), ERR_INVALID_PARAMETER)
		server.trusted_proxies = []
		check_equal(server.listen(0), OK)
