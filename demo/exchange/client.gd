## Sends the list of messages to the server, and compares what the server sends with the same list.
extends Node

const Messages := preload("messages.gd")

var _messages := Messages.new()
var _received := 0

@onready var _client: WebSocketClient = $Client


func _ready() -> void:
	var url := _client.url
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--url="):
			url = argument.trim_prefix("--url=")
	print("connecting to %s" % url)
	if _client.connect_to_url(url) != OK:
		get_tree().quit(1)


func _on_client_connected_to_server() -> void:
	print("connected")
	for index in _messages.all.size():
		var message: Variant = _messages.all[index]
		var error := _client.send(message)
		if error == OK:
			print("sent %d: %s" % [index + 1, _messages.describe(message)])
		else:
			push_error("message %d could not be sent: %s" % [index + 1, error_string(error)])


func _on_client_message_received(message: Variant) -> void:
	print("received %d: %s" % [_received + 1, _messages.check(_received, message)])
	_received += 1
	if _received == _messages.all.size():
		_client.close(1000, "done")


func _on_client_connection_closed() -> void:
	print("closed: %d %s" % [_client.get_close_code(), _client.get_close_reason()])
	get_tree().quit()


func _on_client_connection_failed(reason: String) -> void:
	push_error(reason)
	get_tree().quit(1)
