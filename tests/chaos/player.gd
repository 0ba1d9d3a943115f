## A game with clients that come back by themselves: tells on its output what becomes of them.
##
## Arguments: URLs, one for each client, and `name=value` as JSON, a property of all of them; "serve" for a server in
## the same game, whose URL then is that of the first client. Twice a second each sends a message, which the server
## sends back; with each one that comes, the time of day is told.
extends SceneTree

const PERIOD := 0.5

var _clients: Array[WebSocketClient] = []
var _server := WebSocketServer.new()


func _initialize() -> void:
	root.add_child(_server)
	_server.message_received.connect(func(id: int, message: Variant) -> void: _server.send(id, message))
	var properties := {}
	var urls := PackedStringArray()
	for argument: String in OS.get_cmdline_user_args():
		if argument.begins_with("ws://"):
			urls.append(argument)
		elif argument == "serve":
			_server.listen(0)
			urls.append("ws://127.0.0.1:%d" % _server.get_local_port())
		else:
			properties[argument.get_slice("=", 0)] = JSON.parse_string(argument.get_slice("=", 1))
	for url: String in urls:
		_add_client(url, properties)


func _add_client(url: String, properties: Dictionary) -> void:
	var client := WebSocketClient.new()
	var index := _clients.size()
	_clients.append(client)
	for property: String in properties:
		client.set(property, properties[property])
	client.auto_reconnect = true
	client.connected_to_server.connect(func() -> void: _tell(index, "connected"))
	client.reconnected.connect(func() -> void: _tell(index, "reconnected"))
	client.connection_closed.connect(func() -> void: _tell(index, "closed %d" % client.get_close_code()))
	client.connection_failed.connect(func(_reason: String) -> void: _tell(index, "failed"))
	client.reconnecting.connect(
		func(attempt: int, delay: float) -> void: _tell(index, "reconnecting %d %.2f" % [attempt, delay])
	)
	client.message_received.connect(
		func(message: String) -> void: _tell(index, "%s %d" % [message, Time.get_unix_time_from_system()])
	)
	root.add_child(client)
	client.connect_to_url(url)
	var number := 0
	while true:
		await create_timer(PERIOD).timeout
		if client.status == WebSocketClient.STATUS_ACTIVE:
			number += 1
			client.send("message %d" % number)


func _tell(index: int, what: String) -> void:
	print("client %d %s" % [index, what])
