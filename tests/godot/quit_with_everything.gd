## Quits with every feature in the middle of something: TLS, an authorizer that waits, supervisors, back-pressure,
## fragments, limits, proxies, reconnecting.
##
## Prints the ports that it listens on, and quits when the client outside tells it to.
extends SceneTree

signal never_before_the_end

var _secure := WebSocketServer.new()
var _plain := WebSocketServer.new()


func _initialize() -> void:
	var crypto := Crypto.new()
	var key := crypto.generate_rsa(2048)
	var certificate := crypto.generate_self_signed_certificate(key, "CN=localhost", "20200101000000", "20400101000000")
	_secure.tls_options = TLSOptions.server(key, certificate)
	_secure.authorizer = _authorize
	_secure.trusted_proxies = ["127.0.0.1"]
	_plain.max_control_frames_per_second = 1
	_plain.max_messages_per_second = 1
	for server: WebSocketServer in [_secure, _plain]:
		server.bind_address = "localhost"
		server.supervisor = func(_peer_id: int, message: Variant) -> Variant: return message
		server.outgoing_supervisor = func(_peer_id: int, _message: Variant) -> bool: return true
		server.outbound_buffer_size = 4_000_000
		server.message_received.connect(_on_message.bind(server))
		server.peer_drained.connect(func(peer_id: int) -> void: server.disconnect_peer(peer_id))
		root.add_child(server)
		server.listen(0)
	var trusting := TLSOptions.client(certificate)
	for path: String in ["/", "/wait", "/refuse"]:
		var client := _add_client("wss://localhost:%d%s" % [_secure.get_local_port(), path], trusting)
		client.connected_to_server.connect(client.send_latest.bind("key", "state"))
		client.supervisor = func(message: Variant) -> Variant: return message
	print("ports %d %d" % [_secure.get_local_port(), _plain.get_local_port()])


func _finalize() -> void:
	never_before_the_end.emit()  # Of what never goes on, the engine reports what it holds as leaked.


func _authorize(request: WebSocketRequest) -> Variant:
	request.data = [request.path]
	if request.path == "/wait":
		await never_before_the_end
	return request.path != "/refuse"


func _on_message(_peer_id: int, message: Variant, server: WebSocketServer) -> void:
	if message != "quit":
		return
	for peer_id: int in server.get_peer_ids():
		server.send(peer_id, "y".repeat(3_000_000))
		server.send(peer_id, "y".repeat(3_000_000))
		server.send_latest(peer_id, "key", "state")
		server.send_latest(peer_id, "key", "newer state")
	_secure.outgoing_supervisor = Callable()
	for peer_id: int in _secure.get_peer_ids():
		_secure.get_peer(peer_id).send_fragment("begun", false)
		_secure.send_latest(peer_id, "key", "behind the fragment")
	_add_client("wss://localhost:%d/wait" % _secure.get_local_port(), TLSOptions.client_unsafe())
	_add_client("ws://127.0.0.1:1").auto_reconnect = true
	var proxied := WebSocketClient.new()
	proxied.proxy = "http://127.0.0.1:%d" % _plain.get_local_port()
	root.add_child(proxied)
	proxied.connect_to_url("ws://192.0.2.1/")
	_secure.get_statistics()
	quit()


func _add_client(url: String, options := TLSOptions.client()) -> WebSocketClient:
	var client := WebSocketClient.new()
	root.add_child(client)
	client.connect_to_url(url, options)
	return client
