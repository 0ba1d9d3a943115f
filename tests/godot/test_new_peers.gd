## A peer that has just come: whole before anybody sees it, whatever is done with it when it enters the tree.
extends "res://tests/godot/suite.gd"


## Calls `handler` with each peer that enters the tree below the server.
func _on_enter(server: WebSocketServer, handler: Callable) -> void:
	server.child_entered_tree.connect(func(node: Node) -> void: handler.call(node as WebSocketPeerNode))


func test_it_is_known_when_it_enters_the_tree() -> void:
	var server := start_server()
	var seen: Array[Dictionary] = []
	_on_enter(
		server,
		func(peer: WebSocketPeerNode) -> void:
			(
				seen
				. append(
					{
						"id": peer.peer_id,
						"found": server.get_peer(peer.peer_id) == peer,
						"listed": server.get_peer_ids().has(peer.peer_id),
						"count": server.get_peer_count(),
						"state": peer.get_ready_state(),
						"host": peer.get_connected_host(),
						"path": peer.get_request_path(),
					}
				)
			)
	)
	var log := record(server)
	var client := start_client(server, "/here")
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	await until(func() -> bool: return named(log, "client_connected").size() == 1)
	var id: int = named(log, "client_connected")[0][0]
	check_equal(seen.size(), 1)
	check(id > 1, "an id")
	check_equal(
		seen[0],
		{
			"id": id,
			"found": true,
			"listed": true,
			"count": 1,
			"state": WebSocketPeerNode.STATE_OPEN,
			"host": "127.0.0.1",
			"path": "/here",
		}
	)


func test_what_is_sent_when_it_enters_the_tree_arrives() -> void:
	var server := start_server()
	_on_enter(server, func(peer: WebSocketPeerNode) -> void: check_equal(peer.send("welcome"), OK))
	server.client_connected.connect(func(id: int) -> void: server.send(id, "second"))
	var client := start_client(server)
	var log := record(client)
	await until(func() -> bool: return named(log, "message_received").size() == 2)
	check_equal(named(log, "message_received"), [["welcome"], ["second"]] as Array[Array])


func test_close_when_it_enters_the_tree() -> void:
	var server := start_server()
	var log := record(server)
	_on_enter(server, func(peer: WebSocketPeerNode) -> void: check_equal(peer.close(4000, "full"), OK))
	var client := start_client(server)
	var codes: Array = []
	client.connection_closed.connect(func() -> void: codes.append([client.get_close_code(), client.get_close_reason()]))
	await until(func() -> bool: return codes.size() == 1 and server.get_peer_count() == 0)
	check_equal(codes, [[4000, "full"]])
	check_equal(named(log, "client_connected").size(), named(log, "client_disconnected").size(), "told in pairs")
	await frames(2)
	check_equal(server.get_child_count(), 0)


func test_stop_when_it_enters_the_tree_leaves_nobody() -> void:
	var server := start_server()
	var log := record(server)
	var peers: Array[int] = []
	_on_enter(
		server,
		func(peer: WebSocketPeerNode) -> void:
			peers.append(peer.get_instance_id())
			server.stop()
	)
	var client := start_client(server)
	await until(func() -> bool: return server.status == WebSocketServer.STATUS_IDLE)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	await frames(2)
	check_equal(peers.size(), 1)
	check_equal(is_instance_id_valid(peers[0]), false, "the peer is gone")
	check_equal(server.get_peer_count(), 0)
	check_equal(server.get_child_count(), 0)
	check_equal(named(log, "client_connected").size(), named(log, "client_disconnected").size(), "told in pairs")
	check_equal(server.listen(0), OK, "it can start again")
	server.child_entered_tree.disconnect(server.child_entered_tree.get_connections()[0]["callable"] as Callable)
	await open_client(server)


func test_polling_when_it_enters_the_tree_does_not_deliver_before_it_is_announced() -> void:
	var server := start_server()
	var log := record(server)
	_on_enter(
		server,
		func(_peer: WebSocketPeerNode) -> void:
			# What the client sends as soon as it is connected may come with any of these.
			for _i: int in 20:
				OS.delay_msec(1)
				server.poll()
	)
	var client := start_client(server)
	client.connected_to_server.connect(
		func() -> void:
			client.send("first")
			client.send("second")
	)
	await until(func() -> bool: return named(log, "message_received").size() == 2)
	var names := log.map(func(entry: Array) -> String: return entry[0])
	names.erase("status_changed")
	check_equal(names, ["client_connected", "message_received", "message_received"] as Array)


func test_a_message_that_came_with_the_request_is_not_delivered_before_it_is_announced() -> void:
	var server := start_server()
	var log := record(server)
	_on_enter(server, func(_peer: WebSocketPeerNode) -> void: server.poll())
	var connection := StreamPeerTCP.new()
	check_equal(connection.connect_to_host("127.0.0.1", server.get_local_port()), OK)
	await until(
		func() -> bool:
			connection.poll()
			return connection.get_status() == StreamPeerTCP.STATUS_CONNECTED
	)
	var lines: PackedStringArray = [
		"GET / HTTP/1.1",
		"Host: localhost",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Version: 13",
		"\r\n",
	]
	var data := "\r\n".join(lines).to_ascii_buffer()
	data.append_array([0x81, 0x85, 0, 0, 0, 0])
	data.append_array("early".to_ascii_buffer())
	check_equal(connection.put_data(data), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 1)
	var names := log.map(func(entry: Array) -> String: return entry[0])
	check_equal(names, ["client_connected", "message_received"] as Array)
	connection.disconnect_from_host()


func test_freeing_it_when_it_enters_the_tree() -> void:
	var server := start_server()
	_on_enter(server, func(peer: WebSocketPeerNode) -> void: peer.queue_free())
	var client := start_client(server)
	var log := record(client)
	await until(func() -> bool: return named(log, "connection_closed").size() == 1)
	check_equal(client.get_close_code(), 1001)
	await until(func() -> bool: return server.get_peer_count() == 0)


func test_freeing_the_server_when_it_enters_the_tree() -> void:
	var server := start_server()
	var port := server.get_local_port()
	var id := server.get_instance_id()
	_on_enter(server, func(_peer: WebSocketPeerNode) -> void: server.queue_free())
	var client := start_client(server)
	await until(func() -> bool: return not is_instance_id_valid(id))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	var next := WebSocketServer.new()
	next.bind_address = "localhost"
	add_child(next)
	check_equal(next.listen(port), OK, "the port is free")
