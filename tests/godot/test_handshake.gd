## The opening handshake: subprotocols, headers, request path, and who is let in.
extends "res://tests/godot/suite.gd"


func _connected(server: WebSocketServer, client: WebSocketClient, path: String = "/") -> void:
	add_child(client)
	check_equal(client.connect_to_url(url_of(server, path)), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE and server.get_peer_count() == 1)


func test_the_servers_preferred_subprotocol_is_selected() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	server.supported_protocols = ["v2.chat", "v1.chat"]
	check_equal(server.listen(0), OK)
	var client := WebSocketClient.new()
	client.supported_protocols = ["v1.chat", "v2.chat"]
	await _connected(server, client)
	check_equal(client.get_selected_protocol(), "v2.chat")
	check_equal(last_peer(server).get_selected_protocol(), "v2.chat")


func test_no_common_subprotocol() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	server.supported_protocols = ["a"]
	check_equal(server.listen(0), OK)
	var at_server := record(server)
	var client := WebSocketClient.new()
	client.supported_protocols = ["b"]
	add_child(client)
	var at_client := record(client)
	client.connect_to_url(url_of(server))
	await until(func() -> bool: return named(at_client, "connection_failed").size() == 1)
	await until(func() -> bool: return named(at_server, "handshake_failed").size() == 1)
	check(str(named(at_client, "connection_failed")[0][0]).contains("HTTP 400"), "the reason")


func test_headers_of_both_sides() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	server.handshake_headers = ["X-Server: one", "X-Server: two", "X-Region: eu"]
	check_equal(server.listen(0), OK)
	var client := WebSocketClient.new()
	client.handshake_headers = ["Authorization: Bearer abc", "X-Version: 1.2:3", "User-Agent: game/1"]
	await _connected(server, client)
	check_equal(client.get_handshake_header("x-server"), "one, two")
	check_equal(client.get_handshake_header("X-REGION"), "eu")
	check_equal(client.get_handshake_header("X-None"), "")
	var peer := last_peer(server)
	check_equal(peer.get_handshake_header("authorization"), "Bearer abc")
	check_equal(peer.get_handshake_header("X-Version"), "1.2:3")
	check_equal(peer.get_handshake_header("User-Agent"), "game/1")


func test_headers_that_cannot_be_sent() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	var client := WebSocketClient.new()
	add_child(client)
	for header: String in ["no colon", "spa ce: x", "X: line\r\nInjected: yes", "Upgrade: h2c", "Sec-WebSocket-Key: x"]:
		server.handshake_headers = [header]
		client.handshake_headers = [header]
		expect_error("^ERROR: listen: .*header")
		check_equal(server.listen(0), ERR_INVALID_PARAMETER)
		expect_error("^ERROR: connect_to_url: .*header")
		check_equal(client.connect_to_url("ws://localhost:1"), ERR_INVALID_PARAMETER)


func test_subprotocols_that_cannot_be_sent() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	for protocols: PackedStringArray in [
		PackedStringArray(["a b"]), PackedStringArray([""]), PackedStringArray(["a", "a"])
	]:
		server.supported_protocols = protocols
		expect_error("^ERROR: listen: .*subprotocol")
		check_equal(server.listen(0), ERR_INVALID_PARAMETER)


func test_request_path() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server, "/room/7?name=Zo%C3%AB&x=1")
	check_equal(client.get_request_path(), "/room/7?name=Zo%C3%AB&x=1")
	check_equal(last_peer(server).get_request_path(), "/room/7?name=Zo%C3%AB&x=1")
	check_equal(last_peer(server).get_requested_url(), client.get_requested_url())


func test_url_without_a_path() -> void:
	var server := start_server()
	await open_client(server, "")
	check_equal(last_peer(server).get_request_path(), "/")


func test_properties_that_change_while_listening() -> void:
	var server := start_server()
	await open_client(server)
	server.supported_protocols = ["v1"]
	server.handshake_headers = ["X-Server: changed"]
	var client := WebSocketClient.new()
	client.supported_protocols = ["v1"]
	add_child(client)
	client.connect_to_url(url_of(server))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	check_equal(client.get_selected_protocol(), "v1")
	check_equal(client.get_handshake_header("X-Server"), "changed")


func test_refused_connections() -> void:
	var server := start_server()
	var inside: WebSocketClient = await open_client(server)
	server.refuse_new_connections = true
	var outside := start_client(server)
	var log := record(outside)
	await until(func() -> bool: return named(log, "connection_failed").size() == 1)
	check(str(named(log, "connection_failed")[0][0]).contains("HTTP 503"), "the reason")
	check_equal(inside.status, WebSocketClient.STATUS_ACTIVE as int)
	server.refuse_new_connections = false
	check_equal(outside.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return server.get_peer_count() == 2)


func test_reconnecting() -> void:
	var server := start_server()
	var port := server.get_local_port()
	var client: WebSocketClient = await open_client(server)
	client.auto_reconnect = true
	client.reconnect_delay = 0.05
	client.reconnect_delay_max = 0.1
	var log := record(client)
	server.stop()
	await until(func() -> bool: return named(log, "reconnecting").size() >= 2, "a failed attempt")
	check_equal(client.status != WebSocketClient.STATUS_IDLE, true)
	check_equal(named(log, "reconnecting")[0][0], 1)
	check_equal(named(log, "reconnecting")[1][0], 2)
	check_equal(server.listen(port), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	check_equal(log[0], ["status_changed", WebSocketClient.STATUS_RECONNECTING as int])
	check_equal(log[1], ["connection_closed"])
	client.close()
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE, "no reconnecting after close()")
	await frames(3)
	check_equal(client.status, WebSocketClient.STATUS_IDLE as int)
