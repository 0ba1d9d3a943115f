## A portable client that plays: its server is its only peer.
extends "res://addons/ws_python/portable/multiplayer_peer.gd"

const ClientMembers := preload("res://addons/ws_python/portable/members/client.gd")

const _PROTOCOL_ERROR := 1002

# Whose packets come, null as long as the server has told no id; and to whom packets go, when the user knows of it.
var _receiving: Player
var _server: Player
var _told_id := 0
# CONNECTION_DISCONNECTED is still to be seen, once, before the status of the next connection.
var _is_lost := false
var _was_late := false


## Whether the next message is not a packet, but tells this side's id.
func awaits_id() -> bool:
	return _receiving == null


## Whether more waits than the game takes.
func has_enough() -> bool:
	return _receiving != null and is_full(_receiving)


## Whether a message was one for the player.
func takes(connection: RefCounted, message: Variant) -> bool:
	if _receiving == null:
		_greet(connection, message)
	elif message is PackedByteArray:
		add(_receiving, message as PackedByteArray)
	elif connection.is_open():
		node._ws_core.statistics.count("closed_text_from_player")
		connection.give_up(UNSUPPORTED_DATA, "a text message is no packet of the multiplayer")
	return true


func _greet(connection: RefCounted, message: Variant) -> void:
	if is_closed:
		return  # A packet that was on the way when the game closed the peer.
	var id: int = message.decode_s32(0) if message is PackedByteArray and message.size() == 4 else 0
	if id > SERVER_ID:
		_told_id = id
		_receiving = Player.new()
		_receiving.id = SERVER_ID
		_arrived.append(_receiving)
	elif connection.is_open():
		node._ws_core.statistics.count("closed_no_peer_id")
		connection.give_up(_PROTOCOL_ERROR, "the server did not begin with a peer id")


## The connection, or its session, is over.
func part() -> void:
	var player := _receiving
	_receiving = null
	if player != null:
		_server = null
		_depart(player)
		_fence = _packets.size()


func note_status(status: int) -> void:
	if status == ClientMembers.STATUS_CONNECTING:
		is_closed = false
		_is_lost = false  # The game has called connect_to_url(), so it knows.


func _get_connection_status() -> ConnectionStatus:
	if _is_lost:
		_is_lost = false
		return CONNECTION_DISCONNECTED
	return super()


func _status_of_now() -> ConnectionStatus:
	if is_closed:
		return CONNECTION_DISCONNECTED
	if _server != null or not _departed.is_empty():
		return CONNECTION_CONNECTED
	match node.status:
		ClientMembers.STATUS_CONNECTING, ClientMembers.STATUS_ACTIVE, ClientMembers.STATUS_RECONNECTING:
			return CONNECTION_CONNECTING
	return CONNECTION_CONNECTING if node._ws_is_to_begin and node.autoconnect else CONNECTION_DISCONNECTED


func _tell() -> void:
	_was_late = node.get_current_outbound_buffered_amount() > 0
	if not _departed.is_empty():
		if _departed[0].waiting == 0:
			_departed.clear()
			peer_disconnected.emit(SERVER_ID)
			# The game is to see it before it sees the next connection, of which the next poll tells.
			_is_lost = true
	elif not _arrived.is_empty():
		_server = _arrived.pop_front()
		_unique_id = _told_id
		_fence = -1
		_server.is_announced = true
		peer_connected.emit(SERVER_ID)


func _put(packet: PackedByteArray) -> Error:
	if _server == null:
		return ERR_CONNECTION_ERROR
	if _mode != TRANSFER_MODE_RELIABLE and _was_late:
		if _mode == TRANSFER_MODE_UNRELIABLE_ORDERED:
			return node.send_latest("multiplayer %d" % _channel, packet)
		node._ws_core.statistics.count("packets_left_out")
		return OK
	var error: Error = node.send(packet)
	if error == ERR_BUSY and _mode == TRANSFER_MODE_RELIABLE:
		node._ws_core.statistics.count("closed_no_room_for_packet")
		push_error("put_packet: no room for a reliable packet, the server is too slow; the connection is closed")
		node.close(POLICY_VIOLATION, "no room for a reliable packet")
	return error


func _disconnect_peer(p_peer: int, p_force: bool) -> void:
	if not is_instance_valid(node):
		return
	if p_peer != SERVER_ID:
		push_error("disconnect_peer: a client has one peer only, its server (1)")
	elif p_force:
		_close()
	else:
		node.close()


func _close() -> void:
	if not is_instance_valid(node):
		return
	_drop_all()
	_server = null
	_receiving = null
	is_closed = true
	node.close()
