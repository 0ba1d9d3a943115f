## What a server does: it listens, lets in, and owns one peer for each connection.
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
const Teller := preload("res://addons/ws_python/portable/server_teller.gd")
const ToMany := preload("res://addons/ws_python/portable/server_to_many.gd")
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
## Every connection that is not over, also those that are still shaking hands.
var connections: Dictionary[RefCounted, bool] = {}
## Null when the node is gone, as all of these are.
var teller: Teller
var authorization: Authorization
var limits: ConnectionLimits
var sessions: Sessions
var watch: ConnectionWatch

var _listener: Listener
var _offer: Offer
var _tls: ServerTls
var _origins: Origins
var _proxies: TrustedProxies
var _outbound: OutboundLimit
# Those whose end was told, and whose TCP connection is still there.
var _ending: Dictionary[RefCounted, bool] = {}
var _to_flush: Array[RefCounted] = []
var _polling := 0
var _is_flush_deferred := false
var _told_unknown: Dictionary[int, bool] = {}


func _init(of_node: Node) -> void:
	super(of_node)
	teller = Teller.new(self)
	inbox.teller = teller
	_offer = Offer.new(of_node)
	_tls = ServerTls.new(self)
	limits = ConnectionLimits.new(self)
	_origins = Origins.new(self)
	authorization = Authorization.new(self)
	_proxies = TrustedProxies.new(self)
	sessions = Sessions.new(self)
	watch = ConnectionWatch.new(self)
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
	var telling := teller  # A handler may free the node: then nobody else keeps it.
	_listener.stop()
	_listener = null
	statistics.gave_up(true)
	var ended: Array[RefCounted] = []
	ended.assign(connections.keys())
	# Of those whose connection was cut, too.
	for peer: Node in peers.values():
		if not connections.has(peer._ws_connection) and peer._ws_connection.is_cut():
			ended.append(peer._ws_connection)
	for connection: RefCounted in _ending.keys():
		connection.abandon(_GOING_AWAY, "")
	sessions.end()
	for connection: RefCounted in ended:
		if connections.has(connection):
			limits.forget(connection)
			connection.abandon(_GOING_AWAY, "")
			statistics.closed(connection.close_code, connection.meter)
		else:
			statistics.past.absorb(connection.meter as Meter)
			connection.part()
	connections.clear()
	_ending.clear()
	_to_flush.clear()
	_set_status(_IDLE)
	for connection: RefCounted in ended:
		telling.part_with(connection)


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
	if Checks.is_main_thread():
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
	multiplayer = null
	# Each holds this.
	teller = null
	_tls = null
	sessions = null
	limits = null
	_origins = null
	authorization = null
	_proxies = null
	watch = null
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
	for connection: RefCounted in connections.keys() + _ending.keys():
		connection.poll(now)
	watch.look(now, open_connections())
	_outbound.look(now, connections.keys() + _ending.keys())
	sessions.look(now)


func _accept(until: int) -> void:
	var accepted := 0
	while accepted < _LEAST_ACCEPTED or Time.get_ticks_usec() < until:
		var stream := _listener.accept()
		if stream == null:
			return
		accepted += 1
		statistics.happened("connections_tried")
		var connection := ServerConnection.new(self, stream, _tls.options, node)
		connections[connection] = true
		var refusal := limits.accepted(connection)
		if refusal:
			connection.answer(refusal)


func open_connections() -> Array[RefCounted]:
	var found: Array[RefCounted] = []
	for connection: RefCounted in connections:
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
		refusal = limits.admit(connection)
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
	limits.end_handshake(connection)
	connection.watched = ConnectionWatch.Watched.new(now)
	if connection.handshake.has_layer:
		sessions.await_hello(connection)


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
	if limits != null:
		limits.forget(connection)


# --- peers


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


## The game frees the node of a peer: its id is nobody's any more, `client_disconnected` follows.
func forget_peer(peer: Node, peer_id: int) -> void:
	if peers.get(peer_id) == peer:
		peers.erase(peer_id)


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
	connections.erase(before)
	statistics.closed(Endpoint.ABNORMAL_CLOSURE, before.meter)
	before.count_anew()
	connection.outbox.take_over(before.outbox)
	before.drop()
	before.retire()


## The game has closed or freed a peer.
func leave_session(connection: RefCounted) -> void:
	if sessions != null:
		sessions.leave(connection)


# --- supervisors


func supervised(peer: Array, message: Variant) -> Variant:
	inbox.is_held = true
	var passed: Variant = super(peer, message)
	inbox.is_held = false
	return passed


func has_left(connection: RefCounted) -> bool:
	return connection.is_ignored()


# --- requests and values


## Who asks and is asked at the other side of a connection.
func end_of(connection: RefCounted) -> Requests.End:
	if connection.end == null:
		connection.end = Requests.End.new()
		connection.end.connection = connection
	return connection.end


func start_request(connection: RefCounted, method: String, data: Variant, timeout: float) -> WebSocketReply:
	return requests.start(end_of(connection), method, data, timeout)


func send_value(connection: RefCounted, value: Variant) -> Error:
	return requests.send_value(end_of(connection), value)


func send_var(peer_id: int, value: Variant) -> Error:
	if Checks.is_elsewhere("send_var"):
		return ERR_UNAVAILABLE
	if peers.has(peer_id):
		return peers[peer_id].send_var(value)
	return ToMany.send_value(self, peer_id, value)


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
	return ToMany.send(self, peer_id, message) if peer == null else peer._ws_connection.send(message)


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
	return ToMany.send(self, peer_id, message, key if key is int else str(key))


## Who has just left is no mistake that is worth a line in each frame.
func unknown_peer(method: String, peer_id: int) -> Error:
	if not _told_unknown.has(peer_id):
		_told_unknown[peer_id] = true
		if _told_unknown.size() > _MOST_UNKNOWN:
			_told_unknown.erase(_told_unknown.keys()[0])
		push_error("%s: there is no peer %d; see get_peer_ids()" % [method, peer_id])
	return ERR_DOES_NOT_EXIST
