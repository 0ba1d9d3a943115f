## Quits with everything open: a server with clients in every state, some of them inside the engine, one outside.
##
## Prints the port that it listens on, and quits when the client outside tells it to.
extends SceneTree

var _server := WebSocketServer.new()


func _initialize() -> void:
	_server.bind_address = "localhost"
	_server.message_received.connect(_on_message)
	root.add_child(_server)
	_server.listen(0)
	var url := "ws://127.0.0.1:%d" % _server.get_local_port()
	for _i: int in 20:
		var client := _add_client(url)
		client.connected_to_server.connect(client.send.bind("x".repeat(100_000)))
	print("port %d" % _server.get_local_port())


func _on_message(peer_id: int, message: Variant) -> void:
	if message == "quit":
		_server.send(0, "y".repeat(1_000_000))
		_add_client("ws://127.0.0.1:%d" % _server.get_local_port())
		_add_client("ws://no-such-host.invalid")
		_add_client("ws://127.0.0.1:1").auto_reconnect = true
		for other: int in _server.get_peer_ids():
			if other != peer_id:
				_server.disconnect_peer(other)
				break
		quit()


func _add_client(url: String) -> WebSocketClient:
	var client := WebSocketClient.new()
	root.add_child(client)
	client.connect_to_url(url)
	return client
