## A portable server that echoes, for clients of other implementations: prints its port, and how each connection ended.
extends SceneTree

var _server := WebSocketServer.new()


func _initialize() -> void:
	OS.low_processor_usage_mode_sleep_usec = 1000
	var server := _server
	server.bind_address = "localhost"
	server.max_message_size = 1 << 21
	server.max_fragments = 100
	server.handshake_timeout = 2.0
	server.supported_protocols = ["v2.chat", "v1.chat"] if "--protocols" in OS.get_cmdline_user_args() else []
	server.handshake_headers = ["X-Greeting: hi"]
	server.authorizer = _decide
	if "--sessions" in OS.get_cmdline_user_args():
		server.session_timeout = 20.0
		server.session_buffer_size = 4096
		server.max_requests = 1
	server.var_received.connect(func(id: int, value: Variant) -> void: server.send_var(id, value))
	server.handle("double", func(_id: int, data: Variant) -> Variant: return [data, data])
	server.handle("wait", func(_id: int, _data: Variant) -> Variant: return await server.client_disconnected)
	server.client_connected.connect(func(id: int) -> void: print("connected: %d" % id))
	server.client_interrupted.connect(func(id: int) -> void: print("interrupted: %d" % id))
	server.client_resumed.connect(func(id: int) -> void: print("resumed: %d" % id))
	root.add_child(server)
	server.message_received.connect(_answer)
	server.handshake_failed.connect(func(reason: String) -> void: print("failed: ", reason))
	server.client_disconnected.connect(
		func(id: int) -> void:
			var peer := server.get_peer(id)
			print("disconnected: %d" % id)
			print("ended: %d %s %s" % [peer.get_close_code(), peer.get_close_reason(), peer.get_request_path()])
	)
	if server.listen(0) == OK:
		print("port %d" % server.get_local_port())


func _answer(peer_id: int, message: Variant) -> void:
	if message is String and message == "quit":
		_server.send(peer_id, "y".repeat(1_000_000))
		quit()
	else:
		_server.send(peer_id, message)


func _decide(request: WebSocketRequest) -> Variant:
	if request.query.has("refused"):
		return WebSocketRequest.refuse(429, "Not so fast, Zoë.", ["Retry-After: 7"])
	return true
