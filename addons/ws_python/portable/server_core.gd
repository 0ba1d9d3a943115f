## What a server does: it listens, lets in, owns one peer for each connection, and tells what they send.
##
## Beside its node and not in it, see core.gd: a handler may free the node at any time.
extends "res://addons/ws_python/portable/core.gd"

const Authorization := preload("res://addons/ws_python/portable/authorization.gd")
const ConnectionLimits := preload("res://addons/ws_python/portable/connection_limits.gd")
const Inbox := preload("res://addons/ws_python/portable/server_inbox.gd")
const Listener := preload("res://addons/ws_python/portable/server_listener.gd")
const Multiplayer := preload("res://addons/ws_python/portable/multiplayer_server.gd")
const Offer := preload("res://addons/ws_python/portable/server_offer.gd")
const Origins := preload("res://addons/ws_python/portable/origins.gd")
const OutboundLimit := preload("res://addons/ws_python/portable/outbound_limit.gd")
const Peer := preload("res://addons/ws_python/portable/websocket_peer_node.gd")
const Request := preload("res://addons/ws_python/portable/websocket_request.gd")
const ServerConnection := preload("res://addons/ws_python/portable/server_connection.gd")
const Sessions := preload("res://addons/ws_python/portable/sessions.gd")
const ServerTls := preload("res://addons/ws_python/portable/server_tls.gd")
const Status := preload("res://addons/ws_python/portable/http_status.gd")
const TrustedProxies := preload("res://addons/ws_python/portable/trusted_proxies.gd")

const _IDLE := 0
const _ACTIVE := 1
# 1 is the server itself in Godot's multiplayer, 0 means everybody.
const _FIRST_PEER_ID := 2
const _LAST_PEER_ID := (1 << 31) - 1
const _GOING_AWAY := 1001
# Ids of unknown peers that are remembered, so that each is told once.
const _MOST_UNKNOWN := 64
# Bytes that do not wait for what else is sent in the frame.
const _MUCH := 32 * 1024
# Sockets that one poll accepts even where its time is up.
const _LEAST_ACCEPTED := 16

var status := _IDLE
## The nodes of the connections by their ids.
var peers: Dictionary[int, Node] = {}
var inbox := Inbox.new()
## Its players; null as long as nobody has asked for them.
var multiplayer: Multiplayer
## How many times it was polled.
var polls := 0

var _listener: Listener
var _offer: Offer
var _tls: ServerTls
var _limits: ConnectionLimits
var _origins: Origins
var _authorization: Authorization
var _proxies: TrustedProxies
var _sessions: Sessions
var _watch: ConnectionWatch
var _outbound: OutboundLimit
# Every connection that is not over, also those that are still shaking hands.
var _connections: Dictionary[RefCounted, bool] = {}
# Those whose end was told, and whose TCP connection is still there.
var _ending: Dictionary[RefCounted, bool] = {}
var _to_flush: Array[RefCounted] = []
var _polling := 0
var _is_flush_deferred := false
var _told_unknown: Dictionary[int, bool] = {}
# A connection whose peer is still to be announced; and one whose server was told of a message and its peer was not,
# with it.
var _announcing: RefCounted
var _owing: RefCounted
var _owed: Variant


func _init(of_node: Node) -> void:
	super(of_node)
	inbox.teller = self
	_offer = Offer.new(of_node)
	_tls = ServerTls.new(self)
	_limits = ConnectionLimits.new(self)
	_origins = Origins.new(self)
	_authorization = Authorization.new(self)
	_proxies = TrustedProxies.new(self)
	_sessions = Sessions.new(self)
	_watch = ConnectionWatch.new(self)
	_outbound = OutboundLimit.new(self)


# --- listening


func begin() -> void:
	if node.autostart and not is_listening():
		listen(-1)


