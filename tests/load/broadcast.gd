## A game that sends binary messages to everybody, so many bytes a second in all, and answers text messages.
##
## Arguments: `size=BYTES` of a message, `rate=BYTES` a second, of all peers together, and properties of the server as JSON.
extends SceneTree

## What a frame after a long one makes up for, in s.
const LONGEST_FRAME := 0.1

var _server := WebSocketServer.new()
var _message := PackedByteArray()
var _rate := 0.0
var _owed := 0.0


func _initialize() -> void:
	for argument: String in OS.get_cmdline_user_args():
		var property := argument.get_slice("=", 0)
		var value: Variant = JSON.parse_string(argument.substr(property.length() + 1))
		if property == "size":
			_message.resize(value as int)
		elif property == "rate":
			_rate = value
		else:
			_server.set(property, value)
	_server.bind_address = "localhost"
	_server.message_received.connect(func(id: int, message: Variant) -> void: _server.send(id, message))
	root.add_child(_server)
	_server.listen(0)
	print("port %d" % _server.get_local_port())


func _process(delta: float) -> bool:
	var per_message := maxi(1, _server.get_peer_count()) * _message.size()
	_owed = minf(_owed + _rate * delta, _rate * LONGEST_FRAME)
	while _owed >= per_message:
		_owed -= per_message
		_server.send(0, _message)
	return false
