## Sessions of a server: a peer outlives its connection, and what was on the way is sent again (docs/sessions.md).
##
## As python/ws_python/features/sessions.py: a client comes back with its token, through the same door as everybody, and
## its peer goes on with the new connection. What is kept of a token is its hash.
extends RefCounted

const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Greetings := preload("res://addons/ws_python/portable/greetings.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const ServerConnection := preload("res://addons/ws_python/portable/server_connection.gd")
const Session := preload("res://addons/ws_python/portable/session.gd")

# Polled seconds between two looks at all sessions.
const _LOOK_PERIOD := 1.0
const _NO_HELLO := "no hello of the session layer within handshake_timeout"
const _BAD_TOKEN := "the hello of a new session has no token, or one that is in use"
# A connection that ends with one of these was cut. With any other one somebody has ended it, also with 1001: a client
# that goes away, as a page that is closed or a node that is freed, does not come back.
const _CUT: Array[int] = [1006, 1011, 1012, 1013]

var _core: RefCounted
var _by_token: Dictionary[String, PeerSession] = {}
var _by_peer: Dictionary[int, PeerSession] = {}
# Those that are waited for, the one that is away for longest first; and how many of them each address has.
var _interrupted: Dictionary[int, PeerSession] = {}
var _crowds: Dictionary[String, int] = {}
var _next_expiry := INF
# Connections that have not said hello, and until when they may.
var _silent: Dictionary[RefCounted, float] = {}
var _next_look := 0.0


## The session of one peer.
class PeerSession:
	extends RefCounted

	## That of the moment, or the one that was cut.
	var connection: RefCounted
	var session: Session
	## Hash of the token of the hello that it began with. While it lasts, no other hello begins one with that: one that is
	## late, for its client came back sooner over another way.
	var first := ""
	## That is the token of a session which was not known any more.
	var is_another := false
	## Hashes of what a client may come back with: the newest token and, until it shows that it has it, the one that it
	## came with.
	var tokens := PackedStringArray()
	## Until when it is waited for, in polled seconds; INF while there is a connection.
	var deadline := INF
	## The address of the connection that was cut.
	var address := ""

	func is_interrupted() -> bool:
		return deadline < INF


func _init(core: RefCounted) -> void:
	_core = core


## Whether to agree to the session layer with clients that offer it.
func is_on() -> bool:
	return _core.node.session_timeout > 0.0


## A connection that speaks the layer is open: it is to say hello.
func await_hello(connection: RefCounted) -> void:
	_silent[connection] = _core.now + _core.node.handshake_timeout


## The server has stopped.
func end() -> void:
	for known: PeerSession in _by_peer.values():
		_forget(known)
	_silent.clear()


## To be called in each poll.
func look(now: float) -> void:
	for connection: RefCounted in _silent.keys():
		if not connection.is_open():
			_silent.erase(connection)
		elif now >= _silent[connection]:
			_silent.erase(connection)
			connection.give_up(Codec.PROTOCOL_ERROR, _NO_HELLO)
	if now >= _next_expiry:
		_expire(now)
	if now >= _next_look and not _by_peer.is_empty():
		_next_look = now + _LOOK_PERIOD
		for known: PeerSession in _by_peer.values():
			_look_at(known)
		_bound_memory()


func _expire(now: float) -> void:
	_next_expiry = INF
	for known: PeerSession in _interrupted.values():
		if known.deadline <= now:
			_core.statistics.count("session_expired")
			_give_up(known)
		else:
			_next_expiry = minf(_next_expiry, known.deadline)


func _look_at(known: PeerSession) -> void:
	var connection := known.connection
	if not connection.is_open():
		return
	connection.layer.tell_received()
	connection.layer_changed()
	if connection.layer.is_confirmed and known.tokens.size() > 1:
		_keep_tokens(known, known.tokens.slice(-1))


# --- hello


## A client of the layer says which session it wants.
func greeted(connection: RefCounted, hello: Greetings.Hello) -> void:
	_silent.erase(connection)
	var token := hello.token.sha256_text()
	var known: PeerSession = _by_token.get(token)
	if not hello.resumes:
		if known == null and Greetings.is_token(hello.token):
			_begin(connection, hello)
		else:
			_refuse(connection)
		return
	if known == null or token not in known.tokens:
		_core.statistics.count("session_unknown")
		_begin(connection, hello)
		return
	var is_heard_of := not known.is_another or token != known.first
	if not is_heard_of:  # It began in place of the one that is asked for, and its welcome was lost.
		hello.received = 0
	if _may_resume(known, hello):
		_resume(connection, known, hello, is_heard_of)
	else:
		_begin(connection, hello)


func _refuse(connection: RefCounted) -> void:
	_core.statistics.count("session_refused")
	_core.warn(connection.who(), "refused, for %s" % _BAD_TOKEN)
	connection.give_up(Codec.POLICY_VIOLATION, _BAD_TOKEN)


func _begin(connection: RefCounted, hello: Greetings.Hello) -> void:
	_core.seat(connection)
	var known := PeerSession.new()
	known.connection = connection
	known.session = Session.new(_core.node.session_buffer_size as int)
	known.first = hello.token.sha256_text()
	known.is_another = hello.resumes
	known.tokens = [known.first]
	_by_peer[connection.peer_id] = known
	if not _by_token.has(known.first):
		_by_token[known.first] = known
	_core.statistics.count("sessions_begun")
	connection.carry(known.session, _welcome(known, false), hello.buffer)
	_core.teller.present(connection)


## Whether what the client has is what it may have.
func _may_resume(known: PeerSession, hello: Greetings.Hello) -> bool:
	if known.session.may_have(hello.received):
		return true
	_core.statistics.count("session_mismatch")
	_give_up(known)
	return false


func _resume(connection: RefCounted, known: PeerSession, hello: Greetings.Hello, is_resumed: bool) -> void:
	var before := known.connection
	var arrived: Array = []
	var size := 0
	if known.is_interrupted():
		_came_back(known)
		connection.outbox.take_over(before.outbox)
	else:
		# The connection before is half open: what it has brought comes first, what is unread there is sent again.
		size = before.queued
		arrived = before.take()
		_core.leave_behind(before, connection)
		arrived.append(ServerConnection.Happening.INTERRUPTED)
		_core.statistics.count("session_cuts")
	var replayed := known.session.replayed
	known.session.resumes_at(hello.received)
	# The client has this one; whether it gets the next one is not known yet.
	_keep_tokens(known, [hello.token.sha256_text()])
	_core.statistics.count("messages_replayed", known.session.replayed - replayed)
	_core.statistics.count("sessions_resumed")
	_core.reseat(before, connection)
	known.connection = connection
	connection.carry(known.session, _welcome(known, is_resumed), hello.buffer)
	connection.put_first(arrived + [ServerConnection.Happening.RESUMED], size)


func _welcome(known: PeerSession, is_resumed: bool) -> Greetings.Welcome:
	var welcome := Greetings.Welcome.new()
	welcome.token = Greetings.new_token()
	welcome.peer_id = known.connection.peer_id
	welcome.received = known.session.received
	welcome.is_resumed = is_resumed
	welcome.timeout = _core.node.session_timeout
	welcome.buffer = _core.node.session_buffer_size
	known.tokens.append(welcome.token.sha256_text())
	_by_token[known.tokens[-1]] = known
	return welcome


# --- cut


## A connection is over. Whether its peer waits for another one.
func outlives(connection: RefCounted) -> bool:
	var known := _of(connection)
	if known == null:
		return false
	var timeout: float = _core.node.session_timeout
	if not connection.outbox.lasts or connection.close_code not in _CUT or timeout <= 0.0:
		_forget(known)
		return false
	known.address = connection.host
	known.deadline = _core.now + timeout
	_next_expiry = minf(_next_expiry, known.deadline)
	_interrupted[connection.peer_id] = known
	_crowds[known.address] = _crowds.get(known.address, 0) + 1
	_core.statistics.count("session_cuts")
	if _interrupted.size() > _core.node.max_interrupted_sessions:
		_crowd_out()
	return true


## The game has closed or freed a peer. Where it has a connection, that ends as any does.
func leave(connection: RefCounted) -> void:
	var known := _of(connection)
	if known != null and known.is_interrupted():
		_give_up(known)


func _of(connection: RefCounted) -> PeerSession:
	var known: PeerSession = _by_peer.get(connection.peer_id)
	return known if known != null and known.connection == connection else null


## Waits for this peer no longer: it is told as gone, in the next delivery.
func _give_up(known: PeerSession) -> void:
	var was_interrupted := known.is_interrupted()
	_forget(known)
	if was_interrupted:
		known.connection.put_session_over()
	else:
		known.connection.outbox.part()
		known.connection.drop()


func _came_back(known: PeerSession) -> void:
	known.deadline = INF
	if _interrupted.erase(known.connection.peer_id):
		_crowds[known.address] -= 1
		if _crowds[known.address] == 0:
			_crowds.erase(known.address)


func _forget(known: PeerSession) -> void:
	if known.is_interrupted():
		var lost := known.session.sent - known.session.acknowledged
		_core.statistics.count("messages_of_lost_sessions", lost)
	_came_back(known)
	if _by_peer.get(known.connection.peer_id) == known:
		_by_peer.erase(known.connection.peer_id)
	_keep_tokens(known, [])
	_forget_token(known, known.first)


func _keep_tokens(known: PeerSession, kept: PackedStringArray) -> void:
	for token: String in known.tokens:
		if token not in kept and token != known.first:
			_forget_token(known, token)
	known.tokens = kept


func _forget_token(known: PeerSession, token: String) -> void:
	if _by_token.get(token) == known:
		_by_token.erase(token)


# --- bounds


func _crowd_out() -> void:
	var address := ""
	for crowded: String in _crowds:
		if not address or _crowds[crowded] > _crowds[address]:
			address = crowded
	for known: PeerSession in _interrupted.values():
		if known.address == address:
			_core.statistics.count("session_crowded_out")
			_core.warn("max_interrupted_sessions", "a peer is not waited for any longer, as %s has too many" % address)
			_give_up(known)
			return


func _bound_memory() -> void:
	var kept := 0
	for known: PeerSession in _by_peer.values():
		kept += known.session.kept_size
	if kept <= _core.node.max_session_memory:
		return
	var all := _by_peer.values()
	all.sort_custom(func(a: PeerSession, b: PeerSession) -> bool: return a.session.kept_size > b.session.kept_size)
	for most: PeerSession in all:
		if kept <= _core.node.max_session_memory:
			return
		kept -= most.session.kept_size
		_core.statistics.count("session_memory")
		_core.warn("max_session_memory", "a session is given up, as too much is kept for %s" % most.connection.host)
		_give_up(most)
