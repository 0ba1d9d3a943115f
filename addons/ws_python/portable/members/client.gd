## The members of WebSocketClient, as the native class has them.
## Written by tools/portable_members.py: do not edit.
# gdlint: disable=unused-argument,max-public-methods,max-file-lines,max-returns
extends "res://addons/ws_python/portable/polling.gd"

signal connected_to_server
signal connection_closed
signal connection_failed(reason: String)
signal connection_interrupted
signal connection_resumed
signal drained
signal message_received(message: Variant)
signal pong_received(payload: PackedByteArray)
signal reconnected
signal reconnecting(attempt: int, delay: float)
signal status_changed(status: Status)
signal var_received(value: Variant)
enum State { STATE_CONNECTING = 0, STATE_OPEN = 1, STATE_CLOSING = 2, STATE_CLOSED = 3 }
enum Status { STATUS_IDLE = 0, STATUS_CONNECTING = 1, STATUS_ACTIVE = 2, STATUS_CLOSING = 3, STATUS_RECONNECTING = 4 }
const STATE_CONNECTING := State.STATE_CONNECTING
const STATE_OPEN := State.STATE_OPEN
const STATE_CLOSING := State.STATE_CLOSING
const STATE_CLOSED := State.STATE_CLOSED
const STATUS_IDLE := Status.STATUS_IDLE
const STATUS_CONNECTING := Status.STATUS_CONNECTING
const STATUS_ACTIVE := Status.STATUS_ACTIVE
const STATUS_CLOSING := Status.STATUS_CLOSING
const STATUS_RECONNECTING := Status.STATUS_RECONNECTING
@export var auto_reconnect: bool = false:
	set = set_auto_reconnect
@export var autoconnect: bool = false:
	set = set_autoconnect
@export_custom(PROPERTY_HINT_RANGE, "0,3600,0.1,suffix:s") var clock_interval: float = 5.0:
	set = set_clock_interval
@export_custom(PROPERTY_HINT_RANGE, "0.1,300,0.1,suffix:s") var connect_timeout: float = 10.0:
	set = set_connect_timeout
@export_custom(PROPERTY_HINT_RANGE, "1,2147483647,suffix:bytes") var max_message_size: int = 16777216:
	set = set_max_message_size
@export var proxy: String = "":
	set = set_proxy
@export_custom(PROPERTY_HINT_RANGE, "0,3600,0.1,suffix:s") var reconnect_delay: float = 1.0:
	set = set_reconnect_delay
@export_custom(PROPERTY_HINT_RANGE, "0,3600,0.1,suffix:s") var reconnect_delay_max: float = 30.0:
	set = set_reconnect_delay_max
@export_custom(PROPERTY_HINT_RANGE, "0,1000000") var reconnect_max_attempts: int = 0:
	set = set_reconnect_max_attempts
@export_custom(PROPERTY_HINT_RANGE, "0,604800,0.1,suffix:s") var reconnect_max_time: float = 0.0:
	set = set_reconnect_max_time
@export_custom(PROPERTY_HINT_RANGE, "0,86400,1,suffix:s") var reconnect_retry_after_max: float = 300.0:
	set = set_reconnect_retry_after_max
@export_custom(PROPERTY_HINT_RANGE, "0,3600,0.1,suffix:s") var reconnect_stable_time: float = 5.0:
	set = set_reconnect_stable_time
@export_custom(PROPERTY_HINT_RANGE, "1000,4999")
var reconnect_stop_codes: PackedInt64Array = PackedInt64Array([1008, 3000, 3003]):
	set = set_reconnect_stop_codes
@export var session: bool = false:
	set = set_session
@export_custom(PROPERTY_HINT_FILE, "*.crt,*.pem") var tls_trusted_ca: String = "":
	set = set_tls_trusted_ca
@export var url: String = "":
	set = set_url
var clock_error: float:
	get = get_clock_error
var latency: float:
	get = get_latency
var status: Status:
	get = get_status


func close(code: int = 1000, reason: String = "") -> Error:
	return Checks.unavailable("close")


func connect_to_url(url: String = "", tls_options: TLSOptions = null) -> Error:
	return Checks.unavailable("connect_to_url")


