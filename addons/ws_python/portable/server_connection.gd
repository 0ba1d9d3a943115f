## One connection of a server, from the accepted socket to its end: TLS, the opening handshake, messages, and the close.
##
## Nothing here calls a user's code: what comes is put into the inbox of the server, which hands it out.
extends "res://addons/ws_python/portable/endpoint.gd"

enum Phase { TLS, OPENING, OPEN, CLOSING, ENDING, GONE }
## What happens beside messages, in order with them.
enum Happening { OPENED, ASKED, FAILED, DRAINED, CLOSED, INTERRUPTED, RESUMED, SESSION_OVER }

const Clock := preload("res://addons/ws_python/portable/clock.gd")
const FrameWriter := preload("res://addons/ws_python/portable/frame_writer.gd")
const Handshake := preload("res://addons/ws_python/portable/server_handshake.gd")
const Inbox := preload("res://addons/ws_python/portable/server_inbox.gd")
const Lingering := preload("res://addons/ws_python/portable/lingering.gd")
const Rates := preload("res://addons/ws_python/portable/rates.gd")
const Stream := preload("res://addons/ws_python/portable/server_stream.gd")

const _READ_SIZE := 64 * 1024
# Messages that wait are enough to be busy with: what else there is waits in the system.
const _MOST_WAITING := 2048
# Polled seconds without a byte from somebody who is to go, after which the connection is cut.
const _QUIET := 0.25
# Where more bytes wait to be sent, the answer to a clock sample would be late.
const _MOST_OWED := 4096
const _STATES := {
	Phase.TLS: WebSocketPeer.STATE_CONNECTING,
	Phase.OPENING: WebSocketPeer.STATE_CONNECTING,
	Phase.OPEN: WebSocketPeer.STATE_OPEN,
	Phase.CLOSING: WebSocketPeer.STATE_CLOSING,
	Phase.ENDING: WebSocketPeer.STATE_CLOSED,
	Phase.GONE: WebSocketPeer.STATE_CLOSED,
}

var phase := Phase.OPENING
var host := ""
var port := 0
var handshake: Handshake
var codec: Codec
var peer_id := 0
## The node of the connection; null before and after.
var peer: Node
## The WebSocketRequest that a user was shown.
var request: RefCounted
## What waits to be handed out: a String, a PackedByteArray, an Array with the payload of a pong, a Happening, or what
## the session layer has, which tells itself; and the next one.
var events: Array = []
var next := 0
## Whether it waits for its turn in the inbox.
var is_waiting := false
## Nothing is read, because too much came, until that is over.
var is_throttled := false
## Who answers the request later; null for nobody. Has over() and timed_out().
var later: RefCounted
## Why the opening handshake failed, and whether because its time was over.
var failure := ""
var has_timed_out := false
## Whether the user was told of it, by `client_connected`.
var is_announced := false
## The session is over, which its user is still to be told.
var is_given_up := false
## What waits is not handed out until `unpark`.
var is_parked := false
## Whether what is queued leaves at the end of the poll or frame.
var is_flush_due := false
## When it ends by itself, in polled seconds.
var deadline := INF

var _inbox: Inbox
var _stream: Stream
var _writer: FrameWriter
var _close_timeout: float
var _max_queued: int
# More waits than may.
var _is_full := false
# The features were asked about its request.
var _is_asked := false
var _rates: Rates
# Its last event was told.
var _is_retired := false
var _messages_begun := 0
# A clock sample was answered, which is to leave at once.
var _has_told_time := false


func _init(core: Object, tcp: StreamPeerTCP, tls_options: TLSOptions, settings: Object) -> void:
	_core = core
	_inbox = core.inbox
	_now = core.now
	_stream = Stream.new(tcp, tls_options)
	host = _stream.host
	port = _stream.port
	_close_timeout = settings.close_timeout
	_max_queued = settings.max_queued_bytes
	deadline = _now + settings.handshake_timeout
	meter = Meter.new()
	_writer = FrameWriter.new(meter)
	_writer.stream = _stream.stream
	outbox = Outbox.new(meter, settings.outbound_buffer_size, _writer)
	outbox.when_stalled = _begin_stall
	handshake = Handshake.new(core.get_protocols(), core.get_headers())
	handshake.is_secure = _stream.is_secure()
	handshake.takes_layer = settings.session_timeout > 0.0
	phase = Phase.TLS if _stream.is_secure() else Phase.OPENING


func is_open() -> bool:
	return phase == Phase.OPEN


func is_opening() -> bool:
	return phase <= Phase.OPENING


func is_gone() -> bool:
	return phase == Phase.GONE


