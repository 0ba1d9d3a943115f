## The tests of what a WebSocketServer has for its next process, with a second engine. The suite of its API derives from
## it.
extends "res://tests/godot/server_session_api.gd"

## A second engine starts as slowly as the machine is busy.
const STARTING_MSEC := 45_000

var _made := 0


func test_property_handover_path() -> void:
	var server := WebSocketServer.new()
	check_equal(server.handover_path, "")
	server.handover_path = "/tmp/x.sock"
	check_equal(server.get_handover_path(), "/tmp/x.sock")
	server.set_handover_path("x.sock")
	check_equal(server.handover_path, "x.sock")
	expect_error('^ERROR: listen: handover_path must be an absolute path, like "/run/game/handover.sock"')
	check_equal(server.listen(0), ERR_INVALID_PARAMETER)
	server.free()
	check_property("handover_path", "", "/tmp/x.sock")


func test_property_handover_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.handover_timeout, 2.0)
	server.handover_timeout = 0.5
	check_equal(server.get_handover_timeout(), 0.5)
	server.set_handover_timeout(1.0)
	check_equal(server.handover_timeout, 1.0)
	server.free()
	check_property("handover_timeout", 2.0, 0.5)
	check_refuses("handover_timeout", [0.0, 61.0])


func test_property_handover_data() -> void:
	var data := func() -> Variant: return 1
	var server := WebSocketServer.new()
	var untyped: Variant = server
	check_equal(server.handover_data, Callable())
	server.handover_data = data
	check_equal(server.get_handover_data(), data)
	untyped.set_handover_data(Callable())
	check_equal(untyped.handover_data, Callable())
	untyped["handover_data"] = data
	check_equal(untyped.call("get_handover_data"), data)
	server.free()


func test_signal_handed_over() -> void:
	var path := _new_path()
	var server := _with_handover(path)
	server.handover_data = func() -> Variant: return {"where": Vector2(1, 2)}
	var client := await open_session(server)
	var plain := await open_client(server)
	var session_id: int = server.get_peer_ids()[0]
	var plain_id: int = server.get_peer_ids()[1]
	var log := record(server)
	var heard := record(client)
	var seen := []
	server.handed_over.connect(func() -> void: seen.append(server.get_peer_ids()))
	var other := _start_other(path, server.get_local_port())
	await until(func() -> bool: return not seen.is_empty(), "handed_over", STARTING_MSEC)
	check_equal(seen, [PackedInt64Array()])
	check_equal(server.status, WebSocketServer.STATUS_IDLE)
	check_equal(log, [["status_changed", 0], ["client_disconnected", plain_id], ["handed_over"]] as Array[Array])
	var value: Array[Array] = [[{"where": Vector2(1, 2)}]]
	await until(func() -> bool: return named(heard, "var_received") == value, "the other one sends", STARTING_MSEC)
	check_equal(named(heard, "connection_interrupted").size(), 1)
	check_equal(named(heard, "connection_resumed").size(), 1)
	check_equal(named(heard, "connection_closed").size(), 0)
	check_equal(client.status, WebSocketClient.STATUS_ACTIVE)
	await until(func() -> bool: return plain.status == WebSocketClient.STATUS_IDLE)
	check_equal(plain.get_close_code(), 1012)
	# And back again, with everything.
	server.taken_over.connect(func(data: Variant) -> void: seen.append(data))
	check_equal(server.listen(client.get_connected_port()), OK)
	await until(func() -> bool: return named(heard, "connection_resumed").size() == 2, "resumed", STARTING_MSEC)
	check_equal(seen[1], [{"where": Vector2(1, 2)}, Vector2(3, 4)])
	check_equal(server.get_peer_ids(), PackedInt64Array([session_id]))
	await until(func() -> bool: return not OS.is_process_running(other), "it quits", STARTING_MSEC)
	DirAccess.remove_absolute(path + ".port")


func test_signal_taken_over() -> void:
	var path := _new_path()
	var other := _start_other(path, 0)
	await until(func() -> bool: return FileAccess.file_exists(path + ".port"), "it listens", STARTING_MSEC)
	var port := int(FileAccess.get_file_as_string(path + ".port"))
	var client := WebSocketClient.new()
	client.session = true
	add_child(client)
	var heard := record(client)
	client.connect_to_url("ws://127.0.0.1:%d/room" % port)
	await until(func() -> bool: return named(heard, "var_received").size() == 1, "connected", STARTING_MSEC)
	var server := _with_handover(path, port)
	var untyped: Variant = server
	var log := record(server)
	var requested := []
	server.client_connected.connect(func(id: int) -> void: requested.append(server.get_peer(id).request.path))
	await until(func() -> bool: return named(log, "client_resumed").size() == 1, "resumed", STARTING_MSEC)
	var id: int = untyped.get_peer_ids()[0]
	var expected: Array[Array] = [
		["taken_over", [null, Vector2(3, 4)]],
		["client_connected", id],
		["client_interrupted", id],
		["client_resumed", id]
	]
	check_equal(log, expected)
	check_equal(requested, ["/room"])
	check_equal(server.get_peer(id).get_parent(), server)
	check_equal(untyped.send(id, "here"), OK)
	await until(func() -> bool: return named(heard, "message_received").size() == 1, "it is a peer")
	await until(func() -> bool: return not OS.is_process_running(other), "it quits", STARTING_MSEC)
	DirAccess.remove_absolute(path + ".port")


func _new_path() -> String:
	_made += 1
	return "/tmp/ws_python handover %d.%d.%d" % [OS.get_process_id(), get_instance_id(), _made]


func _with_handover(path: String, port := 0) -> WebSocketServer:
	var server := WebSocketServer.new()
	server.bind_address = "127.0.0.1"
	server.session_timeout = 60.0
	server.handover_path = path
	server.handover_timeout = 60.0
	add_child(server)
	check_equal(server.listen(port), OK, "listen")
	return server


func _start_other(path: String, port: int) -> int:
	var script := "res://tests/godot/handover_server.gd"
	var project := ProjectSettings.globalize_path("res://")
	var arguments := ["--headless", "--path", project, "--script", script, "--", path, str(port), path + ".port"]
	return OS.create_process(OS.get_executable_path(), arguments)
