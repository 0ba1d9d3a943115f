## A thousand connections at once, both ends in this one process.
extends "res://tests/godot/suite.gd"

const CONNECTIONS := 1000
## What is promised is 3 s for the server alone on a machine of its own; here the clients take their share.
const GENEROUS_MSEC := 120_000


func test_a_thousand_connections_at_once() -> void:
	var server := start_server()
	var clients: Array[WebSocketClient] = []
	var started := Time.get_ticks_msec()
	for _i: int in CONNECTIONS:
		clients.append(start_client(server))
	var all_in := func() -> bool: return server.get_peer_count() == CONNECTIONS
	await until(all_in, "%d clients" % CONNECTIONS, GENEROUS_MSEC)
	print("%d connections were open after %d ms" % [server.get_peer_count(), Time.get_ticks_msec() - started])
	var received: Array[int] = [0]
	for client: WebSocketClient in clients:
		client.message_received.connect(func(_message: Variant) -> void: received[0] += 1)
	await until(
		func() -> bool:
			return clients.all(
				func(client: WebSocketClient) -> bool: return client.status == WebSocketClient.STATUS_ACTIVE
			),
		"the clients",
		GENEROUS_MSEC
	)
	check_equal(server.send(0, "welcome"), OK)
	await until(func() -> bool: return received[0] == CONNECTIONS, "a broadcast to all of them", GENEROUS_MSEC)