## One that is cut, and whose session lasts, is open as before.
func get_ready_state() -> int:
	return _STATES[Phase.OPEN if outbox.lasts else phase]


## Whether nothing is read now, though something may have come.
func is_paused() -> bool:
	return _is_full or is_throttled


## Bytes of a message that is not whole.
func unfinished() -> int:
	return codec.unfinished()


## Bytes that the system has taken.
func bytes_taken() -> int:
	return meter.bytes_sent


func whom() -> Array:
	return [peer_id]


## How to call the other side in the log.
func who() -> String:
	return "peer %d (%s)" % [peer_id, host] if peer_id else host


# --- polling


## Reads what came, and minds the deadline.
func poll(now: float, _until: int = 0) -> void:
	_now = now
	if is_throttled and now >= _rates.paused_until:
		unthrottle()
	if phase == Phase.TLS:
		_poll_tls()
	elif phase == Phase.ENDING:
		_poll_ending()
	elif not (_is_full or is_throttled):
		if _stream.available() > 0:
			_read()
		elif _stream.has_ended:
			_take_end()
	if now >= deadline and phase != Phase.GONE:
		deadline = INF
		_pass_deadline()


func _poll_tls() -> void:
	match _stream.shake_hands():
		Stream.State.OPEN:
			phase = Phase.OPENING
			_conclude_handshake()  # It may be refused already.
			_read()
		Stream.State.ENDED:
			_fail_tls()


func _fail_tls() -> void:
	_core.statistics.count("failed_tls_handshake")
	fail("the TLS handshake failed; use a wss:// URL, not ws://, and a client that trusts the certificate")


func _read() -> void:
	var left := _READ_SIZE
	while left > 0 and phase <= Phase.CLOSING and not (_is_full or is_throttled):
		var available := _stream.available()
		var data := _stream.receive(mini(available, left)) if available > 0 else PackedByteArray()
		if data.is_empty():
			if _stream.has_ended:
				_take_end()
			return
		left -= data.size()
		heard_at = _now
		if phase == Phase.OPENING:
			handshake.receive(data)
			_conclude_handshake()
		else:
			meter.bytes_received += data.size()
			codec.receive(data)
			_take_news()


## Nothing more comes from the stream.
func _take_end() -> void:
	match phase:
		Phase.OPENING:
			# The engine says that TLS is there before it is: it shows when something comes through it.
			if _stream.is_secure() and handshake.is_unasked():
				_fail_tls()
				return
			handshake.receive_end()
			_conclude_handshake()
		Phase.OPEN, Phase.CLOSING:
			codec.receive_end(ABNORMAL_CLOSURE)
			_take_news()
		Phase.ENDING:
			_go()


func _poll_ending() -> void:
	flush()
	if phase != Phase.ENDING:
		return
	if codec != null and not codec.has_failed and codec.close_code != Codec.NO_CODE and outbox.is_empty():
		_go()  # Both sides have said goodbye.
		return
	var available := _stream.available()
	if available > 0:
		heard_at = _now
		var data := _stream.receive(mini(available, _READ_SIZE))
		if codec != null:
			codec.receive(data)
			codec.forget_news()
	elif _stream.has_ended or (outbox.is_empty() and _now - heard_at >= _QUIET):
		_go()


func _pass_deadline() -> void:
	match phase:
		Phase.TLS, Phase.OPENING:
			if later != null:
				answer(later.timed_out())
			else:
				has_timed_out = true
				fail("the other side did not finish the opening handshake in time")
				_go()
		_:
			if phase == Phase.CLOSING and _core != null:
				_core.statistics.count("closed_without_answer")
			drop()


# --- the opening handshake


func _conclude_handshake() -> void:
	if phase != Phase.OPENING:
		return
	match handshake.state:
		Handshake.State.READ:
			if not _is_asked:
				_is_asked = true
				_core.admit(self)
		Handshake.State.FAILED:
			fail(handshake.error)
		Handshake.State.ACCEPTED:
			_open()


## Answers the request that was read: with [] to accept it, or with [status, text, headers, what our user is told].
func answer(refusal: Array) -> void:
	if refusal.is_empty():
		handshake.accept()
	else:
		handshake.refuse.callv(refusal)
	_conclude_handshake()


## The authorizer is code of the user's: it waits for its turn in the poll, as messages do.
func ask() -> void:
	_put(Happening.ASKED)


