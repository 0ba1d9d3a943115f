## The members that WebSocketClient and WebSocketServer have alike, as the native class has them.
## Written by tools/portable_members.py: do not edit.
# gdlint: disable=unused-argument,max-public-methods,max-file-lines,max-returns
extends Node

enum CompressionMode { COMPRESSION_OFF = 0, COMPRESSION_TEXT = 1, COMPRESSION_ALL = 2 }
enum Encoding { ENCODING_JSON = 0, ENCODING_VAR = 1 }
enum ProcessCallback { PROCESS_IDLE = 0, PROCESS_PHYSICS = 1, PROCESS_MANUAL = 2 }
const COMPRESSION_OFF := CompressionMode.COMPRESSION_OFF
const COMPRESSION_TEXT := CompressionMode.COMPRESSION_TEXT
const COMPRESSION_ALL := CompressionMode.COMPRESSION_ALL
const ENCODING_JSON := Encoding.ENCODING_JSON
const ENCODING_VAR := Encoding.ENCODING_VAR
const PROCESS_IDLE := ProcessCallback.PROCESS_IDLE
const PROCESS_PHYSICS := ProcessCallback.PROCESS_PHYSICS
const PROCESS_MANUAL := ProcessCallback.PROCESS_MANUAL
const Checks := preload("res://addons/ws_python/portable/checks.gd")
@export_custom(PROPERTY_HINT_RANGE, "0.1,300,0.1,suffix:s") var close_timeout: float = 5.0:
	set = set_close_timeout
@export var compression: CompressionMode = CompressionMode.COMPRESSION_TEXT:
	set = set_compression
@export var compression_context_takeover: bool = false:
	set = set_compression_context_takeover
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647,suffix:bytes") var compression_min_size: int = 1024:
	set = set_compression_min_size
@export_custom(PROPERTY_HINT_RANGE, "9,15") var compression_window_bits: int = 12:
	set = set_compression_window_bits
@export var handshake_headers: PackedStringArray = PackedStringArray():
	set = set_handshake_headers
@export_custom(PROPERTY_HINT_RANGE, "0,3600,0.1,suffix:s") var heartbeat_interval: float = 20.0:
	set = set_heartbeat_interval
@export_custom(PROPERTY_HINT_RANGE, "0.1,3600,0.1,suffix:s") var heartbeat_timeout: float = 20.0:
	set = set_heartbeat_timeout
@export var low_latency: bool = false:
	set = set_low_latency
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647,suffix:bytes") var max_bytes_per_second: int = 0:
	set = set_max_bytes_per_second
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647") var max_compression_ratio: int = 256:
	set = set_max_compression_ratio
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647") var max_control_frames_per_second: int = 500:
	set = set_max_control_frames_per_second
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647") var max_fragments: int = 131072:
	set = set_max_fragments
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647") var max_messages_per_second: int = 0:
	set = set_max_messages_per_second
@export_custom(PROPERTY_HINT_RANGE, "0.0001,1,0.0001,suffix:s") var max_poll_time: float = 0.005:
	set = set_max_poll_time
@export_custom(PROPERTY_HINT_RANGE, "1024,2147483647,suffix:bytes") var max_queued_bytes: int = 67108864:
	set = set_max_queued_bytes
@export_custom(PROPERTY_HINT_RANGE, "1,65536") var max_requests: int = 64:
	set = set_max_requests
@export_custom(PROPERTY_HINT_RANGE, "1024,2147483647,suffix:bytes") var max_unfinished_size: int = 268435456:
	set = set_max_unfinished_size
@export_custom(PROPERTY_HINT_RANGE, "1024,2147483647,suffix:bytes") var outbound_buffer_size: int = 67108864:
	set = set_outbound_buffer_size
@export var process_callback: ProcessCallback = ProcessCallback.PROCESS_IDLE:
	set = set_process_callback
@export_custom(PROPERTY_HINT_RANGE, "0.1,3600,0.1,suffix:s") var rate_burst: float = 2.0:
	set = set_rate_burst
@export_custom(PROPERTY_HINT_RANGE, "0,3600,0.1,suffix:s") var rate_timeout: float = 10.0:
	set = set_rate_timeout
@export var request_encoding: Encoding = Encoding.ENCODING_JSON:
	set = set_request_encoding
@export_custom(PROPERTY_HINT_RANGE, "0.1,3600,0.1,suffix:s") var request_timeout: float = 10.0:
	set = set_request_timeout
