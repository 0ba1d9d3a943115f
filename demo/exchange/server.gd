## Sends the list of messages to each client, and compares what each client sends with the same list.
## The Server node starts by itself when the scene is ready, on a free port: `autostart` is on, and `port` is 0.
extends Node

const Messages := preload("messages.gd")

var _messages := Messages.new()
var _received: Dictionary[int, int] = {}
var _clients_to_serve := 0

@onready var _server: WebSocketServer = $Server


func _ready() -> void:
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--clients="):
			_clients_to_serve = argument.trim_prefix("--clients=").to_int()


func _on_server_status_changed(status: int) -> void:
	if status == WebSocketServer.STATUS_ACTIVE:
		print("listening on port %d" % _server.get_local_port())


func _on_server_client_connected(peer_id: int) -> void:
	print("peer %d connected from %s" % [peer_id, _server.get_peer(peer_id).get_connected_host()])
	_received[peer_id] = 0
	for index in _messages.all.size():
		var message: Variant = _messages.all[index]
		var error := _server.send(peer_id, message)
		if error == OK:
			print("sent %d: %s, to peer %d" % [index + 1, _messages.describe(message), peer_id])
		else:
			push_error("message %d could not be sent: %s" % [index + 1, error_string(error)])


func _on_server_message_received(peer_id: int, message: Variant) -> void:
	var index := _received[peer_id]
	_received[peer_id] = index + 1
	print("received %d: %s, from peer %d" % [index + 1, _messages.check(index, message), peer_id])


func _on_server_client_disconnected(peer_id: int) -> void:
	var peer := _server.get_peer(peer_id)
	print("peer %d disconnected: %d %s" % [peer_id, peer.get_close_code(), peer.get_close_reason()])
	_clients_to_serve -= 1
	if _clients_to_serve == 0:
		get_tree().quit()


func _on_server_handshake_failed(reason: String) -> void:
	push_error(reason)