func listen(port: int) -> Error:
	if refuses("listen"):
		return ERR_UNAVAILABLE
	if is_listening():
		push_error("listen: already listening on %s; call stop() first" % _listener.name())
		return ERR_ALREADY_IN_USE
	var listener := Listener.new()
	var error := listener.check(node, node.port if port == -1 else port)
	if error == OK:
		error = _read_settings()
	if error == OK:
		error = listener.listen()
		if error != OK:
			statistics.happened("listen_failed")
	if error != OK:
		return error
	_listener = listener
	statistics.happened("listened")
	_set_status(_ACTIVE)
	return OK


## The settings are of use, or the log says what is wrong with them.
func _read_settings() -> Error:
	var problem := _offer.begin()
	if not problem:
		problem = _proxies.begin()
	if not problem:
		problem = _origins.begin()
	if problem:
		push_error("listen: " + problem)
		return ERR_INVALID_PARAMETER
	if not _tls.begin():
		push_error("listen: " + _tls.problem)
		return _tls.error
	return OK


func stop() -> void:
	if is_listening() and not Checks.is_elsewhere("stop"):
		_stop()


func _stop() -> void:
	_listener.stop()
	_listener = null
	statistics.gave_up(true)
	var ended: Array[RefCounted] = []
	ended.assign(_connections.keys())
	# Of those whose connection was cut, too.
	for peer: Node in peers.values():
		if not _connections.has(peer._ws_connection) and peer._ws_connection.is_cut():
			ended.append(peer._ws_connection)
	for connection: RefCounted in _ending.keys():
		connection.abandon(_GOING_AWAY, "")
	_sessions.end()
	for connection: RefCounted in ended:
		if _connections.has(connection):
			_limits.forget(connection)
			connection.abandon(_GOING_AWAY, "")
			statistics.closed(connection.close_code, connection.meter)
		else:
			statistics.past.absorb(connection.meter as Meter)
			connection.part()
	_connections.clear()
	_ending.clear()
	_to_flush.clear()
	_set_status(_IDLE)
	for connection: RefCounted in ended:
		_part_with(connection)


func is_listening() -> bool:
	return _listener != null


func get_local_port() -> int:
	return 0 if _listener == null else _listener.local_port()


func _set_status(value: int) -> void:
	note_status()
	status = value
	if multiplayer != null and is_alive():
		multiplayer.note_status(is_listening())
	if is_alive():
		node.status_changed.emit(value)


func end_all() -> void:
	# A node may be freed on any thread; what it has open belongs to the one that polls.
	if OS.get_thread_caller_id() == OS.get_main_thread_id():
		_end_all(self)
	else:
		_end_all.bind(self).call_deferred()


## Static, and bound: nobody else may keep the core until then.
static func _end_all(core: RefCounted) -> void:
	core._end()


func _end() -> void:
	requests.forget()
	if is_listening():
		_stop()
	inbox.end()
	_announcing = null
	_owing = null
	multiplayer = null
	# Each holds this.
	_tls = null
	_sessions = null
	_limits = null
	_origins = null
	_authorization = null
	_proxies = null
	_watch = null
	_outbound = null


# --- polling


func poll() -> void:
	if Checks.is_elsewhere("poll") or not is_alive():
		return
	var begun := Time.get_ticks_usec()
	polls += 1
	_advance(begun / 1e6)
	_polling += 1
	var budget := int(node.max_poll_time * 1e6)
	_poll_network(begun + budget / 2)
	deliver(maxi(Time.get_ticks_usec(), begun) + budget / 2)
	if not inbox.is_held:
		look_at_requests()
	_polling -= 1
	_flush_all()


func deliver(until: int) -> void:
	if not inbox.is_held:
		inbox.deliver(until)


func _poll_network(until: int) -> void:
	if _listener != null:
		_tls.look()
		_accept(until)
	for connection: RefCounted in _connections.keys() + _ending.keys():
		connection.poll(now)
	_watch.look(now, open_connections())
	_outbound.look(now, _connections.keys() + _ending.keys())
	_sessions.look(now)