func _open() -> void:
	_end_later()
	deadline = INF
	_writer.put_uncounted(handshake.outgoing)
	codec = Codec.new()
	codec.max_message_size = _core.node.max_message_size
	codec.max_fragments = _core.node.max_fragments
	phase = Phase.OPEN
	outbox.accepts = true
	heard_at = _now
	_rates = _core.rates_of(self)
	_put(Happening.OPENED)
	_core.note_opened(self)
	if handshake.has_layer:
		codec.max_message_size += LayerMessage.MAX_OVERHEAD
		layer = SessionLayer.new()
		layer.sampler = _tell_time
	if not handshake.leftover.is_empty():
		codec.receive(handshake.leftover)
		_take_news()
	_ask_flush()


## The connection did not come to be. What the handshake has answered is still sent.
func fail(reason: String) -> void:
	if not is_opening():
		return
	_end_later()
	failure = reason
	_writer.put_uncounted(handshake.outgoing)
	handshake.state = Handshake.State.FAILED
	_end()
	_put(Happening.FAILED)


func _end_later() -> void:
	if later != null:
		var answering := later
		later = null
		answering.over()


# --- what came


## Passes on what the codec has.
func _take_news() -> void:
	meter.messages_received = codec.messages_received
	meter.frames_received = codec.frames_received
	if codec.messages_begun != _messages_begun:
		_messages_begun = codec.messages_begun
		unfinished_since = _now
	if not codec.events.is_empty():
		queued += codec.events_size
		var came := codec.events
		codec.events = []
		codec.events_size = 0
		if layer == null:
			_put_all(came)
		else:
			_take_through_layer(came)
	if not codec.pings.is_empty():
		if phase == Phase.OPEN:
			_writer.put_pongs(codec.pings)
			_ask_flush()
		codec.pings.clear()
	if codec.close_code != Codec.NO_CODE:
		_take_close()
		return
	_is_full = codec.is_held or queued > _max_queued or events.size() - next > _MOST_WAITING
	if _is_full:
		_wait()
	if _rates != null and _core != null:
		var verdict := _rates.look_at(
			meter.messages_received,
			meter.bytes_received,
			codec.control_frames_received,
			_now,
			_core.node.rate_timeout as float
		)
		if verdict != Rates.Verdict.FINE:
			_core.slow_down(self, _rates, verdict)


func _take_through_layer(came: Array) -> void:
	var events := layer.receive(came)
	if not events.is_empty():
		_put_all(events)
	layer_changed()
	if _has_told_time:
		_has_told_time = false
		flush()


## A clock sample has come, which asks: it is answered here and now. Who reads nothing gets no answer.
func _tell_time(message: LayerMessage) -> void:
	if Clock.is_answer(message.head) or outbox.unwritten() > _MOST_OWED:
		return
	var head := Clock.answer(message.head)
	if head:
		outbox.send_layer(LayerMessage.of(LayerMessage.CLOCK, head))
		_has_told_time = true
	else:
		layer.error = "a clock sample without its time"


## The codec is closed: by the other side's close, its fault, or the end of the stream.
func _take_close() -> void:
	if not phase in [Phase.OPEN, Phase.CLOSING]:
		return
	if close_code == Codec.NO_CODE:
		close_code = codec.close_code
		close_reason = codec.close_reason
	_put(Happening.CLOSED)
	_leave_layer()
	# What came before can be answered until the next flush.
	_end()


func _leave_layer() -> void:
	if layer != null:
		layer.leave()


func _say_goodbye() -> void:
	outbox.accepts = false
	if codec != null and not codec.close_frame.is_empty():
		outbox.put_frame(codec.close_frame)
		codec.close_frame = PackedByteArray()
		codec.close_sent = true


## All that waited was handed out. Whether there may be more.
func refill() -> bool:
	events = []
	next = 0
	queued = 0
	if not _is_full or is_throttled:
		return false
	_is_full = false
	if codec != null and codec.is_held:
		codec.parse()
		_take_news()
		return next < events.size() or _is_full
	return false


func throttle() -> void:
	is_throttled = true


func unthrottle() -> void:
	is_throttled = false
	if _is_full:
		_wait()


## Whoever is handed this out has enough: what waits, waits, and if it is too much reading pauses.
func park() -> void:
	is_parked = true


func unpark() -> void:
	is_parked = false
	if next < events.size() or _is_full:
		_wait()


func _put(event: Variant) -> void:
	_put_all([event])


func _put_all(more: Array) -> void:
	if _inbox == null:
		return
	events.append_array(more)
	_wait()


func _wait() -> void:
	if not is_waiting and not is_parked and _inbox != null:
		is_waiting = true
		_inbox.waiting.append(self)


# --- in a session


