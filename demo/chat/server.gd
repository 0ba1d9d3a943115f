## The chat's server: passes on what one client says to all the others.
extends VBoxContainer

@onready var _server: WebSocketServer = $Server
@onready var _port: SpinBox = %Port
@onready var _listen: Button = %Listen
@onready var _log: RichTextLabel = %Log
@onready var _message: LineEdit = %Message


func _on_listen_toggled(pressed: bool) -> void:
	if not pressed:
		_server.stop()
		return
	var error := _server.listen(int(_port.value))
	if error != OK:
		_say("Cannot listen on port %d: %s" % [int(_port.value), error_string(error)])
		_listen.set_pressed_no_signal(false)


func _on_server_status_changed(status: int) -> void:
	var is_active := status == WebSocketServer.STATUS_ACTIVE
	_listen.text = "Stop" if is_active else "Listen"
	_listen.set_pressed_no_signal(is_active)
	_port.editable = not is_active
	_say("Listening on port %d." % _server.get_local_port() if is_active else "Stopped.")


func _on_server_client_connected(peer_id: int) -> void:
	_say("Peer %d connected." % peer_id)
	_server.send(-peer_id, "* Somebody joined.")


func _on_server_client_disconnected(peer_id: int) -> void:
	var peer := _server.get_peer(peer_id)
	_say("Peer %d disconnected (%d %s)." % [peer_id, peer.get_close_code(), peer.get_close_reason()])
	_server.send(-peer_id, "* Somebody left.")


func _on_server_message_received(peer_id: int, message: Variant) -> void:
	_say(str(message))
	_server.send(-peer_id, message)


func _on_send_pressed() -> void:
	if _message.text.is_empty():
		return
	_say("Server: " + _message.text)
	_server.send(0, "Server: " + _message.text)
	_message.clear()


func _say(line: String) -> void:
	_log.add_text(line + "\n")