func get_auto_reconnect() -> bool:
	return auto_reconnect


func get_autoconnect() -> bool:
	return autoconnect


func get_clock_error() -> float:
	return 0.0


func get_clock_interval() -> float:
	return clock_interval


func get_close_code() -> int:
	return 0


func get_close_reason() -> String:
	return ""


func get_connect_timeout() -> float:
	return connect_timeout


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


func get_max_message_size() -> int:
	return max_message_size


func get_proxy() -> String:
	return proxy


func get_ready_state() -> State:
	return State.STATE_CONNECTING


func get_reconnect_delay() -> float:
	return reconnect_delay


func get_reconnect_delay_max() -> float:
	return reconnect_delay_max


func get_reconnect_max_attempts() -> int:
	return reconnect_max_attempts


func get_reconnect_max_time() -> float:
	return reconnect_max_time


func get_reconnect_retry_after_max() -> float:
	return reconnect_retry_after_max


func get_reconnect_stable_time() -> float:
	return reconnect_stable_time


func get_reconnect_stop_codes() -> PackedInt64Array:
	return reconnect_stop_codes


func get_request_path() -> String:
	return ""


func get_requested_url() -> String:
	return ""


func get_selected_protocol() -> String:
	return ""


func get_session() -> bool:
	return session


func get_status() -> Status:
	return Status.STATUS_IDLE


func get_tls_trusted_ca() -> String:
	return tls_trusted_ca


func get_url() -> String:
	return url


func ping(payload: PackedByteArray = PackedByteArray()) -> Error:
	return Checks.unavailable("ping")


func request(method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	return WebSocketReply.fail(Checks.unavailable("request"), "not on this platform")


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


func set_auto_reconnect(value: bool) -> void:
	auto_reconnect = value


func set_autoconnect(value: bool) -> void:
	autoconnect = value


func set_clock_interval(value: float) -> void:
	if Checks.is_in_range(self, "clock_interval", value, 0.0, 3600.0, "s"):
		clock_interval = value


func set_connect_timeout(value: float) -> void:
	if Checks.is_in_range(self, "connect_timeout", value, 0.1, 300.0, "s"):
		connect_timeout = value


func set_max_message_size(value: int) -> void:
	if Checks.is_in_range(self, "max_message_size", value, 1, 2147483647, "bytes"):
		max_message_size = value


func set_proxy(value: String) -> void:
	proxy = value


func set_reconnect_delay(value: float) -> void:
	if Checks.is_in_range(self, "reconnect_delay", value, 0.0, 3600.0, "s"):
		reconnect_delay = value


func set_reconnect_delay_max(value: float) -> void:
	if Checks.is_in_range(self, "reconnect_delay_max", value, 0.0, 3600.0, "s"):
		reconnect_delay_max = value


func set_reconnect_max_attempts(value: int) -> void:
	if Checks.is_in_range(self, "reconnect_max_attempts", value, 0, 1000000, ""):
		reconnect_max_attempts = value


func set_reconnect_max_time(value: float) -> void:
	if Checks.is_in_range(self, "reconnect_max_time", value, 0.0, 604800.0, "s"):
		reconnect_max_time = value


func set_reconnect_retry_after_max(value: float) -> void:
	if Checks.is_in_range(self, "reconnect_retry_after_max", value, 0.0, 86400.0, "s"):
		reconnect_retry_after_max = value


func set_reconnect_stable_time(value: float) -> void:
	if Checks.is_in_range(self, "reconnect_stable_time", value, 0.0, 3600.0, "s"):
		reconnect_stable_time = value


func set_reconnect_stop_codes(value: PackedInt64Array) -> void:
	if Checks.holds_in_range(self, "reconnect_stop_codes", value, 1000, 4999, ""):
		reconnect_stop_codes = value


func set_session(value: bool) -> void:
	session = value


func set_tls_trusted_ca(value: String) -> void:
	tls_trusted_ca = value


func set_url(value: String) -> void:
	url = value


func start_request(method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	return WebSocketReply.fail(Checks.unavailable("start_request"), "not on this platform")
