## The members of WebSocketServer, as the native class has them.
## Written by tools/portable_members.py: do not edit.
# gdlint: disable=unused-argument,max-public-methods,max-file-lines,max-returns
extends "res://addons/ws_python/portable/polling.gd"

signal client_connected(peer_id: int)
signal client_disconnected(peer_id: int)
signal client_interrupted(peer_id: int)
signal client_resumed(peer_id: int)
signal drain_finished
signal handed_over
signal handshake_failed(reason: String)
signal message_received(peer_id: int, message: Variant)
signal peer_drained(peer_id: int)
signal status_changed(status: Status)
signal taken_over(data: Variant)
signal var_received(peer_id: int, value: Variant)
enum Status { STATUS_IDLE = 0, STATUS_ACTIVE = 1 }
const STATUS_IDLE := Status.STATUS_IDLE
const STATUS_ACTIVE := Status.STATUS_ACTIVE
@export var allowed_origins: PackedStringArray = PackedStringArray():
	set = set_allowed_origins
@export var autostart: bool = false:
	set = set_autostart
@export var bind_address: String = "*":
	set = set_bind_address
@export var drain_on_terminate: bool = false:
	set = set_drain_on_terminate
@export_custom(PROPERTY_HINT_RANGE, "0,86400,0.1,suffix:s") var drain_time: float = 10.0:
	set = set_drain_time
@export var handover_path: String = "":
	set = set_handover_path
@export_custom(PROPERTY_HINT_RANGE, "0.1,60,0.1,suffix:s") var handover_timeout: float = 2.0:
	set = set_handover_timeout
@export_custom(PROPERTY_HINT_RANGE, "0.1,300,0.1,suffix:s") var handshake_timeout: float = 5.0:
	set = set_handshake_timeout
@export_custom(PROPERTY_HINT_RANGE, "0,1000000") var max_connections: int = 16384:
	set = set_max_connections
@export_custom(PROPERTY_HINT_RANGE, "0,1000000") var max_connections_per_address: int = 256:
	set = set_max_connections_per_address
@export_custom(PROPERTY_HINT_RANGE, "1,1000000") var max_interrupted_sessions: int = 1024:
	set = set_max_interrupted_sessions
@export_custom(PROPERTY_HINT_RANGE, "1,2147483647,suffix:bytes") var max_message_size: int = 1048576:
	set = set_max_message_size
@export_custom(PROPERTY_HINT_RANGE, "0,1099511627776,suffix:bytes") var max_outbound_size: int = 268435456:
	set = set_max_outbound_size
@export_custom(PROPERTY_HINT_RANGE, "0,1000000") var max_pending_handshakes: int = 1024:
	set = set_max_pending_handshakes
@export_custom(PROPERTY_HINT_RANGE, "1024,1099511627776,suffix:bytes") var max_session_memory: int = 268435456:
	set = set_max_session_memory
@export var multiplayer_path: String = "":
	set = set_multiplayer_path
@export_custom(PROPERTY_HINT_RANGE, "0,65535") var port: int = 8080:
	set = set_port
@export var refuse_new_connections: bool = false:
	set = set_refuse_new_connections
@export_custom(PROPERTY_HINT_RANGE, "0,65536") var reserved_descriptors: int = 32:
	set = set_reserved_descriptors
@export_custom(PROPERTY_HINT_RANGE, "0,86400,0.1,suffix:s") var session_timeout: float = 0.0:
	set = set_session_timeout
@export_custom(PROPERTY_HINT_FILE, "*.crt,*.pem") var tls_client_ca: String = "":
	set = set_tls_client_ca
@export var trusted_proxies: PackedStringArray = PackedStringArray():
	set = set_trusted_proxies
@export var unix_socket_mode: String = "600":
	set = set_unix_socket_mode
@export var unix_socket_owner: String = "":
	set = set_unix_socket_owner
var authorizer: Callable = Callable():
	set = set_authorizer
var handover_data: Callable = Callable():
	set = set_handover_data
var peers: Dictionary:
	get = get_peers
var status: Status:
	get = get_status


func disconnect_peer(peer_id: int, code: int = 1000, reason: String = "") -> Error:
	return Checks.unavailable("disconnect_peer")


func drain(seconds: float, url: String = "") -> Error:
	return Checks.unavailable("drain")


func get_allowed_origins() -> PackedStringArray:
	return allowed_origins


func get_authorizer() -> Callable:
	return authorizer


func get_autostart() -> bool:
	return autostart


func get_bind_address() -> String:
	return bind_address


func get_drain_on_terminate() -> bool:
	return drain_on_terminate


func get_drain_time() -> float:
	return drain_time


func get_handover_data() -> Callable:
	return handover_data


func get_handover_path() -> String:
	return handover_path


func get_handover_timeout() -> float:
	return handover_timeout


func get_handshake_timeout() -> float:
	return handshake_timeout


func get_local_port() -> int:
	return 0


func get_max_connections() -> int:
	return max_connections


func get_max_connections_per_address() -> int:
	return max_connections_per_address


func get_max_interrupted_sessions() -> int:
	return max_interrupted_sessions


func get_max_message_size() -> int:
	return max_message_size


func get_max_outbound_size() -> int:
	return max_outbound_size


func get_max_pending_handshakes() -> int:
	return max_pending_handshakes