@export_custom(PROPERTY_HINT_RANGE, "1024,2147483647,suffix:bytes") var session_buffer_size: int = 4194304:
	set = set_session_buffer_size
@export var simulation: WebSocketSimulation = null:
	set = set_simulation
@export_custom(PROPERTY_HINT_RANGE, "0,3600,0.1,suffix:s") var slow_peer_timeout: float = 30.0:
	set = set_slow_peer_timeout
@export var supported_protocols: PackedStringArray = PackedStringArray():
	set = set_supported_protocols
@export_custom(PROPERTY_HINT_FILE, "*.crt,*.pem") var tls_certificate: String = "":
	set = set_tls_certificate
@export_custom(PROPERTY_HINT_FILE, "*.key,*.pem") var tls_private_key: String = "":
	set = set_tls_private_key
@export_custom(PROPERTY_HINT_RANGE, "0.1,3600,0.1,suffix:s") var unfinished_timeout: float = 60.0:
	set = set_unfinished_timeout
var outgoing_supervisor: Callable = Callable():
	set = set_outgoing_supervisor
var server_time: float:
	get = get_server_time
var supervisor: Callable = Callable():
	set = set_supervisor
var tls_options: TLSOptions = null:
	set = set_tls_options


func get_close_timeout() -> float:
	return close_timeout


func get_compression() -> CompressionMode:
	return compression


func get_compression_context_takeover() -> bool:
	return compression_context_takeover


func get_compression_min_size() -> int:
	return compression_min_size


func get_compression_window_bits() -> int:
	return compression_window_bits


func get_handshake_headers() -> PackedStringArray:
	return handshake_headers


func get_heartbeat_interval() -> float:
	return heartbeat_interval


func get_heartbeat_timeout() -> float:
	return heartbeat_timeout


func get_low_latency() -> bool:
	return low_latency


func get_max_bytes_per_second() -> int:
	return max_bytes_per_second


func get_max_compression_ratio() -> int:
	return max_compression_ratio


func get_max_control_frames_per_second() -> int:
	return max_control_frames_per_second


func get_max_fragments() -> int:
	return max_fragments


func get_max_messages_per_second() -> int:
	return max_messages_per_second


func get_max_poll_time() -> float:
	return max_poll_time


func get_max_queued_bytes() -> int:
	return max_queued_bytes


func get_max_requests() -> int:
	return max_requests


func get_max_unfinished_size() -> int:
	return max_unfinished_size


func get_multiplayer_peer() -> MultiplayerPeer:
	return null


func get_outbound_buffer_size() -> int:
	return outbound_buffer_size


func get_outgoing_supervisor() -> Callable:
	return outgoing_supervisor


func get_process_callback() -> ProcessCallback:
	return process_callback


func get_rate_burst() -> float:
	return rate_burst


func get_rate_timeout() -> float:
	return rate_timeout


func get_request_encoding() -> Encoding:
	return request_encoding


func get_request_timeout() -> float:
	return request_timeout


func get_server_time() -> float:
	return 0.0


func get_session_buffer_size() -> int:
	return session_buffer_size


func get_simulation() -> WebSocketSimulation:
	return simulation


func get_slow_peer_timeout() -> float:
	return slow_peer_timeout


func get_statistics() -> Dictionary:
	return {}


func get_supervisor() -> Callable:
	return supervisor


func get_supported_protocols() -> PackedStringArray:
	return supported_protocols


func get_tls_certificate() -> String:
	return tls_certificate


func get_tls_options() -> TLSOptions:
	return tls_options


func get_tls_private_key() -> String:
	return tls_private_key


func get_unfinished_timeout() -> float:
	return unfinished_timeout


func handle(method: String, handler: Callable) -> Error:
	return Checks.unavailable("handle")


func poll() -> void:
	pass


func set_close_timeout(value: float) -> void:
	if Checks.is_in_range(self, "close_timeout", value, 0.1, 300.0, "s"):
		close_timeout = value


func set_compression(value: CompressionMode) -> void:
	if Checks.is_of_enum(self, "compression", value, CompressionMode):
		compression = value


func set_compression_context_takeover(value: bool) -> void:
	compression_context_takeover = value


func set_compression_min_size(value: int) -> void:
	if Checks.is_in_range(self, "compression_min_size", value, 0, 2147483647, "bytes"):
		compression_min_size = value


