## The session of a client: it outlives the connection, and goes on with the next one (docs/sessions.md).
##
## As python/ws_python/features/client_session.py.
extends RefCounted

const Connection := preload("res://addons/ws_python/portable/connection.gd")
const Greetings := preload("res://addons/ws_python/portable/greetings.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Session := preload("res://addons/ws_python/portable/session.gd")
const SessionLayer := preload("res://addons/ws_python/portable/session_layer.gd")

# Seconds that the server is taken to wait as long as it has not said how long it does.
const _UNTOLD_TIMEOUT := 30.0
const _GOING_AWAY := 1001
# A connection that ends with one of these was cut, or the server goes away for now: going away, no close at all, an
# error of the server's, it restarts, it has too much to do. With any other one somebody has ended it.
const _CUT: Array[int] = [_GOING_AWAY, 1006, 1011, 1012, 1013]

## The connection that was cut, which tells why if the session does not go on; null while there is a session.
var cut: Connection
## Whether to offer the layer.
var is_wanted := false
## Whether the server has ever agreed to it, since connect_to_url().
var is_known := false

var _core: RefCounted
var _session: Session
var _token := ""
var _timeout := 0.0
# Until when the server waits; while the connection is cut.
var _until := 0.0
# Until when it is to answer the hello, and to whom.
var _welcome_until := INF
var _awaiting: Connection
# Of connections that were given up in a browser: closed when the server has heard of the next one.
var _left: Array[RefCounted] = []


func _init(core: RefCounted) -> void:
	_core = core


func let_go() -> void:
	_core = null


## To be called in each poll.
func look(now: float) -> void:
	if now >= _welcome_until:
		_welcome_until = INF
		_awaiting.drop("the server did not answer the hello of the session")


# --- connecting


## connect_to_url() was called: whatever was before is over.
func begin() -> void:
	forget()
	is_wanted = _core.node.session
	is_known = false


func is_interrupted() -> bool:
	return cut != null


## Whether the connection was cut, and the server still waits.
func may_go_on() -> bool:
	return cut != null and _core.now < _until


## What to offer in place of these subprotocols.
func offered(protocols: PackedStringArray) -> PackedStringArray:
	return LayerMessage.layered(protocols) if is_wanted else protocols


## Whether it may be for what is offered that a server refuses: not where it has agreed to that before, or may choose a
## subprotocol of the user's.
func may_be_refused() -> bool:
	return is_wanted and not is_known and not is_interrupted() and _core.node.supported_protocols.is_empty()


## There is a further attempt: what is sent meanwhile is kept for it.
func prepare(connection: Connection, before: Connection) -> void:
	if _session != null and is_interrupted():
		connection.outbox.join(_session, true)
		if before != null:
			connection.outbox.take_over(before.outbox)
			before.part()


## The opening handshake has agreed on the layer: says hello.
func new_layer(connection: Connection) -> SessionLayer:
	is_known = true
	if _session == null:
		_session = Session.new(_core.node.session_buffer_size as int)
		_token = Greetings.new_token()
		_timeout = _UNTOLD_TIMEOUT
		connection.outbox.join(_session, true)
	var hello := Greetings.Hello.new()
	hello.token = _token
	hello.resumes = is_interrupted()
	hello.received = _session.received
	hello.buffer = _core.node.session_buffer_size
	return SessionLayer.new(_session, hello)


## The connection that is to go on with the session is open; the server is to say whether it does.
func await_welcome(connection: Connection) -> void:
	_welcome_until = _core.now + _core.node.connect_timeout
	_awaiting = connection


# --- welcome


## The server speaks the layer. Whether the session that was cut goes on.
func welcomed(connection: Connection, welcome: Greetings.Welcome) -> bool:
	_stop_waiting()
	_drop_left()
	_token = welcome.token
	_timeout = welcome.timeout
	var session := connection.layer.session
	if _session != session:
		_lose()
		_session = session
		connection.outbox.part()
	connection.outbox.join(session, true)
	if not welcome.is_resumed or cut == null:
		return false
	cut.part()
	cut = null
	_core.statistics.count("sessions_resumed")
	_core.statistics.count("messages_replayed", session.replayed)
	session.replayed = 0
	return true


## The server does not speak the layer: goes on without it.
func refused(connection: Connection) -> void:
	_lose()
	_stop_waiting()
	_drop_left()
	_session = null
	_token = ""
	connection.outbox.part()
	connection.layer = null


# --- cut


## A connection is over, or an attempt to open one. Whether the session waits for the next.
func outlives(connection: Connection) -> bool:
	_stop_waiting()
	if is_interrupted():
		return true
	if not connection.outbox.lasts or not _token or connection.close_code not in _CUT:
		forget()
		return false
	cut = connection
	_until = _core.now + _timeout
	_core.statistics.count("session_cuts")
	return true


## It is not to go on. The connection that was cut, of which the user was not told that it is closed; null for none.
func give_up() -> Connection:
	var told := cut
	if cut != null:
		_lose()
		cut.part()
	forget()
	return told


## There is no session.
func forget() -> void:
	_stop_waiting()
	_drop_left()
	_session = null
	cut = null
	_token = ""


func _lose() -> void:
	if _session != null and cut != null:
		_core.statistics.count("sessions_not_resumed")
		_core.statistics.count("messages_of_lost_sessions", _session.sent - _session.acknowledged)


func _stop_waiting() -> void:
	_welcome_until = INF
	_awaiting = null


## Keeps what carried a connection that was given up: to close it would end the session.
func keep_wire(wire: RefCounted) -> void:
	_left.append(wire)


func _drop_left() -> void:
	for wire: RefCounted in _left:
		wire.drop()
	_left.clear()