func get_max_session_memory() -> int:
	return max_session_memory


func get_multiplayer_path() -> String:
	return multiplayer_path


func get_peer(peer_id: int) -> WebSocketPeerNode:
	return null


func get_peer_count() -> int:
	return 0


func get_peer_ids() -> PackedInt64Array:
	return PackedInt64Array()


func get_peers() -> Dictionary:
	return {}


func get_port() -> int:
	return port


func get_refuse_new_connections() -> bool:
	return refuse_new_connections


func get_reserved_descriptors() -> int:
	return reserved_descriptors


func get_session_timeout() -> float:
	return session_timeout


func get_status() -> Status:
	return Status.STATUS_IDLE


func get_tls_client_ca() -> String:
	return tls_client_ca


func get_trusted_proxies() -> PackedStringArray:
	return trusted_proxies


func get_unix_socket_mode() -> String:
	return unix_socket_mode


func get_unix_socket_owner() -> String:
	return unix_socket_owner


func has_peer(peer_id: int) -> bool:
	return false


func is_listening() -> bool:
	return false


func listen(port: int = -1) -> Error:
	return Checks.unavailable("listen")


func request(peer_id: int, method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	return WebSocketReply.fail(Checks.unavailable("request"), "not on this platform")


func send(peer_id: int, message: Variant) -> Error:
	return Checks.unavailable("send")


func send_json(peer_id: int, value: Variant) -> Error:
	return Checks.unavailable("send_json")


func send_latest(peer_id: int, key: Variant, message: Variant) -> Error:
	return Checks.unavailable("send_latest")


func send_text(peer_id: int, message: String) -> Error:
	return Checks.unavailable("send_text")


func send_var(peer_id: int, value: Variant) -> Error:
	return Checks.unavailable("send_var")


func set_allowed_origins(value: PackedStringArray) -> void:
	allowed_origins = value


func set_authorizer(value: Callable) -> void:
	authorizer = value


func set_autostart(value: bool) -> void:
	autostart = value


func set_bind_address(value: String) -> void:
	bind_address = value


func set_drain_on_terminate(value: bool) -> void:
	drain_on_terminate = value


func set_drain_time(value: float) -> void:
	drain_time = value


func set_handover_data(value: Callable) -> void:
	handover_data = value


func set_handover_path(value: String) -> void:
	handover_path = value


func set_handover_timeout(value: float) -> void:
	if Checks.is_in_range(self, "handover_timeout", value, 0.1, 60.0, "s"):
		handover_timeout = value


func set_handshake_timeout(value: float) -> void:
	if Checks.is_in_range(self, "handshake_timeout", value, 0.1, 300.0, "s"):
		handshake_timeout = value


func set_max_connections(value: int) -> void:
	if Checks.is_in_range(self, "max_connections", value, 0, 1000000, ""):
		max_connections = value


func set_max_connections_per_address(value: int) -> void:
	if Checks.is_in_range(self, "max_connections_per_address", value, 0, 1000000, ""):
		max_connections_per_address = value


func set_max_interrupted_sessions(value: int) -> void:
	if Checks.is_in_range(self, "max_interrupted_sessions", value, 1, 1000000, ""):
		max_interrupted_sessions = value


func set_max_message_size(value: int) -> void:
	if Checks.is_in_range(self, "max_message_size", value, 1, 2147483647, "bytes"):
		max_message_size = value


func set_max_outbound_size(value: int) -> void:
	if Checks.is_in_range(self, "max_outbound_size", value, 0, 1099511627776, "bytes"):
		max_outbound_size = value


func set_max_pending_handshakes(value: int) -> void:
	if Checks.is_in_range(self, "max_pending_handshakes", value, 0, 1000000, ""):
		max_pending_handshakes = value


func set_max_session_memory(value: int) -> void:
	if Checks.is_in_range(self, "max_session_memory", value, 1024, 1099511627776, "bytes"):
		max_session_memory = value


func set_multiplayer_path(value: String) -> void:
	multiplayer_path = value


func set_port(value: int) -> void:
	if Checks.is_in_range(self, "port", value, 0, 65535, ""):
		port = value


func set_refuse_new_connections(value: bool) -> void:
	refuse_new_connections = value


func set_reserved_descriptors(value: int) -> void:
	if Checks.is_in_range(self, "reserved_descriptors", value, 0, 65536, ""):
		reserved_descriptors = value


func set_session_timeout(value: float) -> void:
	if Checks.is_in_range(self, "session_timeout", value, 0.0, 86400.0, "s"):
		session_timeout = value


func set_tls_client_ca(value: String) -> void:
	tls_client_ca = value


func set_trusted_proxies(value: PackedStringArray) -> void:
	trusted_proxies = value


func set_unix_socket_mode(value: String) -> void:
	unix_socket_mode = value


func set_unix_socket_owner(value: String) -> void:
	unix_socket_owner = value


static func sign_token(secret: String, claims: Dictionary, seconds: float) -> String:
	return ""


func start_request(peer_id: int, method: String, data: Variant = null, timeout: float = 0.0) -> WebSocketReply:
	return WebSocketReply.fail(Checks.unavailable("start_request"), "not on this platform")


func stop() -> void:
	pass


static func verify_token(secret: String, token: String) -> Dictionary:
	return {}
