## get_statistics() of the three nodes, and the same as custom monitors of Performance.
extends "res://tests/godot/suite.gd"


func test_the_nodes_tell_what_happened() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var received: Array = []
	server.message_received.connect(func(_id: int, message: Variant) -> void: received.append(message))
	check_equal(client.send("one"), OK)
	check_equal(client.send(PackedByteArray([2])), OK)
	await until(func() -> bool: return received.size() == 2)
	var statistics: Dictionary = server.get_statistics()
	check_equal(statistics["messages_received"], 2)
	check_equal(statistics["connections_open"], 1)
	check_equal(statistics["success_rate"], 1.0)
	var untyped: Variant = client
	check_equal(untyped.get_statistics()["messages_sent"], 2)
	check_equal(last_peer(server).get_statistics()["messages_received"], 2)
	client.close(4000)
	await until(func() -> bool: return server.get_peer_count() == 0)
	check_equal(server.get_statistics()["connections_closed"], {4000: 1})


func test_monitors_count_all_nodes_and_those_that_are_gone() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	await frames(1)
	check(Performance.has_custom_monitor("WebSocket/messages_received"), "there are monitors")
	var before: int = Performance.get_custom_monitor("WebSocket/messages_received")
	check(Performance.get_custom_monitor("WebSocket/connections_open") >= 2, "both ends are open")
	client.send("one")
	await until(func() -> bool: return Performance.get_custom_monitor("WebSocket/messages_received") == before + 1)
	server.free()
	client.free()
	await frames(2)
	check_equal(Performance.get_custom_monitor("WebSocket/messages_received"), before + 1)
