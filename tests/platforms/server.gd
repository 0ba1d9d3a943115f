## A native server for players elsewhere: echoes, passes on, and closes as it is told. It says what happens.
extends SceneTree

## Whether all that comes goes to the others.
var _is_relay := false


func _initialize() -> void:
	await process_frame
	var server := WebSocketServer.new()
	root.add_child(server)
	server.client_connected.connect(_on_connected.bind(server))
	server.message_received.connect(_on_message.bind(server))
	server.client_disconnected.connect(_on_disconnected.bind(server))
	server.max_message_size = 1 << 24
	server.client_interrupted.connect(func(_peer_id: int) -> void: print("interrupted"))
	server.client_resumed.connect(func(_peer_id: int) -> void: print("resumed"))
	server.var_received.connect(func(peer_id: int, value: Variant) -> void: server.send_var(peer_id, value))
	server.handle("double", func(_peer_id: int, data: int) -> int: return 2 * data)
	var port := 0
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--port="):
			port = argument.trim_prefix("--port=").to_int()
		if argument == "--session":
			server.session_timeout = 60.0
			server.heartbeat_interval = 1.0
			server.heartbeat_timeout = 4.0
		_is_relay = _is_relay or argument == "--relay"
	if server.listen(port) != OK:
		quit(1)
		return
	print("listening on ", server.get_local_port())


func _on_connected(_peer_id: int, server: WebSocketServer) -> void:
	print("connected, now ", server.get_peer_count())


func _on_message(peer_id: int, message: Variant, server: WebSocketServer) -> void:
	var words := (
		str(message).split(" ") if message is String and str(message).length() < 100 else PackedStringArray([""])
	)
	match words[0]:
		"close":
			server.get_peer(peer_id).close(words[1].to_int(), words[2])
		"tell":
			server.send(-peer_id, message)
		_:
			server.send(-peer_id if _is_relay else peer_id, message)


func _on_disconnected(peer_id: int, server: WebSocketServer) -> void:
	var peer := server.get_peer(peer_id)
	print("disconnected: %d %s" % [peer.get_close_code(), peer.get_close_reason()])
