## The peer of the multiplayer over a portable node: python/ws_python/features/multiplayer.py says what it does.
##
## What is derived is that of a server or of a client. Who came and who went is told in a poll of it, never elsewhere.
extends MultiplayerPeerExtension

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")

const SERVER_ID := 1
const UNSUPPORTED_DATA := 1003
const POLICY_VIOLATION := 1008
# The clock is asked when that many packets were taken.
const _PACKETS_PER_CLOCK := 16
# Packets of one player that wait: enough to be busy with. What else there is waits in the system.
const _MOST_WAITING := 1024


## Who is at the other end.
class Player:
	var id := 0
	## The user was told of it.
	var is_announced := false
	## Packets are expected from it.
	var is_here := true
	## Packets of it that were not taken, and their bytes.
	var waiting := 0
	var size := 0
	## The connection where further ones are held up, because too many wait; null for none.
	var parked: RefCounted

	func unpark() -> void:
		if parked != null:
			parked.unpark()
			parked = null


## The server or client; it may be freed.
var node: Node
var refuses := false
var is_closed := false

# [player, packet], taken up to `_next`. Those from `_fence` on are of another connection, which is not told yet.
var _packets: Array[Array] = []
var _next := 0
var _fence := -1
# Packets that wait of those who are gone, and their bytes.
var _left := 0
var _left_size := 0
var _arrived: Array[Player] = []
var _departed: Array[Player] = []
var _unique_id := 0
var _target := 0
var _mode := TRANSFER_MODE_RELIABLE
var _channel := 0
# Until when packets are handed out in this poll, in Time.get_ticks_usec(), and how many were since the clock was asked.
var _until := 0
var _since_clock := 0

# --- for the derived class


func _status_of_now() -> ConnectionStatus:
	return CONNECTION_DISCONNECTED


func _tell() -> void:
	pass


func _put(_packet: PackedByteArray) -> Error:
	return ERR_UNCONFIGURED


# --- what came


func add(player: Player, packet: PackedByteArray) -> void:
	if not packet.is_empty():  # As for the engine's own peer, that is none.
		_packets.append([player, packet])
		player.waiting += 1
		player.size += packet.size()


## Whether too much waits: of this player, or of those who are gone, whom no connection counts any more.
func is_full(player: Player) -> bool:
	return maxi(player.waiting, _left) > _MOST_WAITING or maxi(player.size, _left_size) > node.max_queued_bytes


## Nothing more comes from it; what waits of it is handed out all the same.
func _part(player: Player) -> void:
	if player.is_here:
		player.is_here = false
		_left += player.waiting
		_left_size += player.size


func _depart(player: Player) -> void:
	_part(player)
	if player.is_announced:
		_departed.append(player)
	else:
		_drop(player)


## Tells nothing of it any more.
func _drop(player: Player) -> void:
	_arrived.erase(player)
	_departed.erase(player)
	_part(player)
	if player.waiting == 0:
		return
	_packets = _packets.slice(_next).filter(func(entry: Array) -> bool: return entry[0] != player)
	_next = 0
	_fence = mini(_fence, _packets.size())
	_left -= player.waiting
	_left_size -= player.size
	player.unpark()


func _drop_all() -> void:
	for entry: Array in _packets.slice(_next):
		(entry[0] as Player).unpark()
	_packets.clear()
	_left = 0
	_left_size = 0
	_next = 0
	_fence = -1
	_arrived.clear()
	_departed.clear()


func _end_of_packets() -> int:
	return _packets.size() if _fence < 0 else _fence


# --- the engine calls these


func _poll() -> void:
	if not is_instance_valid(node) or (node.is_inside_tree() and not node.can_process()):
		return
	_packets = _packets.slice(_next)
	_fence = maxi(-1, _fence - _next) if _fence >= 0 else -1
	_next = 0
	node.poll()
	if is_instance_valid(node):
		_until = Time.get_ticks_usec() + int(node.max_poll_time * 1e6) / 2
		_since_clock = 0
		_tell()


func _get_available_packet_count() -> int:
	if _next >= _end_of_packets():
		return 0
	if _since_clock >= _PACKETS_PER_CLOCK:
		_since_clock = 0
		if Time.get_ticks_usec() >= _until:
			return 0
	return _end_of_packets() - _next


func _get_packet_script() -> PackedByteArray:
	if _next >= _end_of_packets() or not is_instance_valid(node):
		return PackedByteArray()
	var entry := _packets[_next]
	_next += 1
	_since_clock += 1
	var player: Player = entry[0]
	var packet: PackedByteArray = entry[1]
	player.waiting -= 1
	player.size -= packet.size()
	if not player.is_here:
		_left -= 1
		_left_size -= packet.size()
	if player.waiting * 2 <= _MOST_WAITING and player.size * 2 <= node.max_queued_bytes:
		player.unpark()
	return packet


func _put_packet_script(p_buffer: PackedByteArray) -> Error:
	return _put(p_buffer) if is_instance_valid(node) else ERR_CONNECTION_ERROR


func _get_max_packet_size() -> int:
	return node.outbound_buffer_size - 14 if is_instance_valid(node) else 0


func _get_packet_peer() -> int:
	return (_packets[_next][0] as Player).id if _next < _packets.size() else 0


func _get_packet_channel() -> int:
	return 0


func _get_packet_mode() -> TransferMode:
	return TRANSFER_MODE_RELIABLE


# What another thread sets is no matter: it puts nothing.
func _set_transfer_channel(p_channel: int) -> void:
	if Checks.is_main_thread():
		_channel = p_channel


func _get_transfer_channel() -> int:
	return _channel


func _set_transfer_mode(p_mode: TransferMode) -> void:
	if Checks.is_main_thread():
		_mode = p_mode


func _get_transfer_mode() -> TransferMode:
	return _mode


func _set_target_peer(p_peer: int) -> void:
	if Checks.is_main_thread():
		_target = p_peer


func _get_unique_id() -> int:
	return _unique_id


func _is_server() -> bool:
	return _unique_id == SERVER_ID


func _is_server_relay_supported() -> bool:
	return true


func _set_refuse_new_connections(p_enable: bool) -> void:
	refuses = p_enable


func _is_refusing_new_connections() -> bool:
	return refuses


func _get_connection_status() -> ConnectionStatus:
	return _status_of_now() if is_instance_valid(node) else CONNECTION_DISCONNECTED
