## Sends a long message and goes at once, in a game where no other node polls.
##
## Arguments: how to go, the size, a close_timeout, and the URL to connect to; without a URL it is a server that goes,
## which prints its port. Prints "going" when it has gone, and stays another while, unless it quits.
extends SceneTree

var _client: WebSocketClient
var _server: WebSocketServer


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	var close_timeout := float(arguments[2])
	var node := _connect_to(arguments[3], close_timeout) if arguments.size() > 3 else _listen(close_timeout)
	var message := PackedByteArray()
	message.resize(int(arguments[1]))
	if node == _server:
		await _server.client_connected
		await process_frame  # In a handler of its own signal no node can be freed.
		print("sent %s" % error_string(_server.send(0, message)))
	else:
		await _client.connected_to_server
		await process_frame
		print("sent %s" % error_string(_client.send(message)))
	_go(node, arguments[0])
	node = null
	print("going")


func _connect_to(url: String, close_timeout: float) -> Node:
	_client = WebSocketClient.new()
	_client.close_timeout = close_timeout
	_put_in_scene(_client)
	_client.connect_to_url(url)
	return _client


func _listen(close_timeout: float) -> Node:
	_server = WebSocketServer.new()
	_server.close_timeout = close_timeout
	_server.bind_address = "localhost"
	_put_in_scene(_server)
	_server.listen(0)
	print("port %d" % _server.get_local_port())
	return _server


func _put_in_scene(node: Node) -> void:
	var scene := Node.new()
	scene.add_child(node)
	root.add_child(scene)
	current_scene = scene


func _go(node: Node, how: String) -> void:
	match how:
		"close":
			_client.close()
		"close and queue_free":
			_client.close()
			_client.queue_free()
		"stop":
			_server.stop()
		"stop and free":
			_server.stop()
			_server.free()
		"disconnect_peer":
			_server.disconnect_peer(_server.get_peer_ids()[0])
		"free the peer":
			_server.get_peer(_server.get_peer_ids()[0]).free()
		"free":
			node.free()
		"queue_free":
			node.queue_free()
		"remove and free":
			node.get_parent().remove_child(node)
			node.free()
		"change the scene":
			change_scene_to_node(Node.new())
		"quit":
			quit()
		_:
			push_error("%s is no way to go" % how)
