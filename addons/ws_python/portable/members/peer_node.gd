## The members of WebSocketPeerNode, as the native class has them.
## Written by tools/portable_members.py: do not edit.
# gdlint: disable=unused-argument,max-public-methods,max-file-lines,max-returns
extends Node

signal connection_closed
signal drained
signal message_received(message: Variant)
signal pong_received(payload: PackedByteArray)
signal var_received(value: Variant)
enum State { STATE_CONNECTING = 0, STATE_OPEN = 1, STATE_CLOSING = 2, STATE_CLOSED = 3 }
const STATE_CONNECTING := State.STATE_CONNECTING
const STATE_OPEN := State.STATE_OPEN
const STATE_CLOSING := State.STATE_CLOSING
const STATE_CLOSED := State.STATE_CLOSED
const Checks := preload("res://addons/ws_python/portable/checks.gd")
@export var simulation: WebSocketSimulation = null:
	set = set_simulation
var latency: float:
	get = get_latency
var peer_id: int:
	get = get_peer_id
var request: WebSocketRequest:
	get = get_request


func close(code: int = 1000, reason: String = "") -> Error:
	return Checks.unavailable("close")


func get_close_code() -> int:
	return 0


func get_close_reason() -> String:
	return ""


func get_connected_host() -> String:
	return ""


func get_connected_port() -> int:
	return 0


func get_current_outbound_buffered_amount() -> int:
	return 0


func get_handshake_header(header: String) -> String:
	return ""


func get_latency() -> float:
	return 0.0


func get_peer_id() -> int:
	return 0


func get_ready_state() -> State:
	return State.STATE_CONNECTING


func get_request() -> WebSocketRequest:
	return null


func get_request_path() -> String:
	return ""


func get_requested_url() -> String:
	return ""


func get_selected_protocol() -> String:
	return ""


func get_simulation() -> WebSocketSimulation:
	return simulation


func get_statistics() -> Dictionary:
	return {}


func ping(payload: PackedByteArray = PackedByteArray()) -> Error:
	return Checks.unavailable("ping")


func send(message: Variant) -> Error:
	return Checks.unavailable("send")


func send_fragment(data: Variant, final: bool) -> Error:
	return Checks.unavailable("send_fragment")


func send_json(value: Variant) -> Error:
	return Checks.unavailable("send_json")


func send_latest(key: Variant, message: Variant) -> Error:
	return Checks.unavailable("send_latest")


func send_text(message: String) -> Error:
	return Checks.unavailable("send_text")


func send_var(value: Variant) -> Error:
	return Checks.unavailable("send_var")


func set_simulation(value: WebSocketSimulation) -> void:
	simulation = value


func start_request(method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	return WebSocketReply.fail(Checks.unavailable("start_request"), "not on this platform")