func _accept(until: int) -> void:
	var accepted := 0
	while accepted < _LEAST_ACCEPTED or Time.get_ticks_usec() < until:
		var stream := _listener.accept()
		if stream == null:
			return
		accepted += 1
		statistics.happened("connections_tried")
		var connection := ServerConnection.new(self, stream, _tls.options, node)
		_connections[connection] = true
		var refusal := _limits.accepted(connection)
		if refusal:
			connection.answer(refusal)


func open_connections() -> Array[RefCounted]:
	var found: Array[RefCounted] = []
	for connection: RefCounted in _connections:
		if connection.is_open():
			found.append(connection)
	return found


## What is queued on a connection leaves at the end of the running poll, or of the frame; much of it at once.
func wants_flush(connection: RefCounted) -> void:
	if connection.outbox.unwritten() > _MUCH:
		connection.flush()
	if connection.is_flush_due:
		return
	connection.is_flush_due = true
	_to_flush.append(connection)
	if _polling == 0 and not _is_flush_deferred:
		_is_flush_deferred = true
		_flush_all.call_deferred()


func _flush_all() -> void:
	_is_flush_deferred = false
	var flushed := _to_flush
	_to_flush = []
	for connection: RefCounted in flushed:
		connection.is_flush_due = false
		connection.flush()
		if not connection.is_gone() and connection.outbox.unwritten() > 0:
			connection.is_flush_due = true
			_to_flush.append(connection)


# --- what connections ask


func get_protocols() -> PackedStringArray:
	return _offer.protocols()


func get_headers() -> PackedStringArray:
	return _offer.headers()


## Answers the request of a connection, unless the authorizer does so later.
func admit(connection: RefCounted) -> void:
	var refusal := _proxies.admit(connection)
	if not refusal:
		refusal = _limits.admit(connection)
	if not refusal and node.refuse_new_connections:
		statistics.count("refused_new_connections")
		refusal = [Status.SERVICE_UNAVAILABLE, "This server takes no new connections."]
	if not refusal and multiplayer != null:
		refusal = multiplayer.admit(connection)
	if not refusal:
		refusal = _origins.admit(connection)
	if refusal or node.authorizer.is_null() or not connection.handshake.asks_for_a_websocket():
		connection.answer(refusal)
	else:
		connection.ask()


func request_of(connection: RefCounted) -> RefCounted:
	if connection.request == null:
		connection.request = Request.new()
		connection.request._ws_take(connection)
	return connection.request


func note_opened(connection: RefCounted) -> void:
	_limits.end_handshake(connection)
	connection.watched = ConnectionWatch.Watched.new(now)
	if connection.handshake.has_layer:
		_sessions.await_hello(connection)


## What limits how much may come on a connection in a second; null for nothing.
func rates_of(connection: RefCounted) -> Rates:
	var rates := Rates.of(node, now, true)
	if rates != null and node.max_messages_per_second:
		connection.codec.step_messages = maxi(1, int(node.max_messages_per_second * node.rate_burst / 4.0))
	return rates


## Its end was told, and it is to be polled until its TCP connection is gone.
func keep_until_gone(connection: RefCounted) -> void:
	_ending[connection] = true


## The connection is gone, though its end may still be to be told.
func forget(connection: RefCounted) -> void:
	_ending.erase(connection)
	if _limits != null:
		_limits.forget(connection)


# --- telling


## The turn of what a connection has, see server_inbox.gd.
func hand_out(connection: RefCounted, event: Variant) -> void:
	if _announcing != null or _owing != null:
		_settle()
	if not is_alive() or connection.is_ignored():
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
	if not node.supervisor.is_null():
		message = supervised([connection.peer_id], event)
		if message == null or not is_alive() or has_left(connection):
			return
	if multiplayer != null and multiplayer.takes(connection, message):
		return
	_owing = connection
	_owed = message
	node.message_received.emit(connection.peer_id, message)
	_settle()


