## A client goes through a proxy that its property names, typed and untyped, and says which one fails.
extends "res://tests/godot/suite.gd"

const TcpProxy := preload("res://tests/godot/tcp_proxy.gd")


func _new_proxy(credentials: String = "") -> TcpProxy:
	var proxy := TcpProxy.new()
	proxy.credentials = credentials
	add_child(proxy)
	return proxy


func _check_echo(server: WebSocketServer, client: WebSocketClient, proxy: TcpProxy) -> void:
	var log := record(client)
	server.message_received.connect(server.send)
	check_equal(client.connect_to_url("ws://game.test:%d/" % server.get_local_port()), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE, "connected_to_server")
	client.send("through a proxy")
	var echo: Array[Array] = [["through a proxy"]]
	await until(func() -> bool: return named(log, "message_received") == echo)
	check_equal(proxy.asked, PackedStringArray(["game.test"]))
	check_equal(client.get_connected_host(), "game.test")
	check_equal(client.get_connected_port(), server.get_local_port())


func test_http_typed() -> void:
	var proxy := _new_proxy()
	var client := WebSocketClient.new()
	add_child(client)
	client.proxy = "http://127.0.0.1:%d" % proxy.get_local_port()
	await _check_echo(start_server(), client, proxy)


func test_socks_untyped() -> void:
	var proxy := _new_proxy()
	var client: Variant = Classes.make(&"WebSocketClient")
	add_child(client as Node)
	client.set("proxy", "socks5h://127.0.0.1:%d" % proxy.get_local_port())
	await _check_echo(start_server(), client as WebSocketClient, proxy)


func test_credentials() -> void:
	var proxy := _new_proxy("me:p:ä")
	var client := WebSocketClient.new()
	add_child(client)
	var log := record(client)
	client.proxy = "http://me:wrong@127.0.0.1:%d" % proxy.get_local_port()
	check_equal(client.connect_to_url("ws://game.test/"), OK)
	await until(func() -> bool: return named(log, "connection_failed").size() == 1)
	var reason: String = named(log, "connection_failed")[0][0]
	check(reason.contains("does not take our user name and password (HTTP 407; "), reason)
	check(not reason.contains("wrong"), reason)
	client.proxy = "http://me:p%3A%C3%A4@" + "127.0.0.1:%d" % proxy.get_local_port()
	await _check_echo(start_server(), client, proxy)


func test_a_proxy_that_is_not_there() -> void:
	var client := WebSocketClient.new()
	add_child(client)
	var log := record(client)
	client.proxy = "socks5://127.0.0.1:1"
	check_equal(client.connect_to_url("ws://game.test/"), OK)
	await until(func() -> bool: return named(log, "connection_failed").size() == 1)
	var reason: String = named(log, "connection_failed")[0][0]
	check(reason.contains("the proxy socks5://127.0.0.1:1 refuses connections; check that it runs"), reason)


func test_what_is_no_proxy() -> void:
	var client := WebSocketClient.new()
	add_child(client)
	client.proxy = "ftp://me:secret@host"
	expect_error("^ERROR: connect_to_url: the property proxy: only http, socks5, socks5h are kinds of proxies")
	check_equal(client.connect_to_url("ws://game.test/"), ERR_INVALID_PARAMETER)
	client.proxy = "none"
	check_equal(client.connect_to_url(url_of(start_server())), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)


func test_closed_while_the_proxy_is_asked() -> void:
	var proxy := _new_proxy()
	proxy.process_mode = Node.PROCESS_MODE_DISABLED
	var client := WebSocketClient.new()
	add_child(client)
	var log := record(client)
	client.proxy = "http://127.0.0.1:%d" % proxy.get_local_port()
	check_equal(client.connect_to_url("ws://game.test/"), OK)
	await frames(3)
	check_equal(client.status, WebSocketClient.STATUS_CONNECTING as int)
	client.close()
	check_equal(client.status, WebSocketClient.STATUS_IDLE as int)
	check_equal(client.connect_to_url("ws://game.test/"), OK)
	await frames(3)
	client.free()
	await frames(3)
	check_equal(named(log, "connection_failed"), [] as Array[Array])
