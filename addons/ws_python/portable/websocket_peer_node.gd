## One connection of a WebSocketServer: see the native class (python/ws_godot/peer.py) for what it says.
class_name WebSocketPeerNode
extends "res://addons/ws_python/portable/members/peer_node.gd"

const Requests := preload("res://addons/ws_python/portable/requests.gd")
const ServerConnection := preload("res://addons/ws_python/portable/server_connection.gd")

const _WS_GOING_AWAY := 1001
const _WS_ORPHAN := "WebSocketPeerNode has no connection: only a WebSocketServer makes those that have one"

var _ws_connection: ServerConnection
var _ws_core: RefCounted


func _init() -> void:
	# duplicate() of a server copies its children, too, and gives them their scripts last; the connections are not copied.
	if get_parent() != null:
		queue_free()


func _ws_bind(connection: ServerConnection, core: RefCounted) -> void:
	_ws_connection = connection
	_ws_core = core


func _notification(what: int) -> void:
	match what:
		NOTIFICATION_ENTER_TREE:
			if _ws_connection == null and not is_queued_for_deletion():
				push_error("This %s; use get_peer() of the server" % _WS_ORPHAN)
		NOTIFICATION_PREDELETE:
			if _ws_connection != null:
				_ws_connection.peer = null
				_ws_connection.close(_WS_GOING_AWAY, "")
				_ws_core.leave_session(_ws_connection)
				_ws_core.forget_peer(self, _ws_connection.peer_id)


# --- sending


func send(message: Variant) -> Error:
	return _ws_connection.send(message) if _ws_may("send") else _ws_refusal()


func send_text(message: String) -> Error:
	return send(message)


func send_json(value: Variant) -> Error:
	var text: Variant = Checks.encode_json(value)
	return ERR_INVALID_PARAMETER if text == null else send(text)


func send_latest(key: Variant, message: Variant) -> Error:
	var problem := Checks.key_problem(key)
	if problem:
		push_error(problem)
		return ERR_INVALID_PARAMETER
	if not _ws_may("send_latest"):
		return _ws_refusal()
	return _ws_connection.send_latest(key if key is int else str(key), message)


func send_fragment(data: Variant, final: bool) -> Error:
	return _ws_connection.send_fragment(data, final) if _ws_may("send_fragment") else _ws_refusal()


func ping(payload: PackedByteArray = PackedByteArray()) -> Error:
	if not _ws_may("ping"):
		return _ws_refusal()
	var error := _ws_connection.ping(payload)
	_ws_connection.explain_ping(error, payload)
	return error


func close(code: int = 1000, reason: String = "") -> Error:
	if Checks.is_elsewhere("close"):
		return ERR_UNAVAILABLE
	var error := Checks.check_close(code, reason)
	if error == OK and _ws_connection != null:
		_ws_connection.close(code, reason)
		_ws_core.leave_session(_ws_connection)
	return error


func send_var(value: Variant) -> Error:
	return _ws_core.send_value(_ws_connection, value) if _ws_may("send_var") else _ws_refusal()


func start_request(method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	if _ws_connection == null:
		return Requests.failed_reply(ERR_CONNECTION_ERROR)
	return _ws_core.start_request(_ws_connection, method, data, timeout)


## Whether `method` can be tried; if not, the log says why.
func _ws_may(method: String) -> bool:
	if Checks.is_elsewhere(method):
		return false
	if _ws_connection == null:
		push_error("%s: this %s; use get_peer() of the server" % [method, _WS_ORPHAN])
	return _ws_connection != null


func _ws_refusal() -> Error:
	return ERR_CONNECTION_ERROR if Checks.is_main_thread() else ERR_UNAVAILABLE


# --- asking


func get_peer_id() -> int:
	return 0 if _ws_connection == null else _ws_connection.peer_id


func get_request() -> WebSocketRequest:
	return null if _ws_connection == null else _ws_core.request_of(_ws_connection)


func get_ready_state() -> State:
	return State.STATE_CLOSED if _ws_connection == null else _ws_connection.get_ready_state() as State


func get_close_code() -> int:
	return -1 if _ws_connection == null else _ws_connection.close_code


func get_close_reason() -> String:
	return "" if _ws_connection == null else _ws_connection.close_reason


func get_connected_host() -> String:
	return "" if _ws_connection == null else _ws_connection.host


func get_connected_port() -> int:
	return 0 if _ws_connection == null else _ws_connection.port


func get_selected_protocol() -> String:
	return "" if _ws_connection == null else _ws_connection.handshake.subprotocol


func get_handshake_header(header: String) -> String:
	return "" if _ws_connection == null else ", ".join(_ws_connection.handshake.values(header))


func get_request_path() -> String:
	return "" if _ws_connection == null else _ws_connection.handshake.target


func get_requested_url() -> String:
	return "" if _ws_connection == null else _ws_connection.handshake.site + _ws_connection.handshake.target


func get_current_outbound_buffered_amount() -> int:
	return 0 if _ws_connection == null else _ws_connection.outbound_amount()


func get_latency() -> float:
	return 0.0 if _ws_connection == null else _ws_connection.latency


func get_statistics() -> Dictionary:
	return {} if _ws_connection == null else _ws_connection.get_statistics()


func set_simulation(value: WebSocketSimulation) -> void:
	super.set_simulation(value)
	if value != null:
		Checks.unavailable("simulation", WebSocketSimulation.WHY)
