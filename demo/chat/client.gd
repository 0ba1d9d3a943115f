## One member of the chat.
extends VBoxContainer

## What the others see in front of this member's messages.
@export var member := "Ann"

@onready var _client: WebSocketClient = $Client
@onready var _title: Label = %Title
@onready var _url: LineEdit = %Url
@onready var _connect: Button = %Connect
@onready var _log: RichTextLabel = %Log
@onready var _message: LineEdit = %Message


func _ready() -> void:
	_title.text = member


func _on_connect_toggled(pressed: bool) -> void:
	if not pressed:
		_client.close(1000, member + " leaves")
		return
	var error := _client.connect_to_url(_url.text)
	if error != OK:
		_say("Cannot connect to %s: %s" % [_url.text, error_string(error)])
		_connect.set_pressed_no_signal(false)


func _on_client_status_changed(status: int) -> void:
	var is_idle := status == WebSocketClient.STATUS_IDLE
	_connect.text = "Connect" if is_idle else "Leave"
	_connect.set_pressed_no_signal(not is_idle)
	_url.editable = is_idle


func _on_client_connected_to_server() -> void:
	_say("Connected to %s." % _client.get_requested_url())


func _on_client_connection_closed() -> void:
	_say("Disconnected (%d %s)." % [_client.get_close_code(), _client.get_close_reason()])


func _on_client_connection_failed(reason: String) -> void:
	_say(reason)


func _on_client_message_received(message: Variant) -> void:
	_say(str(message))


func _on_send_pressed() -> void:
	if _message.text.is_empty():
		return
	var line := "%s: %s" % [member, _message.text]
	if _client.send(line) == OK:
		_say(line)
		_message.clear()
	else:
		_say("Not sent: connect first.")


func _say(line: String) -> void:
	_log.add_text(line + "\n")
