## A WebSocket server where the extension cannot be: see the native class (python/ws_godot/server.py) for what it says.
##
## It speaks RFC 6455 itself over the engine's TCP and TLS: WebSocketPeer.accept_stream() reads and answers the
## request, so that nobody else could say who may connect.
class_name WebSocketServer
extends "res://addons/ws_python/portable/members/server.gd"

const ServerCore := preload("res://addons/ws_python/portable/server_core.gd")
const SignedTokens := preload("res://addons/ws_python/portable/signed_tokens.gd")


func _ws_new_core() -> Core:
	return ServerCore.new(self)


func poll() -> void:
	var core := _ws_core  # A handler may free the node.
	core.poll()


func get_statistics() -> Dictionary:
	return _ws_core.statistics.summary(_ws_core.open_connections())


# --- listening


func listen(port: int = -1) -> Error:
	return _ws_core.listen(port)


func stop() -> void:
	_ws_core.stop()


func is_listening() -> bool:
	return _ws_core.is_listening()


func get_local_port() -> int:
	return _ws_core.get_local_port()


func get_status() -> Status:
	return _ws_core.status


# --- peers


func get_peers() -> Dictionary:
	return _ws_core.peers.duplicate()


func get_peer(peer_id: int) -> WebSocketPeerNode:
	return _ws_core.peers.get(peer_id)


func has_peer(peer_id: int) -> bool:
	return _ws_core.peers.has(peer_id)


func get_peer_ids() -> PackedInt64Array:
	return PackedInt64Array(_ws_core.peers.keys())


func get_peer_count() -> int:
	return _ws_core.peers.size()


func disconnect_peer(peer_id: int, code: int = 1000, reason: String = "") -> Error:
	var peer := get_peer(peer_id)
	return _ws_core.unknown_peer("disconnect_peer", peer_id) if peer == null else peer.close(code, reason)


func get_multiplayer_peer() -> MultiplayerPeer:
	return _ws_core.get_multiplayer_peer()


# --- sending


func send(peer_id: int, message: Variant) -> Error:
	return _ws_core.send(peer_id, message)


func send_var(peer_id: int, value: Variant) -> Error:
	return _ws_core.send_var(peer_id, value)


func send_text(peer_id: int, message: String) -> Error:
	return _ws_core.send(peer_id, message)


func send_json(peer_id: int, value: Variant) -> Error:
	var text: Variant = Checks.encode_json(value)
	return ERR_INVALID_PARAMETER if text == null else _ws_core.send(peer_id, text)


func send_latest(peer_id: int, key: Variant, message: Variant) -> Error:
	return _ws_core.send_latest(peer_id, key, message)


# --- requests


func handle(method: String, handler: Callable) -> Error:
	return _ws_core.requests.handle(method, handler)


func request(peer_id: int, method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	var reply := start_request(peer_id, method, data, timeout)
	return reply if reply.is_completed else await reply._ws_arrival().arrived


func start_request(peer_id: int, method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	var peer := get_peer(peer_id)
	if peer != null:
		return peer.start_request(method, data, timeout)
	return Core.Requests.failed_reply(
		_ws_core.unknown_peer("request", peer_id) as Error, "there is no peer %d" % peer_id
	)


func get_server_time() -> float:
	return ServerCore.ServerConnection.Clock.now_here()


# --- tokens


static func sign_token(secret: String, claims: Dictionary, seconds: float) -> String:
	return SignedTokens.sign(secret, claims, seconds)


static func verify_token(secret: String, token: String) -> Dictionary:
	return SignedTokens.verify(secret, token)


func set_simulation(value: WebSocketSimulation) -> void:
	super.set_simulation(value)
	if value != null:
		Checks.unavailable("simulation", WebSocketSimulation.WHY)
