extends "program.gd"
## A server with the engine's WebSocketPeer: sends each message back, or with `to=all` to everybody.

const ServerNode := preload("engine_server_node.gd")

var _server := ServerNode.new()


func _initialize() -> void:
	super()
	_server.message_received.connect(_send_to_all if option("to") == "all" else _send_back)
	_server.buffer_size = int(option("buffer"))
	root.add_child(_server)
	report_listening(_server.listen(0), _server.get_local_port())


func _send_back(peer_id: int, message: Variant) -> void:
	_server.send(peer_id, message)


func _send_to_all(_peer_id: int, message: Variant) -> void:
	_server.send(0, message)
