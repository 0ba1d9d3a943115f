## A client's end of a connection, over a wire: opening, what came, and the close.
##
## It emits nothing: what happens is put into the core's events, and told when they are delivered.
extends "res://addons/ws_python/portable/endpoint.gd"

enum Event { OPENED, FAILED, MESSAGE, LAYER, PONG, DRAINED, CLOSED }
enum Phase { CONNECTING, OPEN, CLOSING, GONE }

const ClientClock := preload("res://addons/ws_python/portable/client_clock.gd")
const Lingering := preload("res://addons/ws_python/portable/lingering.gd")
const Rates := preload("res://addons/ws_python/portable/rates.gd")
const Wire := preload("res://addons/ws_python/portable/wire.gd")

var wire: Wire
var phase := Phase.CONNECTING
## Nothing of it is told any more.
var is_ignored := false

var _deadline := INF
var _close_timeout := 5.0
# [code, reason] that a limit gives this side to tell, whatever the other one answers.
var _forced: Array = []
var _rates: Rates
var _heard := 0
var _begun := 0
var _is_flushed_soon := false


## `timeout` is how long connecting may take, from now on.
func _init(core: RefCounted, of_wire: Wire, timeout: float) -> void:
	_core = core
	_now = core.now
	wire = of_wire
	meter = wire.meter
	outbox = Outbox.new(meter, core.node.outbound_buffer_size, wire)
	outbox.when_stalled = _begin_stall
	_close_timeout = core.node.close_timeout
	_deadline = _now + timeout


func is_gone() -> bool:
	return phase == Phase.GONE


func is_open() -> bool:
	return phase == Phase.OPEN


## One that is cut, and whose session lasts, is open as before.
func get_ready_state() -> WebSocketPeer.State:
	if outbox.lasts:
		return WebSocketPeer.STATE_OPEN
	match phase:
		Phase.CONNECTING:
			return WebSocketPeer.STATE_CONNECTING
		Phase.OPEN:
			return WebSocketPeer.STATE_OPEN
		Phase.CLOSING:
			return WebSocketPeer.STATE_CLOSING
	return WebSocketPeer.STATE_CLOSED


## How to call the other side in the log.
func who() -> String:
	return wire.host


## Whether nothing is read now, though something may have come. In a browser everything is taken: what its page does not
## take is lost.
func is_paused() -> bool:
	if _core == null or Checks.is_web():
		return false
	if queued >= _core.node.max_queued_bytes or _core.has_enough():
		return true
	return _rates != null and _rates.is_paused(_now)


## Bytes of a message that is not whole.
func unfinished() -> int:
	return wire.unfinished()


## Bytes that the system, or the browser, has taken.
func bytes_taken() -> int:
	return wire.taken()


## Where no ping can be sent, has a server that speaks the session layer say something.
func probe() -> bool:
	return ClientClock.probe(self)


# --- the network


## Reads and writes, until a time in Time.get_ticks_usec(), or until all is done; `now` is the core's, of polled time.
func poll(now: float, until: int = 0) -> void:
	if phase == Phase.GONE:
		return
	_now = now
	wire.work(not is_paused())
	var state := wire.get_ready_state()
	if phase == Phase.CONNECTING:
		if wire.failure:
			_fail(wire.failure)
		elif state == WebSocketPeer.STATE_CONNECTING:
			if now >= _deadline:
				wire.cause = "connect_timeout"
				_fail("%s, port %d, did not answer in time; check that it is reachable" % [wire.host, wire.port])
			return
		else:
			_open()
	if phase == Phase.GONE:
		return
	_take(until)
	if wire.get_ready_state() == WebSocketPeer.STATE_CLOSED and not wire.has_message():
		_end(wire.close_code, wire.close_reason)
		return
	flush()
	if phase == Phase.CLOSING and now >= _deadline:
		if _core != null:
			_core.statistics.count("closed_without_answer")
		drop()


func _open() -> void:
	phase = Phase.OPEN
	outbox.accepts = true
	_deadline = INF
	heard_at = _now
	_rates = Rates.of(_core.node, _now, true)
	_core.put(Event.OPENED, self)
	_core.note_opened(self)
	if wire.has_layer:
		layer = _core.new_layer(self)
		layer_changed()


