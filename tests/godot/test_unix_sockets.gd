## Servers and clients on Unix sockets: what one says reaches the other, who is at the other end, and what goes wrong.
extends "res://tests/godot/suite.gd"

var _made := 0


## A path that no other test has.
func _new_path() -> String:
	_made += 1
	return "/tmp/ws_python %d.%d.%d.sock" % [OS.get_process_id(), get_instance_id(), _made]


func _listening(path: String) -> WebSocketServer:
	var server := WebSocketServer.new()
	server.bind_address = "unix:" + path
	add_child(server)
	check_equal(server.listen(), OK, "listen")
	return server


func _connected(server: WebSocketServer, url: String) -> WebSocketClient:
	var client := WebSocketClient.new()
	add_child(client)
	check_equal(client.connect_to_url(url), OK, "connect_to_url")
	var is_open := func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE
	await until(is_open, "connected_to_server")
	await until(func() -> bool: return server.get_peer_count() == 1, "client_connected")
	return client


func test_messages_typed() -> void:
	var path := _new_path()
	var server := _listening(path)
	var log := record(server)
	var client: WebSocketClient = await _connected(server, "unix:" + path)
	var heard := record(client)
	check_equal(client.send("typed"), OK)
	check_equal(server.send(0, PackedByteArray([1, 2, 3])), OK)
	var text: Array[Array] = [[server.get_peer_ids()[0], "typed"]]
	await until(func() -> bool: return named(log, "message_received") == text)
	var bytes: Array[Array] = [[PackedByteArray([1, 2, 3])]]
	await until(func() -> bool: return named(heard, "message_received") == bytes)


func test_messages_untyped() -> void:
	var path := _new_path()
	var server: Variant = Classes.make(&"WebSocketServer")
	var client: Variant = Classes.make(&"WebSocketClient")
	add_child(server as Node)
	add_child(client as Node)
	server.set("bind_address", "unix:" + path)
	server.set("unix_socket_mode", "666")
	check_equal(server.call("listen"), OK)
	check_equal(client.call("connect_to_url", "ws+unix:" + path + ":/chat"), OK)
	var log := record(server as Node)
	await until(func() -> bool: return client.get("status") == WebSocketClient.STATUS_ACTIVE)
	client.call("send", "untyped")
	await until(func() -> bool: return named(log, "message_received").size() == 1)
	check_equal(named(log, "message_received")[0][1], "untyped")
	server.call("stop")
	check_equal(FileAccess.file_exists(path), false)


func test_who_is_at_the_other_end() -> void:
	var path := _new_path()
	var server := _listening(path)
	var client: WebSocketClient = await _connected(server, "unix:%s:/chat?room=1" % path)
	var peer := last_peer(server)
	check_equal(peer.get_connected_host(), "unix:" + path)
	check_equal(peer.get_connected_port(), 0)
	check_equal(client.get_connected_host(), "unix:" + path)
	check_equal(client.get_connected_port(), 0)
	check_equal(peer.get_request_path(), "/chat?room=1")
	check_equal(peer.get_handshake_header("Host"), "localhost")
	check_equal(server.get_local_port(), 0)


func test_a_path_of_the_game() -> void:
	var path := ProjectSettings.globalize_path("user://ws_python_%d.sock" % OS.get_process_id())
	DirAccess.make_dir_recursive_absolute(path.get_base_dir())
	var server := _listening(path)
	await _connected(server, "unix:" + path)
	check_equal(FileAccess.get_unix_permissions(path) & 0x1ff, 6 << 6, "of the user only")
	server.stop()
	check_equal(DirAccess.get_files_at("user://").has(path.get_file()), false)


func test_a_name() -> void:
	if OS.get_name() != "Linux":
		check(true, "")
		return
	var path := "@ws_python-%d-%d" % [OS.get_process_id(), get_instance_id()]
	var server := _listening(path)
	await _connected(server, "unix:" + path)


func test_a_living_server_keeps_its_socket() -> void:
	var path := _new_path()
	var server := _listening(path)
	var second := WebSocketServer.new()
	add_child(second)
	second.bind_address = "unix:" + path
	expect_error("^ERROR: listen: cannot listen on unix:%s: a server listens there already; stop it" % path)
	check_equal(second.listen(), ERR_ALREADY_IN_USE)
	check_equal(second.status, WebSocketServer.STATUS_IDLE as int)
	expect_error("^ERROR: listen: already listening on unix:%s; call stop" % path)
	check_equal(server.listen(), ERR_ALREADY_IN_USE)
	second.free()
	await _connected(server, "unix:" + path)
	server.stop()
	_listening(path)


func test_a_freed_server_takes_its_file_along() -> void:
	var path := _new_path()
	var server := _listening(path)
	check_equal(DirAccess.get_files_at("/tmp").has(path.get_file()), true)
	server.free()
	check_equal(DirAccess.get_files_at("/tmp").has(path.get_file()), false)


func test_what_cannot_be() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	server.bind_address = "unix:user://game.sock"
	expect_error('^ERROR: listen: behind "unix:" stands no absolute path')
	check_equal(server.listen(), ERR_INVALID_PARAMETER)
	server.bind_address = "unix:/nowhere/at/all.sock"
	expect_error("^ERROR: listen: cannot listen on unix:/nowhere/at/all.sock: its folder does not exist")
	check_equal(server.listen(), ERR_DOES_NOT_EXIST)
	server.bind_address = "unix:" + ProjectSettings.globalize_path("res://project.godot")
	expect_error("^ERROR: listen: cannot listen on unix:.*: there is a file that is no socket; choose another path")
	check_equal(server.listen(), ERR_ALREADY_IN_USE)
	check(FileAccess.file_exists("res://project.godot"), "left alone")
	server.unix_socket_mode = "rw"
	expect_error('^ERROR: listen: unix_socket_mode "rw" is no octal file permission; write it like "660"')
	check_equal(server.listen(), ERR_INVALID_PARAMETER)
	server.unix_socket_mode = "600"
	server.unix_socket_owner = "nobody that is here"
	expect_error('^ERROR: listen: unix_socket_owner: this machine has no user "nobody that is here"')
	check_equal(server.listen(), ERR_INVALID_PARAMETER)


func test_nobody_listens() -> void:
	var path := _new_path()
	var client := WebSocketClient.new()
	add_child(client)
	var log := record(client)
	check_equal(client.connect_to_url("unix:" + path), OK)
	await until(func() -> bool: return named(log, "connection_failed").size() == 1)
	var reason: String = named(log, "connection_failed")[0][0]
	check_equal(
		reason, "unix:%s: there is no socket at unix:%s; check that the server is running, and its path" % [path, path]
	)
	expect_error('^ERROR: connect_to_url: behind "unix:" stands no absolute path')
	check_equal(client.connect_to_url("unix:game.sock"), ERR_INVALID_PARAMETER)
