## A client's connection: what is queued out, what came in, who is silent or slow, and its end.
##
## It emits nothing: what happens is put into the core's events, and told when they are delivered.
extends RefCounted

enum Event { OPENED, FAILED, MESSAGE, PONG, DRAINED, CLOSED }
enum Phase { CONNECTING, OPEN, CLOSING, GONE }

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Lingering := preload("res://addons/ws_python/portable/lingering.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Outbox := preload("res://addons/ws_python/portable/outbox.gd")
const Rates := preload("res://addons/ws_python/portable/rates.gd")
const Wire := preload("res://addons/ws_python/portable/wire.gd")

const NO_CODE := -1
const ABNORMAL := 1006
const POLICY_VIOLATION := 1008
const MESSAGE_TOO_BIG := 1009
## What our pings carry: a pong that begins with it answers one of them, and nobody else is told.
const HEARTBEAT := "ws_python heartbeat "

var wire: Wire
var phase := Phase.CONNECTING
var close_code := NO_CODE
var close_reason := ""
var meter: Meter
## Bytes of messages that wait for delivery.
var queued := 0
## Nothing of it is told any more.
var is_ignored := false
## Seconds that the answer to the last ping took; 0 for unknown.
var latency := 0.0

var _core: RefCounted
var _outbox: Outbox
# Of a message that is sent in fragments: one of its type, in a browser with all parts so far. null: there is none.
var _fragments: Variant
var _deadline := INF
var _close_timeout := 5.0
# [code, reason] of a close that waits for what was sent before it.
var _closing: Array = []
# The code that a limit gives this side to tell, whatever the other one answers.
var _forced: Array = []
var _rates: Rates
var _ping := PackedByteArray()
var _ping_number := 0
var _pinged_at := 0.0
var _pinged_usec := 0
var _heard_at := 0.0
var _heard := 0
var _taken := 0
var _taken_at := 0.0
var _begun := 0
var _begun_at := 0.0


## `timeout` is how long connecting may take, from now on.
func _init(core: RefCounted, of_wire: Wire, timeout: float) -> void:
	_core = core
	wire = of_wire
	meter = wire.meter
	_outbox = Outbox.new(wire, core.node.outbound_buffer_size)
	_close_timeout = core.node.close_timeout
	_deadline = core.now + timeout


func is_gone() -> bool:
	return phase == Phase.GONE


func is_open() -> bool:
	return phase == Phase.OPEN


func get_ready_state() -> WebSocketPeer.State:
	match phase:
		Phase.CONNECTING:
			return WebSocketPeer.STATE_CONNECTING
		Phase.OPEN:
			return WebSocketPeer.STATE_OPEN
		Phase.CLOSING:
			return WebSocketPeer.STATE_CLOSING
	return WebSocketPeer.STATE_CLOSED


# --- the network


## Reads and writes, until a time in Time.get_ticks_usec(), or until all is done; `now` is the core's, of polled time.
func poll(now: float, until: int = 0) -> void:
	if phase == Phase.GONE:
		return
	wire.work(_may_read(now))
	var state := wire.get_ready_state()
	if phase == Phase.CONNECTING:
		if wire.failure:
			_fail(wire.failure)
		elif state == WebSocketPeer.STATE_CONNECTING:
			if now >= _deadline:
				_fail("%s, port %d, did not answer in time; check that it is reachable" % [wire.host, wire.port])
			return
		else:
			_open(now)
	if phase == Phase.GONE:
		return
	_take(now, until)
	if wire.get_ready_state() == WebSocketPeer.STATE_CLOSED and not wire.has_message():
		_end(wire.close_code, wire.close_reason)
		return
	flush()
	if phase == Phase.CLOSING and now >= _deadline:
		drop()
	elif phase == Phase.OPEN and _core != null:
		if _outbox.has_drained():
			_core.put(Event.DRAINED, self)
		_look_for_slowness(now)
		_look_for_unfinished(now)
		_look_for_silence(now)


func _open(now: float) -> void:
	phase = Phase.OPEN
	_deadline = INF
	_rates = Rates.of(_core.node, now, true)
	_taken_at = now
	_heard_at = now
	_pinged_at = now
	_core.put(Event.OPENED, self)


## In a browser everything is taken: what its page does not take is lost.
func _may_read(now: float) -> bool:
	if _core == null or Checks.is_web():
		return true
	return queued < _core.node.max_queued_bytes and (_rates == null or not _rates.is_paused(now))


func _take(now: float, until: int) -> void:
	if _heard != meter.bytes_received:
		_heard = meter.bytes_received
		_heard_at = now
	while wire.has_message() and _may_read(now):
		var message: Variant = wire.next_message()
		if not is_ignored and _forced.is_empty():
			if message is Array:
				_core.put(Event.PONG, self, message[0])
			else:
				queued += _weight(message)
				_core.put(Event.MESSAGE, self, message)
		if _rates != null and _has_sent_too_much(now):
			return
		if until > 0 and not Checks.is_web() and Time.get_ticks_usec() >= until:
			return


## A message that was taken is delivered now.
func delivered(message: Variant) -> void:
	queued -= _weight(message)


func _weight(message: Variant) -> int:
	return message.size() if message is PackedByteArray else message.length()


# --- sending; the errors are explained by explain()


func send(message: Variant) -> Error:
	var error := _refusal()
	if error:
		return error
	if _fragments != null:
		return ERR_ALREADY_IN_USE
	if not Checks.is_message(message):
		return ERR_INVALID_PARAMETER
	var passed: Variant = _core.supervised_outgoing([], message)
	if passed == null:
		return ERR_UNAUTHORIZED
	if phase != Phase.OPEN:
		return ERR_CONNECTION_ERROR  # The supervisor has closed it.
	return ERR_ALREADY_IN_USE if _fragments != null else _send(passed)


func _send(message: Variant) -> Error:
	var error := _outbox.send(message)
	if error == OK:
		_flush_soon()
	return error


func send_latest(key: Variant, message: Variant) -> Error:
	var error := _refusal()
	if error:
		return error
	if not Checks.is_message(message):
		return ERR_INVALID_PARAMETER
	var passed: Variant = _core.supervised_outgoing([], message)
	if passed == null:
		return ERR_UNAUTHORIZED
	if phase != Phase.OPEN:
		return ERR_CONNECTION_ERROR
	error = _outbox.send_latest(key if key is int else str(key), passed)
	if error == OK:
		_flush_soon()
	return error


func send_fragment(data: Variant, final: bool) -> Error:
	var error := _refusal()
	if error:
		return error
	if not Checks.is_message(data):
		return ERR_INVALID_PARAMETER
	var part: Variant = data if data is PackedByteArray else str(data)
	var is_first: bool = _fragments == null
	if is_first and not _core.node.outgoing_supervisor.is_null():
		return ERR_UNAUTHORIZED  # It is to see whole messages.
	if not is_first and typeof(_fragments) != typeof(part):
		return ERR_INVALID_PARAMETER
	if wire.sends_fragments:
		error = _outbox.send_fragment(part, is_first, final)
	else:
		error = _keep_fragment(part, final)
	if error == OK:
		_fragments = null if final else part if wire.sends_fragments else _fragments
		_flush_soon()
	return error


## A page can send whole messages only: the parts are kept until the final one.
func _keep_fragment(part: Variant, final: bool) -> Error:
	var whole: Variant = part if _fragments == null else _fragments + part
	if final:
		return _outbox.send(whole)
	var error := _outbox.check_room(whole)
	_fragments = _fragments if error else whole
	return error


func ping(payload: PackedByteArray) -> Error:
	var error := _refusal()
	if error:
		return error
	flush()
	error = wire.ping(payload)
	if error == OK:
		_flush_soon()
	return error


func _refusal() -> Error:
	if OS.get_thread_caller_id() != OS.get_main_thread_id():
		return ERR_UNAVAILABLE
	return OK if phase == Phase.OPEN else ERR_CONNECTION_ERROR


## Logs why a message was not sent, where the caller can do something about it; what the other side causes, once.
func explain(error: Error, method: String, message: Variant) -> void:
	if error == ERR_UNAVAILABLE:
		if not Checks.is_elsewhere(method):
			Checks.unavailable(method, "no page in a browser can; heartbeat_interval is the server's there")
		return
	var problem := Checks.send_problem(error, method, message)
	if problem and (error not in [ERR_BUSY, ERR_OUT_OF_MEMORY] or _outbox.is_new(error)):
		push_error(problem)


func flush() -> void:
	if phase == Phase.CONNECTING or phase == Phase.GONE:
		return
	_outbox.flush()
	if not _closing.is_empty() and _outbox.is_empty():
		var code: int = _closing[0]
		var reason: String = _closing[1]
		_closing = []
		wire.close(code, reason)
	wire.work(false)


## At the end of the frame, with all else that is sent in it.
func _flush_soon() -> void:
	if not _outbox.is_flushed_soon:
		_outbox.is_flushed_soon = true
		flush.call_deferred()


func outbound_amount() -> int:
	return 0 if phase == Phase.GONE else _outbox.amount()


func inbound_amount() -> int:
	return queued


func get_statistics() -> Dictionary:
	var told := meter.as_dictionary()
	told.merge({"outbound_buffered_amount": outbound_amount(), "latency": latency})
	return told


# --- the end


## Closes behind what was sent. CLOSED follows, within `close_timeout`.
func close(code: int, reason: String) -> void:
	if phase != Phase.OPEN:
		return
	phase = Phase.CLOSING
	_closing = [code, reason]
	_deadline = _clock() + _close_timeout
	_outbox.leave()
	flush()


## Somebody went beyond a limit: this side tells that code.
func give_up(code: int, reason: String) -> void:
	if phase == Phase.OPEN:
		_forced = [code, reason]
		close(code, reason)


## Whoever owns it does so no more: it says goodbye by itself, and tells nothing.
func abandon(code: int, reason: String) -> void:
	is_ignored = true
	if phase == Phase.CONNECTING:
		phase = Phase.GONE
		wire.drop()
	elif close_code == NO_CODE and phase != Phase.GONE:
		close_code = code
		close_reason = reason
	close(code, reason)
	_core = null
	_rates = null
	if phase != Phase.GONE:
		_deadline = _clock() + _close_timeout
		Lingering.add(self)


## Ends it at once.
func drop(code: int = ABNORMAL, reason: String = "") -> void:
	if phase != Phase.GONE:
		wire.drop()
		_end(code, reason)


func _clock() -> float:
	return Time.get_ticks_msec() / 1000.0 if _core == null else _core.now


func _fail(reason: String) -> void:
	phase = Phase.GONE
	wire.drop()
	if not is_ignored:
		_core.put(Event.FAILED, self, reason)
	_core = null


func _end(code: int, reason: String) -> void:
	phase = Phase.GONE
	meter.messages_lost += _outbox.lost()
	if not is_ignored or close_code == NO_CODE:
		close_code = code if code > 0 else ABNORMAL
		close_reason = reason
		if not _forced.is_empty():
			close_code = _forced[0]
			close_reason = _forced[1]
	if not is_ignored:
		_core.put(Event.CLOSED, self)
	_core = null


# --- looking after it


func _look_for_slowness(now: float) -> void:
	var timeout: float = _core.node.slow_peer_timeout
	var taken := _outbox.taken()
	if taken != _taken or _outbox.amount() == 0:
		_taken = taken
		_taken_at = now
	elif timeout > 0.0 and now - _taken_at >= timeout:
		_core.statistics.count("closed_slow_peer")
		drop(POLICY_VIOLATION, "nothing was taken within slow_peer_timeout")


func _look_for_unfinished(now: float) -> void:
	if phase != Phase.OPEN or wire.unfinished() == 0:
		return
	if wire.begun() != _begun:
		_begun = wire.begun()
		_begun_at = now
	if now - _begun_at > _core.node.unfinished_timeout:
		_core.statistics.count("closed_unfinished_timeout")
		give_up(POLICY_VIOLATION, "a message did not arrive whole within unfinished_timeout")
	elif wire.unfinished() > _core.node.max_unfinished_size:
		_core.statistics.count("closed_max_unfinished_size")
		give_up(MESSAGE_TOO_BIG, "unfinished messages take more than max_unfinished_size")


## RFC 6455 section 5.5.2. In a browser there are no pings: the server is to send some.
func _look_for_silence(now: float) -> void:
	var interval: float = _core.node.heartbeat_interval
	var timeout: float = _core.node.heartbeat_timeout
	if phase != Phase.OPEN or interval <= 0.0 or not _may_read(now):
		return
	var is_silent := not _ping.is_empty() and _heard_at < _pinged_at
	if is_silent and now - _pinged_at >= timeout:
		drop(ABNORMAL, "nothing came within heartbeat_timeout")
	elif not is_silent and now - _pinged_at >= interval:
		_ping_number += 1
		_ping = (HEARTBEAT + str(_ping_number)).to_utf8_buffer()
		_pinged_at = now
		_pinged_usec = Time.get_ticks_usec()
		if wire.ping(_ping) != OK:
			_ping = PackedByteArray()


## Whether a pong answers one of these.
func is_answer(payload: PackedByteArray) -> bool:
	if payload == _ping and not _ping.is_empty():
		latency = maxf((Time.get_ticks_usec() - _pinged_usec) / 1e6, 1e-6)
	return payload.slice(0, HEARTBEAT.length()) == HEARTBEAT.to_utf8_buffer()


## Whether nothing more may be taken for now.
func _has_sent_too_much(now: float) -> bool:
	match _rates.look_at(
		meter.messages_received, meter.bytes_received, wire.control_frames(), now, _core.node.rate_timeout as float
	):
		Rates.Verdict.PAUSE:
			_core.statistics.count("paused_%s" % _rates.emptiest)
			_core.warn(wire.host, "%s: not read for %.1f s" % [_beyond(), _rates.paused_until - now])
			return not Checks.is_web()
		Rates.Verdict.CLOSE:
			_core.statistics.count("closed_%s" % _rates.emptiest)
			_core.warn(wire.host, "%s, in more than rate_timeout: closed with 1008" % _beyond())
			give_up(POLICY_VIOLATION, "more %s than %s allows" % [_rates.what, _rates.emptiest])
			return true
	return false


func _beyond() -> String:
	return "%.0f %s beyond %s, %d" % [_rates.beyond, _rates.what, _rates.emptiest, _rates.rate]
