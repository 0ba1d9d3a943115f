## WebSocketClient where the extension cannot be: over the engine's WebSocketPeer. What it does: client_core.gd.
class_name WebSocketClient
extends "res://addons/ws_python/portable/members/client.gd"

const ClientCore := preload("res://addons/ws_python/portable/client_core.gd")


func _ws_new_core() -> Core:
	return ClientCore.new(self)


func _ws_client() -> ClientCore:
	return _ws_core


# --- opening and closing


func connect_to_url(url: String = "", tls_options: TLSOptions = null) -> Error:
	return _ws_client().connect_to_url(url if url else self.url, tls_options)


func close(code: int = 1000, reason: String = "") -> Error:
	return _ws_client().close(code, reason)


func get_status() -> Status:
	return _ws_client().status as Status


func get_multiplayer_peer() -> MultiplayerPeer:
	return _ws_client().get_multiplayer_peer()


# --- sending


func send(message: Variant) -> Error:
	return _ws_client().send(message)


func send_text(message: String) -> Error:
	return _ws_client().send(message)


func send_json(value: Variant) -> Error:
	var text: Variant = Checks.encode_json(value)
	return ERR_INVALID_PARAMETER if text == null else _ws_client().send(text)


func send_latest(key: Variant, message: Variant) -> Error:
	return _ws_client().send_latest(key, message)


func send_fragment(data: Variant, final: bool) -> Error:
	return _ws_client().send_fragment(data, final)


func send_var(value: Variant) -> Error:
	return _ws_client().send_var(value)


func ping(payload: PackedByteArray = PackedByteArray()) -> Error:
	return _ws_client().ping(payload)


# --- requests


func handle(method: String, handler: Callable) -> Error:
	return _ws_client().requests.handle(method, handler)


func request(method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	var reply := start_request(method, data, timeout)
	return reply if reply.is_completed else await reply._ws_arrival().arrived


func start_request(method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	return _ws_client().start_request(method, data, timeout)


func get_server_time() -> float:
	return _ws_client().clock.clock.time(ClientCore.ClientClock.Clock.now_here())


func get_clock_error() -> float:
	return _ws_client().clock.clock.error(ClientCore.ClientClock.Clock.now_here())


# --- asking


func get_ready_state() -> State:
	return _ws_client().get_ready_state() as State


func get_close_code() -> int:
	return _ws_client().told().close_code if _ws_client().told() else -1


func get_close_reason() -> String:
	return _ws_client().told().close_reason if _ws_client().told() else ""


func get_connected_host() -> String:
	return _ws_client().connection.wire.host if _ws_client().connection else ""


func get_connected_port() -> int:
	return _ws_client().connection.wire.port if _ws_client().connection else 0


func get_selected_protocol() -> String:
	return _ws_client().connection.wire.protocol if _ws_client().connection else ""


func get_handshake_header(header: String) -> String:
	return _ws_client().connection.wire.get_header(header) if _ws_client().connection else ""


func get_latency() -> float:
	return _ws_client().connection.latency if _ws_client().connection else 0.0


func get_request_path() -> String:
	return _ws_client().url.target if _ws_client().connection else ""


func get_requested_url() -> String:
	return _ws_client().url.text if _ws_client().connection else ""


func get_current_outbound_buffered_amount() -> int:
	return _ws_client().connection.outbound_amount() if _ws_client().connection else 0


func set_simulation(value: WebSocketSimulation) -> void:
	super.set_simulation(value)
	if value != null:
		Checks.unavailable("simulation", WebSocketSimulation.WHY)
