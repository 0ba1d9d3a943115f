## Sessions: what a game sees of a link that is cut and comes back, typed and untyped.
extends "res://tests/godot/suite.gd"

const Relay := preload("res://tests/godot/tcp_relay.gd")

var _server: WebSocketServer
var _client: WebSocketClient
var _relay: Relay
var _id := 0
var _log: Array[String] = []


func _note(text: String) -> void:
	_log.append(text)


## A server with sessions, and a client in one, through a relay.
func _begin() -> void:
	_log.clear()
	_server = start_server()
	_server.session_timeout = 20.0
	_server.client_connected.connect(func(id: int) -> void: _id = id)
	_server.client_disconnected.connect(func(_peer: int) -> void: _note("server: disconnected"))
	_server.client_interrupted.connect(func(_peer: int) -> void: _note("server: interrupted"))
	_server.client_resumed.connect(func(_peer: int) -> void: _note("server: resumed"))
	_server.message_received.connect(func(_peer: int, message: Variant) -> void: _note("server: %s" % message))
	_relay = Relay.new(_server.get_local_port())
	add_child(_relay)
	_client = WebSocketClient.new()
	_client.session = true
	_client.reconnect_delay = 0.02
	_client.connection_interrupted.connect(func() -> void: _note("client: interrupted"))
	_client.connection_resumed.connect(func() -> void: _note("client: resumed"))
	_client.connection_closed.connect(func() -> void: _note("client: closed"))
	_client.message_received.connect(func(message: Variant) -> void: _note("client: %s" % message))
	add_child(_client)
	_client.connect_to_url("ws://127.0.0.1:%d/" % _relay.port)
	await until(
		func() -> bool: return _client.status == WebSocketClient.STATUS_ACTIVE and _server.get_peer_count() == 1
	)
	_client.send("ready")
	await until(func() -> bool: return "server: ready" in _log)
	_server.send(_id, "go")
	await until(func() -> bool: return "client: go" in _log)
	_log.clear()


func _count(beginning: String) -> int:
	return _log.filter(func(line: String) -> bool: return line.begins_with(beginning)).size()


func test_a_cut_is_not_noticed_by_the_messages() -> void:
	await _begin()
	var untyped: Variant = _client
	for number: int in 30:
		if number % 10 == 5:
			_relay.cut()
		check_equal(_client.send("m%02d" % number) if number % 2 else untyped.send("m%02d" % number), OK)
		check_equal(_server.send(_id, "m%02d" % number), OK)
		await get_tree().process_frame
	await until(func() -> bool: return _count("server: m") == 30 and _count("client: m") == 30)
	for who: String in ["server", "client"]:
		var lines := _log.filter(func(line: String) -> bool: return line.begins_with(who + ": m"))
		check_equal(lines, range(30).map(func(number: int) -> String: return "%s: m%02d" % [who, number]))
	check_equal(_server.get_peer_ids(), PackedInt64Array([_id]))
	check_equal(_count("server: disconnected") + _count("client: closed"), 0)
	check(_count("client: resumed") >= 1, "no cut was noticed")


func test_who_is_back_is_told_before_what_was_kept() -> void:
	await _begin()
	_relay.cut()
	await until(func() -> bool: return "server: interrupted" in _log)
	var peer := _server.get_peer(_id)
	check_equal(peer.get_ready_state(), WebSocketPeerNode.STATE_OPEN)
	check_equal(peer.send("kept"), OK)
	check_equal(_server.send(0, "for all"), OK)
	await until(func() -> bool: return "client: for all" in _log)
	var heard := _log.filter(func(line: String) -> bool: return line.begins_with("client"))
	check_equal(heard, ["client: interrupted", "client: resumed", "client: kept", "client: for all"])
	check(_log.find("server: resumed") > _log.find("server: interrupted"), "resumed before it was interrupted")
	check_equal(_server.get_statistics()["counts"]["sessions_resumed"], 1)
	check_equal(_client.get_statistics()["error_recovery_rate"], 1.0)


func test_over_after_its_time() -> void:
	await _begin()
	_server.session_timeout = 0.1
	_client.reconnect_delay = 5.0
	_relay.cut()
	await until(func() -> bool: return "server: disconnected" in _log)
	check_equal(_server.get_peer_count(), 0)
	check_equal(_client.close(), OK)
	check_equal(_log.slice(-1), ["client: closed"])


func test_a_peer_node_that_is_freed_while_it_is_cut() -> void:
	await _begin()
	_client.reconnect_delay = 5.0
	_relay.cut()
	await until(func() -> bool: return "server: interrupted" in _log)
	_server.get_peer(_id).free()
	check(not _server.has_peer(_id), "the server still has the peer")
	await until(func() -> bool: return "server: disconnected" in _log)
	_client.free()


func test_servers_and_clients_that_are_freed_in_their_handlers() -> void:
	await _begin()
	_server.client_interrupted.connect(func(_peer: int) -> void: _server.queue_free())
	_client.connection_interrupted.connect(func() -> void: _client.queue_free())
	_relay.cut()
	await until(func() -> bool: return not is_instance_valid(_server) and not is_instance_valid(_client))


func test_stopped_and_closed_when_it_is_back() -> void:
	await _begin()
	_server.client_resumed.connect(func(_peer: int) -> void: _server.stop())
	_client.send("last")
	_relay.cut()
	_client.send("lost")
	await until(func() -> bool: return "server: disconnected" in _log)
	check_equal(_server.get_peer_count(), 0)
	check_equal(_count("server: lost"), 0)
	_client.close()


func test_stopped_while_it_is_cut() -> void:
	for is_closed: bool in [false, true]:
		await _begin()
		_client.reconnect_delay = 5.0
		_relay.cut()
		await until(func() -> bool: return "server: interrupted" in _log)
		if is_closed:
			check_equal(_server.disconnect_peer(_id), OK)
		_server.stop()
		check_equal(_count("server: disconnected"), 1, "told before stop() returns")
		check_equal(_server.get_peer_count(), 0)
		await frames(3)
		check_equal(_count("server: disconnected"), 1, "once")
		_client.close()
