## The players of a portable server.
extends "res://addons/ws_python/portable/multiplayer_peer.gd"

const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Status := preload("res://addons/ws_python/portable/http_status.gd")

const _FULL := "This game takes no new players."

## By their ids.
var players: Dictionary[int, Player] = {}
# Those whom the game has parted with, as long as they are connected: what they send is nobody's.
var _parted: Dictionary[int, bool] = {}
# Those for whom something waited when the frame began.
var _late: Dictionary[int, bool] = {}


func _init() -> void:
	_unique_id = SERVER_ID


## How to refuse a connection; empty: it is not. Who speaks the session layer may be one that comes back: seat() knows.
func admit(connection: RefCounted) -> Array:
	var offered := ", ".join(connection.handshake.values("Sec-WebSocket-Protocol"))
	if not _takes_nobody(connection) or offered.contains(LayerMessage.SUBPROTOCOL):
		return []
	node._ws_core.statistics.count("refused_players")
	return [Status.SERVICE_UNAVAILABLE, _FULL]


func _takes_nobody(connection: RefCounted) -> bool:
	return (refuses or is_closed) and plays(connection.handshake.target)


func plays(path: String) -> bool:
	var wanted: String = node.multiplayer_path
	return wanted.is_empty() or path.get_slice("?", 0) == "/" + wanted.trim_prefix("/")


## A peer is about to be announced.
func seat(connection: RefCounted) -> void:
	if not plays(connection.handshake.target):
		return
	if _takes_nobody(connection):
		node._ws_core.statistics.count("refused_players")
		connection.close(POLICY_VIOLATION, _FULL)
		return
	var player := Player.new()
	player.id = connection.peer_id
	players[player.id] = player
	_arrived.append(player)
	var id := PackedByteArray()
	id.resize(4)
	id.encode_s32(0, player.id)
	connection.send_frame(Codec.encoded(id))  # No message of the user's, so no supervisor sees it.


## Whether a message was one of a player.
func takes(connection: RefCounted, message: Variant) -> bool:
	var player: Player = players.get(connection.peer_id)
	if player == null:
		return _parted.has(connection.peer_id)
	if message is PackedByteArray:
		add(player, message as PackedByteArray)
		if player.parked != connection and is_full(player):
			player.parked = connection  # One before it, in the same session, hands out nothing any more.
			connection.park()
	elif connection.is_open():
		node._ws_core.statistics.count("closed_text_from_player")
		connection.give_up(UNSUPPORTED_DATA, "a text message is no packet of the multiplayer")
	return true


func part(peer_id: int) -> void:
	_parted.erase(peer_id)
	if players.has(peer_id):
		var player := players[peer_id]
		players.erase(peer_id)
		_depart(player)


func note_status(is_listening: bool) -> void:
	if is_listening:
		is_closed = false
	else:
		players.clear()
		_drop_all()


func _status_of_now() -> ConnectionStatus:
	if is_closed:
		return CONNECTION_DISCONNECTED
	if node.is_listening():
		return CONNECTION_CONNECTED
	return CONNECTION_CONNECTING if node._ws_is_to_begin and node.autostart else CONNECTION_DISCONNECTED


func _tell() -> void:
	_late.clear()
	for id: int in players:
		if node._ws_core.peers[id]._ws_connection.outbound_amount() > 0:
			_late[id] = true
	while not _arrived.is_empty():
		var player: Player = _arrived.pop_front()
		player.is_announced = true
		peer_connected.emit(player.id)
	for player: Player in _departed.duplicate():
		if player.waiting == 0 and player in _departed:  # A handler may have closed it all.
			_departed.erase(player)
			peer_disconnected.emit(player.id)


func _put(packet: PackedByteArray) -> Error:
	if _target > 0:
		return _put_to(_target, packet) if players.has(_target) else ERR_INVALID_PARAMETER
	var result := OK
	for id: int in players.keys():
		if id != -_target and players.has(id):
			var error := _put_to(id, packet)
			result = error if result == OK else result
	return result


func _put_to(id: int, packet: PackedByteArray) -> Error:
	if _mode != TRANSFER_MODE_RELIABLE and _late.has(id):
		if _mode == TRANSFER_MODE_UNRELIABLE_ORDERED:
			return node.send_latest(id, "multiplayer %d" % _channel, packet)
		node._ws_core.statistics.count("packets_left_out")
		return OK
	var error: Error = node.send(id, packet)
	if error == ERR_BUSY and _mode == TRANSFER_MODE_RELIABLE:
		node._ws_core.statistics.count("closed_no_room_for_packet")
		push_error("put_packet: no room for a reliable packet to peer %d, who is too slow; it is disconnected" % id)
		node._ws_core.peers[id]._ws_connection.give_up(POLICY_VIOLATION, "no room for a reliable packet")
	return error


func _disconnect_peer(p_peer: int, p_force: bool) -> void:
	if not is_instance_valid(node):
		return
	if not players.has(p_peer):
		node._ws_core.unknown_peer("disconnect_peer", p_peer)
		return
	if p_force:
		var player := players[p_peer]
		players.erase(p_peer)
		_parted[p_peer] = true
		_drop(player)
	node.disconnect_peer(p_peer)


func _close() -> void:
	if not is_instance_valid(node):
		return
	var ids := players.keys()
	note_status(false)
	is_closed = true
	# Before stop(), whose code would have those in a session wait for the server to come back.
	for id: int in ids:
		if is_instance_valid(node):
			_parted[id] = true
			node.disconnect_peer(id)
	if is_instance_valid(node) and node.multiplayer_path.is_empty():
		node.stop()
