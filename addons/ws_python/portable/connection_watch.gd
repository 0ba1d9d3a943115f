## Looks at the open connections of a node from time to time: who is silent, who takes nothing, whose messages do not
## come to an end.
extends RefCounted

const _POLICY_VIOLATION := 1008
const _MESSAGE_TOO_BIG := 1009
# What our pings carry: a pong that begins with it answers one of them, and nobody else is told.
const _PREFIX := "ws_python heartbeat "

var _core: Object
var _number := 0
var _next_look := 0.0


## What is kept of one connection.
class Watched:
	extends RefCounted

	## The last ping: when it was sent, in polled seconds and by the system's clock, and how much had been taken then.
	var pinged_at := 0.0
	var pinged_usec := 0
	var payload := PackedByteArray()
	var taken_at_ping := 0
	## Since when nothing was taken, in polled seconds, and how much had been.
	var slow_since := 0.0
	var taken := 0

	func _init(now: float) -> void:
		pinged_at = now
		slow_since = now


func _init(core: Object) -> void:
	_core = core


## Often enough to be right within a tenth of the settings.
func _period() -> float:
	var node: Object = _core.node
	var least: float = minf(node.heartbeat_timeout, node.unfinished_timeout)
	for setting: float in [node.heartbeat_interval, node.slow_peer_timeout]:
		if setting > 0.0:
			least = minf(least, setting)
	return clampf(least / 10.0, 0.02, 1.0)


## Looks at all connections, if it is time to. A handler is never called here.
func look(now: float, connections: Array[RefCounted]) -> void:
	if now < _next_look:
		return
	var period := _period()
	_next_look = now + period
	var unfinished := 0
	for connection: RefCounted in connections:
		if connection.is_open():
			unfinished += connection.unfinished()
			_look_at_unfinished(now, connection)
			_look_at_slow(now, connection)
			_look_at_silent(now, connection, period)
	if unfinished > _core.node.max_unfinished_size:
		_close_largest(unfinished, connections)


## A pong came. Whether it answers one of ours, so that nobody else is told.
func takes_pong(connection: RefCounted, payload: PackedByteArray) -> bool:
	var watched: Watched = connection.watched
	if watched != null and payload == watched.payload and not payload.is_empty():
		connection.latency = maxf((Time.get_ticks_usec() - watched.pinged_usec) / 1e6, 1e-6)
	return payload.slice(0, _PREFIX.length()) == _PREFIX.to_ascii_buffer()


func _look_at_unfinished(now: float, connection: RefCounted) -> void:
	var node: Object = _core.node
	if not connection.unfinished() or connection.is_paused():
		return
	var seconds: float = now - connection.unfinished_since
	if seconds > node.unfinished_timeout:
		_core.statistics.count("closed_unfinished_timeout")
		_core.warn(
			connection.who(),
			(
				"a message did not arrive whole in %.1f s, unfinished_timeout is %s: closed with 1008"
				% [seconds, node.unfinished_timeout]
			)
		)
		connection.give_up(_POLICY_VIOLATION, "a message did not arrive whole within unfinished_timeout")


func _look_at_slow(now: float, connection: RefCounted) -> void:
	var watched: Watched = connection.watched
	var taken: int = connection.bytes_taken()
	if taken != watched.taken or connection.outbox.is_empty() or connection.is_paused():
		watched.taken = taken
		watched.slow_since = now
	elif 0.0 < _core.node.slow_peer_timeout and _core.node.slow_peer_timeout <= now - watched.slow_since:
		_core.statistics.count("closed_slow_peer")
		connection.give_up(_POLICY_VIOLATION, "nothing was taken within slow_peer_timeout")
		connection.flush()
		connection.drop()


func _look_at_silent(now: float, connection: RefCounted, slack: float) -> void:
	var node: Object = _core.node
	var watched: Watched = connection.watched
	if node.heartbeat_interval <= 0.0 or not connection.is_open() or connection.is_paused():
		return
	var is_silent: bool = not watched.payload.is_empty() and connection.heard_at < watched.pinged_at
	if is_silent and connection.bytes_taken() > watched.taken_at_ping and not connection.outbox.is_empty():
		watched.pinged_at = now  # It takes what is before the ping: slow, but there.
		watched.taken_at_ping = connection.bytes_taken()
	elif is_silent and now - watched.pinged_at >= node.heartbeat_timeout - slack:
		_core.statistics.count("closed_heartbeat_timeout")
		connection.drop("nothing came within heartbeat_timeout")
	elif not is_silent and now - watched.pinged_at >= node.heartbeat_interval - slack:
		_number += 1
		watched.pinged_at = now
		watched.pinged_usec = Time.get_ticks_usec()
		watched.taken_at_ping = connection.bytes_taken()
		watched.payload = (_PREFIX + str(_number)).to_ascii_buffer()
		if connection.ping(watched.payload) == ERR_UNAVAILABLE and not connection.probe():
			watched.payload = PackedByteArray()  # In a browser: the server is to send some.


func _close_largest(unfinished: int, connections: Array[RefCounted]) -> void:
	var largest: RefCounted = null
	var most := 0
	for connection: RefCounted in connections:
		if connection.is_open() and connection.unfinished() > most:
			most = connection.unfinished()
			largest = connection
	if largest == null:
		return
	_core.statistics.count("closed_max_unfinished_size")
	_core.warn(
		largest.who(),
		(
			"%d bytes of %d that are unfinished, max_unfinished_size is %d: closed with 1009"
			% [most, unfinished, _core.node.max_unfinished_size]
		)
	)
	largest.give_up(_MESSAGE_TOO_BIG, "unfinished messages take more than max_unfinished_size")
