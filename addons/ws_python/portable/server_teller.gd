## What happens on the connections of a server, told to the game: peers come and go, messages, values, requests, pongs.
##
## Whatever calls a handler of the server's is here, and any handler may free the node: hence, after each signal,
## is_alive() of the core.
extends RefCounted

const Greetings := preload("res://addons/ws_python/portable/greetings.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Requests := preload("res://addons/ws_python/portable/requests.gd")
const ServerConnection := preload("res://addons/ws_python/portable/server_connection.gd")

var _core: RefCounted
# A connection whose peer is still to be announced; and one whose server was told of a message and its peer was not,
# with it.
var _announcing: RefCounted
var _owing: RefCounted
var _owed: Variant


func _init(core: RefCounted) -> void:
	_core = core


## The turn of what a connection has, see server_inbox.gd.
func hand_out(connection: RefCounted, event: Variant) -> void:
	if _announcing != null or _owing != null:
		_settle()
	if not _core.is_alive() or connection.is_ignored():
		return
	if event is String or event is PackedByteArray:
		_tell_message(connection, event)
	elif event is Array:
		_tell_pong(connection, event[0])
	elif event is int:
		_tell_happening(connection, event)
	else:
		event.tell(self, connection)


func _tell_message(connection: RefCounted, event: Variant) -> void:
	var message: Variant = event
	if not _core.node.supervisor.is_null():
		message = _core.supervised([connection.peer_id], event)
		if message == null or not _core.is_alive() or _core.has_left(connection):
			return
	if _core.multiplayer != null and _core.multiplayer.takes(connection, message):
		return
	_owing = connection
	_owed = message
	_core.node.message_received.emit(connection.peer_id, message)
	_settle()


## Tells whatever is still to be told before something else: a peer is announced, and then told of its message.
func _settle() -> void:
	if _announcing != null:
		var announced := _announcing
		_announcing = null
		if _core.is_alive() and _core.peers.get(announced.peer_id) == announced.peer and announced.peer != null:
			announced.is_announced = true
			_core.node.client_connected.emit(announced.peer_id)
	if _owing != null:
		var connection := _owing
		var message: Variant = _owed
		_owing = null
		_owed = null
		if is_instance_valid(connection.peer) and _core.is_alive():
			connection.peer.message_received.emit(message)


func _tell_pong(connection: RefCounted, payload: PackedByteArray) -> void:
	if not _core.watch.takes_pong(connection, payload) and is_instance_valid(connection.peer):
		connection.peer.pong_received.emit(payload)


func _tell_happening(connection: RefCounted, happening: int) -> void:
	match happening:
		ServerConnection.Happening.OPENED:
			_tell_opened(connection)
		ServerConnection.Happening.ASKED:
			if connection.is_opening():
				_core.authorization.ask(connection)
		ServerConnection.Happening.FAILED:
			_tell_failed(connection)
		ServerConnection.Happening.DRAINED:
			_tell_drained(connection)
		ServerConnection.Happening.CLOSED:
			_tell_closed(connection)
		ServerConnection.Happening.INTERRUPTED:
			_tell_interrupted(connection)
		ServerConnection.Happening.RESUMED:
			if connection.is_announced and is_instance_valid(connection.peer):
				_core.node.client_resumed.emit(connection.peer_id)
		ServerConnection.Happening.SESSION_OVER:
			_core.statistics.past.absorb(connection.meter as Meter)
			part_with(connection)


func _tell_opened(connection: RefCounted) -> void:
	_core.statistics.happened("connections_made")
	if connection.layer == null:  # Else its hello tells which peer it is of.
		_core.seat(connection)
		present(connection)


## Shows it, and announces it.
func present(connection: RefCounted) -> void:
	var peer: Node = connection.peer
	if _core.multiplayer != null:
		_core.multiplayer.seat(connection)
	# Showing it may call a handler that polls: then what this client sent does not come before it was announced.
	_announcing = connection
	# While the engine sets up what is below the server, poll() of a child's _ready() may have brought us here.
	if _core.node.is_node_ready() or not _core.node.is_inside_tree():
		_core.node.add_child(peer)
	if _core.is_alive() and is_instance_valid(peer) and peer.get_parent() == null and not peer.is_queued_for_deletion():
		_core.node.add_child.call_deferred(peer)
	_settle()


func _tell_failed(connection: RefCounted) -> void:
	_core.connections.erase(connection)
	_core.statistics.refused(connection.handshake.status)
	_core.limits.failed(connection)
	connection.retire()
	_core.node.handshake_failed.emit("%s: %s" % [connection.host, connection.failure])


func _tell_drained(connection: RefCounted) -> void:
	if not connection.outbox.end_stall() or not connection.is_announced or not is_instance_valid(connection.peer):
		return
	connection.peer.drained.emit()
	if _core.is_alive() and _core.peers.has(connection.peer_id):
		_core.node.peer_drained.emit(connection.peer_id)


func _tell_closed(connection: RefCounted) -> void:
	_core.connections.erase(connection)
	_core.statistics.closed(connection.close_code, connection.meter)
	var exceeded: String = connection.codec.exceeded
	if exceeded:
		_core.statistics.count("closed_" + exceeded)
		_core.warn(
			connection.who(),
			(
				"a message of %d %s, %s is %d: closed with %d"
				% [
					connection.codec.exceeded_by,
					"fragments" if exceeded == "max_fragments" else "bytes or more",
					exceeded,
					_core.node.get(exceeded),
					connection.close_code
				]
			)
		)
	connection.retire()
	if _core.sessions.outlives(connection):
		connection.count_anew()
		_tell_interrupted(connection)
	else:
		connection.part()
		part_with(connection)


## The peer is taken away first: a stop() in one of these handlers finds nothing left to do for it.
func part_with(connection: RefCounted) -> void:
	var peer: Variant = connection.peer
	connection.peer = null
	connection.is_given_up = false
	if connection.peer_id == 0:
		return
	if connection.layer != null:
		connection.part()
	if connection.end != null:
		_core.end_requests(connection.end as Requests.End)
		connection.end.connection = null
		connection.end = null
	if _core.multiplayer != null:
		_core.multiplayer.part(connection.peer_id)
	if connection.is_announced:
		if is_instance_valid(peer) and _core.is_alive():
			peer.connection_closed.emit()
		if _core.is_alive():
			_core.node.client_disconnected.emit(connection.peer_id)
	if is_instance_valid(peer):
		if _core.peers.get(connection.peer_id) == peer:
			_core.peers.erase(connection.peer_id)
		peer.queue_free()


func _tell_interrupted(connection: RefCounted) -> void:
	if connection.is_announced and is_instance_valid(connection.peer):
		_core.node.client_interrupted.emit(connection.peer_id)


# --- sessions


func greeted(connection: RefCounted, hello: Greetings.Hello) -> void:
	if _core.connections.has(connection):
		var sessions: RefCounted = _core.sessions  # A handler of `client_connected` may free the server.
		sessions.greeted(connection, hello)


func layer_message(connection: RefCounted, message: LayerMessage) -> void:
	if not is_instance_valid(connection.peer):
		return
	if message.letter == LayerMessage.VALUE:
		_tell_value(connection, message)
	elif Requests.Dialogue.LETTERS.contains(message.letter):
		_core.end_of(connection)
		_core.hear_request(connection, message)


func _tell_value(connection: RefCounted, message: LayerMessage) -> void:
	var payload: Variant = _core.supervised_payload(connection, message.payload)
	if payload == null:
		return
	var decoded := Requests.Payloads.decode(payload)
	if decoded[1]:
		_core.statistics.count("values_unreadable")
		connection.complain("unreadable values", "a value that came cannot be read: %s" % decoded[1])
		return
	if not is_instance_valid(connection.peer):
		return
	_core.node.var_received.emit(connection.peer_id, decoded[0])
	if is_instance_valid(connection.peer) and _core.is_alive():
		connection.peer.var_received.emit(decoded[0])
