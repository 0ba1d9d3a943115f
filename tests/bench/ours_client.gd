extends "program.gd"
## A client with WebSocketClient: sends `count` messages of `size` bytes to `url`, then each that is back.

var _client := WebSocketClient.new()


func _initialize() -> void:
	super()
	_client.connected_to_server.connect(_begin)
	_client.message_received.connect(_send_again)
	root.add_child(_client)
	_client.connect_to_url(option("url"))


func _begin() -> void:
	var message := first_message()
	for _number in int(option("count")):
		_client.send(message)


func _send_again(message: Variant) -> void:
	_client.send(message)
