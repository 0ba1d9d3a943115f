extends "program.gd"
## A server with WebSocketServer: sends each message back, or with `to=all` to everybody. `sessions=on`: in sessions.

var _server := WebSocketServer.new()


func _initialize() -> void:
	super()
	_server.message_received.connect(_send_to_all if option("to") == "all" else _send_back)
	if option("low_latency") == "on":
		_server.set("low_latency", true)
	if option("sessions") == "on":
		_server.session_timeout = 60.0
	root.add_child(_server)
	report_listening(_server.listen(0), _server.get_local_port())


func _send_back(peer_id: int, message: Variant) -> void:
	_server.send(peer_id, message)


func _send_to_all(_peer_id: int, message: Variant) -> void:
	_server.send(0, message)
