## A client's connection, over the engine's WebSocketPeer: what is queued out, what came in, its end.
##
## It emits nothing: what happens is put into the core's events, and told when they are delivered. In a browser no page
## may ping, nor close with another code than 1000 and 3000 to 4999, and what has arrived must be taken at once.
extends RefCounted

enum Event { OPENED, FAILED, MESSAGE, DRAINED, CLOSED, REFUSED }
enum Phase { CONNECTING, OPEN, CLOSING, GONE }

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Lingering := preload("res://addons/ws_python/portable/lingering.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Outbox := preload("res://addons/ws_python/portable/outbox.gd")
const Rates := preload("res://addons/ws_python/portable/rates.gd")

const NO_CODE := -1
const ABNORMAL := 1006
const POLICY_VIOLATION := 1008
## Makes the engine's peer send a ping in its next poll, and close if the one before was not answered.
const PING_NOW := 0.001

var peer: WebSocketPeer
var phase := Phase.CONNECTING
## The other side; in a browser, the host and port of the URL.
var host := ""
var port := 0
var close_code := NO_CODE
var close_reason := ""
var meter := Meter.new()
## Bytes of messages that wait for delivery.
var queued := 0
## Nothing of it is told any more.
var is_ignored := false

var _core: RefCounted
var _outbox: Outbox
var _fragments: Variant
var _deadline := INF
var _close_timeout := 5.0
## [code, reason] of a close frame that waits for what was sent before it.
var _closing: Array = []
var _has_closed := false
## The code that a limit gives this side to tell, whatever the other one answers.
var _forced: Array = []
var _rates: Rates
var _next_ping := INF
var _is_asked := false
var _asks_again := false
var _heard := 0
var _gone := 0
var _gone_since := 0.0


## `timeout` is how long the opening handshake may take, from now on.
func _init(core: RefCounted, engine_peer: WebSocketPeer, timeout: float) -> void:
	_core = core
	peer = engine_peer
	_outbox = Outbox.new(peer, meter, core.node.outbound_buffer_size)
	_close_timeout = core.node.close_timeout
	_deadline = core.now + timeout


## A peer of the engine with the settings of a node.
static func new_peer(node: Node) -> WebSocketPeer:
	var made := WebSocketPeer.new()
	made.supported_protocols = node.get(&"supported_protocols")
	# The longest message, too.
	made.inbound_buffer_size = node.get(&"max_message_size")
	made.outbound_buffer_size = (1 << 31) - 1  # The outbox sees to that.
	return made


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
	peer.poll()
	var state := peer.get_ready_state()
	if phase == Phase.CONNECTING:
		if state == WebSocketPeer.STATE_OPEN:
			_open(now)
		elif state != WebSocketPeer.STATE_CONNECTING:
			_fail(_unopened())
		elif now >= _deadline:
			_fail("nothing came of it in time")
	if phase == Phase.CONNECTING or phase == Phase.GONE:
		return
	_take(now, until)
	if peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
		_end(peer.get_close_code(), peer.get_close_reason())
		return
	flush()
	if phase == Phase.CLOSING and now >= _deadline:
		drop()
	elif phase == Phase.OPEN and _core != null:
		_look_for_drained()
		_look_for_slowness(now)
		if now >= _next_ping:
			_ping(now)


func _open(now: float) -> void:
	phase = Phase.OPEN
	_deadline = INF
	if not Checks.is_web():
		peer.set_no_delay(true)
		host = peer.get_connected_host()
		port = peer.get_connected_port()
	_rates = Rates.of(_core.node, now)
	_gone_since = now
	if _core.node.heartbeat_interval > 0.0 and not Checks.is_web():
		_next_ping = now + _core.node.heartbeat_interval
	_core.put(Event.OPENED, self)


## Takes what came from the engine's queue. What stays there for a while, the other side cannot send.
func _take(now: float, until: int) -> void:
	if _has_closed:
		return
	var is_web := Checks.is_web()
	var most: int = (1 << 62) if is_web or _core == null else _core.node.max_queued_bytes
	if _rates != null and not is_web and _rates.is_paused(now):
		return
	while queued < most and peer.get_available_packet_count() > 0:
		var packet := peer.get_packet()
		var size := Meter.frame_size(packet.size(), false)
		meter.messages_received += 1
		meter.frames_received += 1
		meter.bytes_received += size
		if not is_ignored and _forced.is_empty():
			var message: Variant = packet.get_string_from_utf8() if peer.was_string_packet() else packet
			queued += _weight(message)
			_core.put(Event.MESSAGE, self, message)
		if _rates != null:
			_rates.take(size)
			if _look_at_rates(now):
				return
		if not is_web and until > 0 and Time.get_ticks_usec() >= until:
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
	var passed: Variant = _supervised(message)
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
	var passed: Variant = _supervised(message)
	if passed == null:
		return ERR_UNAUTHORIZED
	if phase != Phase.OPEN:
		return ERR_CONNECTION_ERROR
	error = _outbox.send_latest(key if key is int else str(key), passed)
	if error == OK:
		_flush_soon()
	return error


## The engine's peer sends whole messages: the parts are kept until the final one.
func send_fragment(data: Variant, final: bool) -> Error:
	var error := _refusal()
	if error:
		return error
	if not Checks.is_message(data):
		return ERR_INVALID_PARAMETER
	var part: Variant = data if data is PackedByteArray else str(data)
	if _fragments == null and _core.node.outgoing_supervisor.is_valid():
		return ERR_UNAUTHORIZED
	if _fragments != null and typeof(_fragments) != typeof(part):
		return ERR_INVALID_PARAMETER
	var whole: Variant = part if _fragments == null else _fragments + part
	error = _outbox.check_room(whole)
	if error:
		return error
	_fragments = null if final else whole
	return _send(whole) if final else OK


func _refusal() -> Error:
	if OS.get_thread_caller_id() != OS.get_main_thread_id():
		return ERR_UNAVAILABLE
	return OK if phase == Phase.OPEN else ERR_CONNECTION_ERROR


func _supervised(message: Variant) -> Variant:
	return _core.supervised_outgoing([], message)


## Logs why a message was not sent, where the caller can do something about it; what the other side causes, once.
func explain(error: Error, method: String, message: Variant) -> void:
	if error == ERR_UNAVAILABLE:
		Checks.is_elsewhere(method)
		return
	var problem := Checks.send_problem(error, method, message)
	if problem and (error not in [ERR_BUSY, ERR_OUT_OF_MEMORY] or _outbox.is_new(error)):
		push_error(problem)


func flush() -> void:
	if phase == Phase.CONNECTING or phase == Phase.GONE or _has_closed:
		return
	_outbox.flush()
	if _closing and _outbox.is_empty():
		_say_goodbye()


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
	told.merge({"outbound_buffered_amount": outbound_amount(), "latency": 0.0})
	return told


# --- the end


## Closes behind what was sent. CLOSED follows, within `close_timeout`.
func close(code: int, reason: String) -> void:
	if phase == Phase.CONNECTING:
		peer.close(-1)
		phase = Phase.GONE
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
		close(1000 if Checks.is_web() else code, reason)


## Whoever owns it does so no more: it says goodbye by itself, and tells nothing.
func abandon(code: int, reason: String) -> void:
	is_ignored = true
	close(1000 if Checks.is_web() and code < 3000 else code, reason)
	if close_code == NO_CODE and phase != Phase.GONE:
		close_code = code
		close_reason = reason
	_core = null
	_rates = null
	if phase != Phase.GONE:
		_deadline = _clock() + _close_timeout
		Lingering.add(self)


## Ends it at once.
func drop(code: int = ABNORMAL, reason: String = "") -> void:
	if phase == Phase.GONE:
		return
	peer.close(-1)
	_end(code, reason)


func _clock() -> float:
	return Time.get_ticks_msec() / 1000.0 if _core == null else _core.now


func _say_goodbye() -> void:
	# The engine's peer forgets what came, and takes nothing more in after this.
	_take(_clock(), 0)
	_has_closed = true
	var code: int = _closing[0]
	var reason: String = _closing[1]
	peer.close(code, reason)


func _fail(reason: String) -> void:
	phase = Phase.GONE
	peer.close(-1)
	if not is_ignored:
		_core.put(Event.FAILED, self, reason)
	_core = null


## The engine tells not why.
func _unopened() -> String:
	return (
		(
			"the host cannot be resolved or reached, refuses connections on port %d, or does not answer as a WebSocket "
			+ "server does; check that the server is running, and the URL"
		)
		% port
	)


func _end(code: int, reason: String) -> void:
	phase = Phase.GONE
	meter.messages_lost += _outbox.lost()
	if not is_ignored or close_code == NO_CODE:
		close_code = _forced[0] if _forced else code if code > 0 else ABNORMAL
		close_reason = _forced[1] if _forced else reason
	if not is_ignored:
		_core.put(Event.CLOSED, self)
	_core = null


# --- looking after it


func _look_for_drained() -> void:
	if _outbox.has_drained():
		_core.put(Event.DRAINED, self)


func _look_for_slowness(now: float) -> void:
	var timeout: float = _core.node.slow_peer_timeout
	var gone := _outbox.taken()
	if gone != _gone or _outbox.amount() == 0:
		_gone = gone
		_gone_since = now
	elif timeout > 0.0 and now - _gone_since >= timeout:
		_core.statistics.count("closed_slow_peer")
		drop(POLICY_VIOLATION, "nothing was taken within slow_peer_timeout")


## The engine's heartbeat by hand: its own would take a pause of the game for the other side's silence.
func _ping(now: float) -> void:
	var interval: float = _core.node.heartbeat_interval
	var timeout: float = _core.node.heartbeat_timeout
	if interval <= 0.0:
		_next_ping = now + 1.0
		return
	if _is_asked and _heard != meter.bytes_received:
		# Its answer may be behind what comes.
		_heard = meter.bytes_received
		_next_ping = now + timeout
		return
	peer.heartbeat_interval = PING_NOW
	peer.poll()
	peer.heartbeat_interval = 0.0
	if peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
		_end(ABNORMAL, "")
		return
	_heard = meter.bytes_received
	# One ping asks whether the one before was answered: after `heartbeat_timeout`, and again at the next interval.
	_asks_again = not _asks_again if _is_asked else true
	_is_asked = true
	_next_ping = now + (timeout if _asks_again else maxf(interval - timeout, timeout))


## Whether nothing more may be taken for now.
func _look_at_rates(now: float) -> bool:
	match _rates.look(now, _core.node.rate_timeout):
		Rates.Verdict.PAUSE:
			_core.statistics.count("paused_%s" % _rates.emptiest)
			_core.warn(host, "%s: not read for %.1f s" % [_beyond(), _rates.paused_until - now])
			return not Checks.is_web()
		Rates.Verdict.CLOSE:
			_core.statistics.count("closed_%s" % _rates.emptiest)
			_core.warn(host, "%s, in more than rate_timeout: closed with 1008" % _beyond())
			give_up(POLICY_VIOLATION, "more %s than %s allows" % [_rates.what, _rates.emptiest])
			return true
	return false


func _beyond() -> String:
	return "%.0f %s beyond %s, %d" % [_rates.beyond, _rates.what, _rates.emptiest, _rates.rate]
