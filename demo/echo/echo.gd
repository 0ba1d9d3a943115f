## A server that sends back what it gets, and a client that measures how long that takes.
extends MarginContainer

var _sent := 0
var _echoed := 0
var _sent_at: Array[int] = []

@onready var _server: WebSocketServer = $Server
@onready var _client: WebSocketClient = $Client
@onready var _server_label: Label = %ServerLabel
@onready var _client_label: Label = %ClientLabel
@onready var _count_label: Label = %CountLabel
@onready var _echo_label: Label = %EchoLabel


## The server starts by itself (autostart) when the whole scene is ready, on a free port (0).
func _on_server_status_changed(status: int) -> void:
	if status == WebSocketServer.STATUS_ACTIVE:
		_server_label.text = "The server listens on port %d." % _server.get_local_port()
		_client.connect_to_url("ws://localhost:%d" % _server.get_local_port())


func _on_server_message_received(peer_id: int, message: Variant) -> void:
	_server.send(peer_id, message)


func _on_client_connected_to_server() -> void:
	_client_label.text = "The client is connected to %s." % _client.get_requested_url()
	_send("Hello, echo!")


func _on_client_connection_failed(reason: String) -> void:
	_client_label.text = reason


func _on_client_message_received(message: Variant) -> void:
	_echoed += 1
	var milliseconds := (Time.get_ticks_usec() - _sent_at.pop_front() as int) / 1000.0
	_echo_label.text = "Back after %.1f ms: %s %s" % [milliseconds, type_string(typeof(message)), message]
	_show_count()


func _on_text_pressed() -> void:
	_send("Text number %d 👋" % (_sent + 1))


func _on_binary_pressed() -> void:
	_send(var_to_bytes(_sent + 1))


func _send(message: Variant) -> void:
	if _client.send(message) != OK:
		return
	_sent += 1
	_sent_at.append(Time.get_ticks_usec())
	_show_count()


func _show_count() -> void:
	_count_label.text = "%d sent, %d came back" % [_sent, _echoed]