## Tells whatever is still to be told before something else: a peer is announced, and then told of its message.
func _settle() -> void:
	if _announcing != null:
		var announced := _announcing
		_announcing = null
		if is_alive() and peers.get(announced.peer_id) == announced.peer and announced.peer != null:
			announced.is_announced = true
			node.client_connected.emit(announced.peer_id)
	if _owing != null:
		var connection := _owing
		var message: Variant = _owed
		_owing = null
		_owed = null
		if is_instance_valid(connection.peer) and is_alive():
			connection.peer.message_received.emit(message)


func supervised(peer: Array, message: Variant) -> Variant:
	inbox.is_held = true
	var passed: Variant = super(peer, message)
	inbox.is_held = false
	return passed


func has_left(connection: RefCounted) -> bool:
	return connection.is_ignored()


func _tell_pong(connection: RefCounted, payload: PackedByteArray) -> void:
	if not _watch.takes_pong(connection, payload) and is_instance_valid(connection.peer):
		connection.peer.pong_received.emit(payload)


func _tell_happening(connection: RefCounted, happening: int) -> void:
	match happening:
		ServerConnection.Happening.OPENED:
			_tell_opened(connection)
		ServerConnection.Happening.ASKED:
			if connection.is_opening():
				_authorization.ask(connection)
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
				node.client_resumed.emit(connection.peer_id)
		ServerConnection.Happening.SESSION_OVER:
			statistics.past.absorb(connection.meter as Meter)
			_part_with(connection)


func _tell_opened(connection: RefCounted) -> void:
	statistics.happened("connections_made")
	if connection.layer == null:  # Else its hello tells which peer it is of.
		seat(connection)
		present(connection)


## Makes a peer, binds it, registers it: whatever a handler does from then on finds it whole.
func seat(connection: RefCounted) -> void:
	var peer_id := randi_range(_FIRST_PEER_ID, _LAST_PEER_ID)
	while peers.has(peer_id):
		peer_id = randi_range(_FIRST_PEER_ID, _LAST_PEER_ID)
	var peer := Peer.new()
	peer.name = "Peer%d" % peer_id
	connection.peer_id = peer_id
	connection.peer = peer
	peer._ws_bind(connection, self)
	peers[peer_id] = peer


## Shows it, and announces it.
func present(connection: RefCounted) -> void:
	var peer: Node = connection.peer
	if multiplayer != null:
		multiplayer.seat(connection)
	# Showing it may call a handler that polls: then what this client sent does not come before it was announced.
	_announcing = connection
	# While the engine sets up what is below the server, poll() of a child's _ready() may have brought us here.
	if node.is_node_ready() or not node.is_inside_tree():
		node.add_child(peer)
	if is_alive() and is_instance_valid(peer) and peer.get_parent() == null and not peer.is_queued_for_deletion():
		node.add_child.call_deferred(peer)
	_settle()


func _tell_failed(connection: RefCounted) -> void:
	_connections.erase(connection)
	statistics.refused(connection.handshake.status)
	_limits.failed(connection)
	connection.retire()
	node.handshake_failed.emit("%s: %s" % [connection.host, connection.failure])


func _tell_drained(connection: RefCounted) -> void:
	if not connection.outbox.end_stall() or not connection.is_announced or not is_instance_valid(connection.peer):
		return
	connection.peer.drained.emit()
	if is_alive() and peers.has(connection.peer_id):
		node.peer_drained.emit(connection.peer_id)


func _tell_closed(connection: RefCounted) -> void:
	_connections.erase(connection)
	statistics.closed(connection.close_code, connection.meter)
	var exceeded: String = connection.codec.exceeded
	if exceeded:
		statistics.count("closed_" + exceeded)
		warn(
			connection.who(),
			(
				"a message of %d %s, %s is %d: closed with %d"
				% [
					connection.codec.exceeded_by,
					"fragments" if exceeded == "max_fragments" else "bytes or more",
					exceeded,
					node.get(exceeded),
					connection.close_code
				]
			)
		)
	connection.retire()
	if _sessions.outlives(connection):
		connection.count_anew()
		_tell_interrupted(connection)
	else:
		connection.part()
		_part_with(connection)