func set_compression_window_bits(value: int) -> void:
	if Checks.is_in_range(self, "compression_window_bits", value, 9, 15, ""):
		compression_window_bits = value


func set_handshake_headers(value: PackedStringArray) -> void:
	handshake_headers = value


func set_heartbeat_interval(value: float) -> void:
	if Checks.is_in_range(self, "heartbeat_interval", value, 0.0, 3600.0, "s"):
		heartbeat_interval = value


func set_heartbeat_timeout(value: float) -> void:
	if Checks.is_in_range(self, "heartbeat_timeout", value, 0.1, 3600.0, "s"):
		heartbeat_timeout = value


func set_low_latency(value: bool) -> void:
	low_latency = value


func set_max_bytes_per_second(value: int) -> void:
	if Checks.is_in_range(self, "max_bytes_per_second", value, 0, 2147483647, "bytes"):
		max_bytes_per_second = value


func set_max_compression_ratio(value: int) -> void:
	if Checks.is_in_range(self, "max_compression_ratio", value, 0, 2147483647, ""):
		max_compression_ratio = value


func set_max_control_frames_per_second(value: int) -> void:
	if Checks.is_in_range(self, "max_control_frames_per_second", value, 0, 2147483647, ""):
		max_control_frames_per_second = value


func set_max_fragments(value: int) -> void:
	if Checks.is_in_range(self, "max_fragments", value, 0, 2147483647, ""):
		max_fragments = value


func set_max_messages_per_second(value: int) -> void:
	if Checks.is_in_range(self, "max_messages_per_second", value, 0, 2147483647, ""):
		max_messages_per_second = value


func set_max_poll_time(value: float) -> void:
	if Checks.is_in_range(self, "max_poll_time", value, 0.0001, 1.0, "s"):
		max_poll_time = value


func set_max_queued_bytes(value: int) -> void:
	if Checks.is_in_range(self, "max_queued_bytes", value, 1024, 2147483647, "bytes"):
		max_queued_bytes = value


func set_max_requests(value: int) -> void:
	if Checks.is_in_range(self, "max_requests", value, 1, 65536, ""):
		max_requests = value


func set_max_unfinished_size(value: int) -> void:
	if Checks.is_in_range(self, "max_unfinished_size", value, 1024, 2147483647, "bytes"):
		max_unfinished_size = value


func set_outbound_buffer_size(value: int) -> void:
	if Checks.is_in_range(self, "outbound_buffer_size", value, 1024, 2147483647, "bytes"):
		outbound_buffer_size = value


func set_outgoing_supervisor(value: Callable) -> void:
	outgoing_supervisor = value


func set_process_callback(value: ProcessCallback) -> void:
	if Checks.is_of_enum(self, "process_callback", value, ProcessCallback):
		process_callback = value


func set_rate_burst(value: float) -> void:
	if Checks.is_in_range(self, "rate_burst", value, 0.1, 3600.0, "s"):
		rate_burst = value


func set_rate_timeout(value: float) -> void:
	if Checks.is_in_range(self, "rate_timeout", value, 0.0, 3600.0, "s"):
		rate_timeout = value


func set_request_encoding(value: Encoding) -> void:
	if Checks.is_of_enum(self, "request_encoding", value, Encoding):
		request_encoding = value


func set_request_timeout(value: float) -> void:
	if Checks.is_in_range(self, "request_timeout", value, 0.1, 3600.0, "s"):
		request_timeout = value


func set_session_buffer_size(value: int) -> void:
	if Checks.is_in_range(self, "session_buffer_size", value, 1024, 2147483647, "bytes"):
		session_buffer_size = value


func set_simulation(value: WebSocketSimulation) -> void:
	simulation = value


func set_slow_peer_timeout(value: float) -> void:
	if Checks.is_in_range(self, "slow_peer_timeout", value, 0.0, 3600.0, "s"):
		slow_peer_timeout = value


func set_supervisor(value: Callable) -> void:
	supervisor = value


func set_supported_protocols(value: PackedStringArray) -> void:
	supported_protocols = value


func set_tls_certificate(value: String) -> void:
	tls_certificate = value


func set_tls_options(value: TLSOptions) -> void:
	tls_options = value


func set_tls_private_key(value: String) -> void:
	tls_private_key = value


func set_unfinished_timeout(value: float) -> void:
	if Checks.is_in_range(self, "unfinished_timeout", value, 0.1, 3600.0, "s"):
		unfinished_timeout = value