func _take(until: int) -> void:
	if _heard != meter.bytes_received:
		_heard = meter.bytes_received
		heard_at = _now
	if _begun != wire.begun():
		_begun = wire.begun()
		unfinished_since = _now
	while wire.has_message() and not is_paused():
		var message: Variant = wire.next_message()
		if not is_ignored and _forced.is_empty():
			if message is Array:
				_core.put(Event.PONG, self, message[0])
			elif layer != null:
				_take_through_layer(message)
			else:
				queued += _weight(message)
				_core.put(Event.MESSAGE, self, message)
		if _rates != null and _core != null:
			_look_at_rates()
		if until > 0 and not Checks.is_web() and Time.get_ticks_usec() >= until:
			return


func _take_through_layer(message: Variant) -> void:
	for event: Variant in layer.receive([message]):
		var is_message := Checks.is_message(event)
		queued += _weight(event)
		_core.put(Event.MESSAGE if is_message else Event.LAYER, self, event)
	if layer.is_off:
		outbox.part()
	layer_changed()


func _look_at_rates() -> void:
	var timeout: float = _core.node.rate_timeout
	var verdict := _rates.look_at(meter.messages_received, meter.bytes_received, wire.control_frames(), _now, timeout)
	if verdict != Rates.Verdict.FINE and _forced.is_empty():
		_core.slow_down(self, _rates, verdict)


## Reading pauses by itself, see is_paused().
func throttle() -> void:
	pass


## A message that was taken is delivered now.
func delivered(message: Variant) -> void:
	queued -= _weight(message)


func _weight(message: Variant) -> int:
	return (message as String).length() if message is String else message.size()


func flush() -> void:
	_is_flushed_soon = false
	if phase == Phase.CONNECTING or phase == Phase.GONE:
		return
	outbox.flush()
	if outbox.begin_drained() and _core != null:
		_core.put(Event.DRAINED, self)
	wire.work(false)


## At the end of the frame, with all else that is sent in it.
func _ask_flush() -> void:
	if not _is_flushed_soon:
		_is_flushed_soon = true
		flush.call_deferred()


# --- the end


## Closes behind what was sent. CLOSED follows, within `close_timeout`. A session ends with it.
func close(code: int, reason: String) -> void:
	outbox.lasts = false
	if phase != Phase.OPEN:
		return
	outbox.leave()
	_stop_sending()
	phase = Phase.CLOSING
	_deadline = _now + _close_timeout
	wire.close(code, reason)
	flush()


func _stop_sending() -> void:
	outbox.accepts = false
	if layer != null:
		layer.leave()


## Somebody went beyond a limit: this side tells that code.
func give_up(code: int, reason: String) -> void:
	if phase == Phase.OPEN:
		_forced = [code, reason]
		close(code, reason)


## Whoever owns it does so no more: it says goodbye by itself, and tells nothing.
func abandon(code: int, reason: String) -> void:
	is_ignored = true
	outbox.lasts = false
	# From now on it is polled by another clock.
	_now = Time.get_ticks_msec() / 1000.0
	_core = null
	_rates = null
	if phase == Phase.CONNECTING:
		phase = Phase.GONE
		wire.drop()
	elif close_code == NO_CODE and phase != Phase.GONE:
		close_code = code
		close_reason = reason
	close(code, reason)
	if phase != Phase.GONE:
		_deadline = _now + _close_timeout
		Lingering.add(self)


## Ends it at once. One that was open is told 1006, and the reason.
func drop(reason: String = "") -> void:
	if phase != Phase.GONE:
		_drop_wire()
		_end(ABNORMAL_CLOSURE, reason)


## In a browser it can be closed only, which would end the session: not before the server has heard of the next one.
func _drop_wire() -> void:
	if outbox.lasts and Checks.is_web() and phase != Phase.CONNECTING:
		_core.keep_wire(wire)
	else:
		wire.drop()


func _fail(reason: String) -> void:
	phase = Phase.GONE
	wire.drop()
	outbox.discard()
	if not is_ignored:
		_core.put(Event.FAILED, self, reason)
	_let_go()


## It has no core any more; one that is in a session asks it yet about what is sent.
func _let_go() -> void:
	if not outbox.lasts:
		_core = null


## Another connection has taken its place, or the session is over.
func part() -> void:
	outbox.part()
	if phase == Phase.GONE:
		_core = null


func _end(code: int, reason: String) -> void:
	phase = Phase.GONE
	_stop_sending()
	outbox.discard()
	_complaints.tell("%s, port %d" % [wire.host, wire.port])
	if not is_ignored or close_code == NO_CODE:
		close_code = code if code > 0 else ABNORMAL_CLOSURE
		close_reason = reason
		if not _forced.is_empty():
			close_code = _forced[0]
			close_reason = _forced[1]
	if not is_ignored:
		_core.put(Event.CLOSED, self)
	_let_go()