## The peer is taken away first: a stop() in one of these handlers finds nothing left to do for it.
func _part_with(connection: RefCounted) -> void:
	var peer: Variant = connection.peer
	connection.peer = null
	connection.is_given_up = false
	if connection.peer_id == 0:
		return
	if connection.layer != null:
		connection.part()
	if connection.end != null:
		end_requests(connection.end as Requests.End)
		connection.end.connection = null
		connection.end = null
	if multiplayer != null:
		multiplayer.part(connection.peer_id)
	if connection.is_announced:
		if is_instance_valid(peer) and is_alive():
			peer.connection_closed.emit()
		if is_alive():
			node.client_disconnected.emit(connection.peer_id)
	if is_instance_valid(peer):
		if peers.get(connection.peer_id) == peer:
			peers.erase(connection.peer_id)
		peer.queue_free()


## The game frees the node of a peer: its id is nobody's any more, `client_disconnected` follows.
func forget_peer(peer: Node, peer_id: int) -> void:
	if peers.get(peer_id) == peer:
		peers.erase(peer_id)


# --- sessions


func greeted(connection: RefCounted, hello: Sessions.Greetings.Hello) -> void:
	if _connections.has(connection):
		var sessions := _sessions  # A handler of `client_connected` may free the server.
		sessions.greeted(connection, hello)


func _tell_interrupted(connection: RefCounted) -> void:
	if connection.is_announced and is_instance_valid(connection.peer):
		node.client_interrupted.emit(connection.peer_id)


## A peer is back, with another connection.
func reseat(before: RefCounted, connection: RefCounted) -> void:
	connection.peer_id = before.peer_id
	connection.is_announced = before.is_announced
	connection.peer = before.peer
	before.peer = null
	connection.end = before.end
	before.end = null
	if connection.end != null:
		connection.end.connection = connection
	if is_instance_valid(connection.peer):
		connection.peer._ws_bind(connection, self)
	before.part()


## A peer is back, and this is what it came with before: nobody is told of its end.
func leave_behind(before: RefCounted, connection: RefCounted) -> void:
	_connections.erase(before)
	statistics.closed(Endpoint.ABNORMAL_CLOSURE, before.meter)
	before.count_anew()
	connection.outbox.take_over(before.outbox)
	before.drop()
	before.retire()


## The game has closed or freed a peer.
func leave_session(connection: RefCounted) -> void:
	if _sessions != null:
		_sessions.leave(connection)


func layer_message(connection: RefCounted, message: LayerMessage) -> void:
	if not is_instance_valid(connection.peer):
		return
	if message.letter == LayerMessage.VALUE:
		_tell_value(connection, message)
	elif Requests.Dialogue.LETTERS.contains(message.letter):
		_end_of(connection)
		hear_request(connection, message)


func _tell_value(connection: RefCounted, message: LayerMessage) -> void:
	var payload: Variant = supervised_payload(connection, message.payload)
	if payload == null:
		return
	var decoded := Requests.Payloads.decode(payload)
	if decoded[1]:
		statistics.count("values_unreadable")
		connection.complain("unreadable values", "a value that came cannot be read: %s" % decoded[1])
		return
	if not is_instance_valid(connection.peer):
		return
	node.var_received.emit(connection.peer_id, decoded[0])
	if is_instance_valid(connection.peer) and is_alive():
		connection.peer.var_received.emit(decoded[0])


## Who asks and is asked at the other side of a connection.
func _end_of(connection: RefCounted) -> Requests.End:
	if connection.end == null:
		connection.end = Requests.End.new()
		connection.end.connection = connection
	return connection.end


func start_request(connection: RefCounted, method: String, data: Variant, timeout: float) -> WebSocketReply:
	return requests.start(_end_of(connection), method, data, timeout)