## Answers the hello: from now on this connection carries the session.
func carry(session: Session, welcome: Greetings.Welcome, buffer: int) -> void:
	outbox.join(session, true)
	put_first(layer.welcome(session, welcome, buffer), 0)
	layer_changed()


## Puts events before what waits; they take so many bytes that were not counted here yet.
func put_first(more: Array, size: int) -> void:
	if _inbox != null and not more.is_empty():
		events = more + events.slice(next)
		next = 0
		queued += size
		_wait()


## Nothing more is handed out here: what waits of the other side's is for another one, which goes on in its place.
func take() -> Array:
	var waiting := events.slice(next).filter(
		func(event: Variant) -> bool: return Checks.is_message(event) or event is LayerMessage
	)
	ignore()
	return waiting


## A peer whose connection was cut is not waited for any longer.
func put_session_over() -> void:
	outbox.part()
	is_given_up = true
	_put(Happening.SESSION_OVER)


## Whether its peer is there without it: in a session that lasts, or that was given up.
func is_cut() -> bool:
	return outbox.lasts or is_given_up


## The session is over, or goes on elsewhere: nothing more is told of this one.
func part() -> void:
	outbox.part()
	if _is_retired:
		ignore()
		if phase == Phase.GONE:
			_core = null


# --- what the inbox asks


## Whether nobody is to be told of anything any more.
func is_ignored() -> bool:
	return _inbox == null


# --- what is sent


func _ask_flush() -> void:
	if _core != null:
		_core.wants_flush(self)


## Hands what is queued to the system, as far as it takes it.
func flush() -> void:
	if phase in [Phase.TLS, Phase.GONE]:
		return
	if _stream.has_ended:
		_take_end()
		return
	if phase == Phase.ENDING and outbox.accepts:
		_say_goodbye()
	if not outbox.flush():
		_stream.has_ended = true
		_take_end()
	elif outbox.begin_drained():
		_put(Happening.DRAINED)


# --- the end


## Begins the closing handshake (RFC 6455 section 7.1.2). A session ends with it.
func close(code: int, reason: String) -> void:
	outbox.lasts = false
	if phase != Phase.OPEN:
		return
	outbox.leave()
	_leave_layer()
	outbox.put_frame(Codec.make_close(code, reason))
	outbox.accepts = false
	codec.close_sent = true
	phase = Phase.CLOSING
	deadline = _now + _close_timeout
	_ask_flush()


## The other side broke a rule of ours: closes with that code, and tells it as usual.
func give_up(code: int, reason: String) -> void:
	if phase in [Phase.OPEN, Phase.CLOSING]:
		codec.fail(code, reason)
		_take_news()
		_ask_flush()


## Says goodbye and ends on its own: nobody is told anything more.
func abandon(code: int, reason: String) -> void:
	ignore()
	outbox.lasts = false
	_core = null
	# From now on it is polled by another clock.
	_now = Time.get_ticks_msec() / 1000.0
	heard_at = _now
	deadline = _now + _close_timeout
	is_throttled = false
	_is_full = false
	if codec == null:
		_go()
	if phase == Phase.GONE:
		return
	if close_code == Codec.NO_CODE:
		close_code = code
		close_reason = reason
	close(code, reason)
	phase = Phase.ENDING
	flush()
	Lingering.add(self)


## Ends the connection at once. One that was open is told 1006, and the reason.
func drop(reason: String = "") -> void:
	if phase in [Phase.OPEN, Phase.CLOSING]:
		codec.receive_end(ABNORMAL_CLOSURE)
		close_code = codec.close_code if close_code == Codec.NO_CODE else close_code
		close_reason = reason if close_reason == "" else close_reason
		_put(Happening.CLOSED)
		_leave_layer()
	_go()


## Hands out nothing any more.
func ignore() -> void:
	_inbox = null
	events = []
	next = 0
	queued = 0


func _end() -> void:
	phase = Phase.ENDING
	heard_at = _now
	deadline = _now + _close_timeout
	if codec == null:
		outbox.accepts = false
	_ask_flush()


func _go() -> void:
	if phase == Phase.GONE:
		return
	_end_later()
	phase = Phase.GONE
	deadline = INF
	outbox.discard()
	_stream.end()
	_complaints.tell("%s, port %d" % [host, port])
	if _core != null:
		_core.forget(self)
		if _is_retired and not outbox.lasts:
			_core = null


## The last event was told: it ends on its own, if it has not.
func retire() -> void:
	_is_retired = true
	if not outbox.lasts:
		ignore()
	if phase == Phase.GONE:
		if not outbox.lasts:
			_core = null
	elif phase != Phase.ENDING:
		_go()
	else:
		_core.keep_until_gone(self)
