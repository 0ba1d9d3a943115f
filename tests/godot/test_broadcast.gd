## Sending to many: send(0, ...) to everybody, send(-id, ...) to everybody but one.
extends "res://tests/godot/suite.gd"

const CLIENTS := 5

var _server: WebSocketServer
var _clients: Array[WebSocketClient] = []
## What each client received, in the order of _clients.
var _received: Array[Array] = []


func _open_clients() -> void:
	_server = start_server()
	for _i: int in CLIENTS:
		var client: WebSocketClient = await open_client(_server)
		var received: Array = []
		client.message_received.connect(func(message: Variant) -> void: received.append(message))
		_clients.append(client)
		_received.append(received)


func test_to_everybody() -> void:
	await _open_clients()
	var binary := PackedByteArray([0, 255])
	for message: Variant in ["héllo", binary, "", &"name", "x".repeat(100_000)]:
		check_equal(_server.send(0, message), OK)
	check_equal(_server.send_json(0, {"a": [1]}), OK)
	await until(func() -> bool: return _received.all(func(list: Array) -> bool: return list.size() == 6))
	for received: Array in _received:
		check_equal(received, ["héllo", binary, "", "name", "x".repeat(100_000), '{"a":[1]}'])


func test_to_everybody_but_one() -> void:
	await _open_clients()
	var ids := _server.get_peer_ids()
	check_equal(_server.send(-ids[0], "not the first"), OK)
	check_equal(_server.send(0, "all"), OK)
	await until(func() -> bool: return _received.all(func(list: Array) -> bool: return list.has("all")))
	var left_out := _received.filter(func(list: Array) -> bool: return list == ["all"])
	check_equal(left_out.size(), 1)
	check_equal(_received[0], ["all"])


func test_to_nobody() -> void:
	var server := start_server()
	check_equal(server.send(0, "anybody there?"), OK)


func test_relayed_to_the_others_by_a_handler() -> void:
	await _open_clients()
	_server.message_received.connect(func(id: int, message: Variant) -> void: _server.send(-id, message))
	_clients[2].send("from 2")
	await until(func() -> bool: return _received.filter(func(list: Array) -> bool: return list.size() == 1).size() == 4)
	check_equal(_received[2], [])


func test_a_closing_peer_is_left_out() -> void:
	await _open_clients()
	_server.disconnect_peer(_server.get_peer_ids()[0])
	check_equal(_server.send(0, "the rest"), OK)
	await until(func() -> bool: return _server.get_peer_count() == CLIENTS - 1)
	await until(func() -> bool: return _received.filter(func(list: Array) -> bool: return list.size() == 1).size() == 4)
	check_equal(_received[0], [])


func test_order_of_broadcasts_and_single_messages() -> void:
	await _open_clients()
	var id := _server.get_peer_ids()[0]
	for i: int in 50:
		_server.send(0, "all %d" % i)
		_server.send(id, "one %d" % i)
	await until(func() -> bool: return _received[0].size() == 100)
	for i: int in 50:
		check_equal(_received[0].slice(2 * i, 2 * i + 2), ["all %d" % i, "one %d" % i])