func send_value(connection: RefCounted, value: Variant) -> Error:
	return requests.send_value(_end_of(connection), value)


func send_var(peer_id: int, value: Variant) -> Error:
	if Checks.is_elsewhere("send_var"):
		return ERR_UNAVAILABLE
	if peers.has(peer_id):
		return peers[peer_id].send_var(value)
	if peer_id > 0 or (peer_id < 0 and not peers.has(-peer_id)):
		return unknown_peer("send_var", absi(peer_id))
	var encoded := Requests.Payloads.encode(value, false)
	if encoded[1]:
		push_error("send_var: " + encoded[1])
		return ERR_INVALID_PARAMETER
	var payload: Variant = encoded[0]
	if has_outgoing_supervisor():
		payload = supervised_outgoing([peer_id], payload)
		if payload == null:
			return ERR_UNAUTHORIZED
	var asking := requests  # Each of those who send may free the server.
	var result := OK
	for id: int in peers.keys():
		if id != -peer_id and peers.has(id) and peers[id]._ws_connection.layer != null:
			var error := asking.send_packed(_end_of(peers[id]._ws_connection as RefCounted), payload)
			result = error if result == OK and error != ERR_CONNECTION_ERROR else result
	return result


# --- multiplayer


func get_multiplayer_peer() -> Multiplayer:
	if multiplayer == null:
		multiplayer = Multiplayer.new()
		multiplayer.node = node
	multiplayer.is_closed = false
	return multiplayer


# --- sending


func send(peer_id: int, message: Variant) -> Error:
	if Checks.is_elsewhere("send"):
		return ERR_UNAVAILABLE
	var peer: Node = peers.get(peer_id)
	return _send_to_many(peer_id, message) if peer == null else peer._ws_connection.send(message)


func send_latest(peer_id: int, key: Variant, message: Variant) -> Error:
	if Checks.is_elsewhere("send_latest"):
		return ERR_UNAVAILABLE
	var peer: Node = peers.get(peer_id)
	if peer != null:
		return peer.send_latest(key, message)
	var problem := Checks.key_problem(key)
	if problem:
		push_error(problem)
		return ERR_INVALID_PARAMETER
	return _send_to_many(peer_id, message, key if key is int else str(key))


## To everybody or all but one; with a key, as send_latest().
func _send_to_many(peer_id: int, message: Variant, key: Variant = null) -> Error:
	var method := "send" if key == null else "send_latest"
	if peer_id > 0 or (peer_id < 0 and not peers.has(-peer_id)):
		return unknown_peer(method, absi(peer_id))
	var passed: Variant = message
	if has_outgoing_supervisor() and Checks.is_message(message):
		passed = supervised_outgoing([peer_id], message)
		if passed == null:
			return ERR_UNAUTHORIZED
	var frame := Codec.encoded(passed)
	if frame.size() == 1:
		push_error(Checks.send_problem(frame[0], method, passed))
		return frame[0]
	var result := OK
	for id: int in peers.keys():
		if id == -peer_id or not peers.has(id) or (multiplayer != null and multiplayer.players.has(id)):
			continue
		var connection: RefCounted = peers[id]._ws_connection
		var error: Error = connection.send_frame(frame) if key == null else connection.send_latest_frame(key, frame)
		if error != OK and error != ERR_CONNECTION_ERROR:
			connection.explain(error, method, passed)
			result = error if result == OK else result
	return result


## Who has just left is no mistake that is worth a line in each frame.
func unknown_peer(method: String, peer_id: int) -> Error:
	if not _told_unknown.has(peer_id):
		_told_unknown[peer_id] = true
		if _told_unknown.size() > _MOST_UNKNOWN:
			_told_unknown.erase(_told_unknown.keys()[0])
		push_error("%s: there is no peer %d; see get_peer_ids()" % [method, peer_id])
	return ERR_DOES_NOT_EXIST
