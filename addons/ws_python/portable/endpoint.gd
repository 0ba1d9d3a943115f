## One end of one connection: what may be sent on it, and what its user is told where that cannot be.
##
## What is derived is the end of a server or of a client, and knows what carries the bytes.
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Complaints := preload("res://addons/ws_python/portable/complaints.gd")
const Greetings := preload("res://addons/ws_python/portable/greetings.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Outbox := preload("res://addons/ws_python/portable/outbox.gd")
const Session := preload("res://addons/ws_python/portable/session.gd")
const SessionLayer := preload("res://addons/ws_python/portable/session_layer.gd")

const NO_CODE := Codec.NO_CODE
const ABNORMAL_CLOSURE := 1006
# Polled seconds between two acknowledgements of what came.
const _TOLD_AFTER := 1.0

var outbox: Outbox
var meter: Meter
var close_code := NO_CODE
var close_reason := ""
## Bytes of messages that wait to be handed out.
var queued := 0
## What the watch keeps of it (connection_watch.gd); null before it is open.
var watched: RefCounted
## When something came, and when the message that is not whole began to come, in polled seconds.
var heard_at := 0.0
var unfinished_since := 0.0
## How long the answer to the last ping took, in seconds; 0 for unknown.
var latency := 0.0
## What it says and hears of the session layer; null without one.
var layer: SessionLayer
## Who asks and is asked by it (requests.gd); null for nobody.
var end: RefCounted

var _core: Object
var _now := 0.0
var _next_telling := 0.0
var _complaints := Complaints.new()

# --- for the derived class


## What a supervisor is told first: the id of a peer, or nothing.
func whom() -> Array:
	return []


## Something is queued: it leaves at the end of the poll or frame.
func _ask_flush() -> void:
	pass


# --- what is sent


## Sends text or binary, or says why not. ERR_CONNECTION_ERROR, for whom it may be news, is for the caller to explain.
func send(message: Variant) -> Error:
	return _explained(_send(message), "send", message)


func send_latest(key: Variant, message: Variant) -> Error:
	return _explained(_send(message, key), "send_latest", message)


## With a key, as send_latest().
func _send(message: Variant, key: Variant = null) -> Error:
	if key == null and outbox.is_in_fragments() and outbox.takes():
		return ERR_ALREADY_IN_USE
	var passed: Variant = message
	if outbox.takes() and _core.has_outgoing_supervisor() and Checks.is_message(message):
		passed = _core.supervised_outgoing(whom(), message)
		if passed == null:
			return ERR_UNAUTHORIZED
	if not outbox.takes():
		return ERR_CONNECTION_ERROR
	var frame := Codec.encoded(passed)
	if frame.size() == 1:
		return frame[0]
	return send_frame(frame) if key == null else send_latest_frame(key, frame)


## A whole frame, which may be made for several; see Codec.encoded().
func send_frame(frame: Array) -> Error:
	return _asked(outbox.send(frame[0], frame[1]))


func send_latest_frame(key: Variant, frame: Array) -> Error:
	return _asked(outbox.send_latest(key, frame[0], frame[1]))


func send_fragment(data: Variant, is_final: bool) -> Error:
	return _explained(_send_fragment(data, is_final), "send_fragment", data)


func _send_fragment(data: Variant, is_final: bool) -> Error:
	if not outbox.takes():
		return ERR_CONNECTION_ERROR
	if not Checks.is_message(data):
		return ERR_INVALID_PARAMETER
	if not outbox.is_in_fragments() and _core.has_outgoing_supervisor():
		return ERR_UNAUTHORIZED  # It is to see whole messages.
	var payload: Variant = data if data is PackedByteArray else Codec.Utf8.encode(str(data))
	if payload == null:
		return ERR_INVALID_DATA
	var opcode: int = Codec.BINARY if data is PackedByteArray else Codec.TEXT
	return _asked(outbox.send_fragment(opcode, payload, is_final))


## Says nothing in the log.
func ping(payload: PackedByteArray) -> Error:
	return _asked(outbox.ping(payload))


func _asked(error: Error) -> Error:
	if error == OK:
		_ask_flush()
	return error


# --- in a session


func send_layer(message: LayerMessage) -> Error:
	return _asked(outbox.send_layer(message))


## The session layer has heard something, or is to say something.
func layer_changed() -> void:
	if layer == null:
		return
	if not layer.outgoing.is_empty():
		outbox.put_messages(layer.outgoing)
		layer.outgoing = []
		_ask_flush()
	elif outbox.is_stalled():
		_ask_flush()  # The other side has more: perhaps there is room again.
	if layer.error:
		var problem := layer.error
		layer.error = ""
		outbox.lasts = false
		give_up(Codec.PROTOCOL_ERROR, problem)


## Acknowledges what came, about once a second.
func tell_received(now: float) -> void:
	if now >= _next_telling:
		_next_telling = now + _TOLD_AFTER
		layer.tell_received()
		layer_changed()


## Closes with that code.
func give_up(_code: int, _reason: String) -> void:
	pass


## What comes after this connection, which is over, counts by itself.
func count_anew() -> void:
	meter = Meter.new()
	outbox.count_in(meter)


# --- what its user is told


## Logs an error that this other side causes: once for each cause, and at the end how often it came.
func complain(cause: String, text: String) -> void:
	_complaints.add(cause, text, _now)


func _explained(error: Error, method: String, message: Variant) -> Error:
	if error != OK and error != ERR_CONNECTION_ERROR:
		explain(error, method, message)
	return error


## Says why a message was not sent, where somebody can do something about it; what the other side causes, once.
func explain(error: Error, method: String, message: Variant) -> void:
	var problem := Checks.send_problem(error, method, message)
	match error:
		ERR_BUSY:
			_complaints.add(Complaints.FULL, problem, _now)
		ERR_OUT_OF_MEMORY:
			_complaints.add("a message is longer than outbound_buffer_size", problem, _now)
		_:
			if problem:
				push_error(problem)


## A ping was not sent.
func explain_ping(error: Error, payload: PackedByteArray) -> void:
	match error:
		ERR_INVALID_PARAMETER:
			push_error("ping: the payload has %d bytes; at most %d fit" % [payload.size(), Codec.MAX_CONTROL_PAYLOAD])
		ERR_UNAVAILABLE:
			Checks.unavailable("ping", "no page in a browser can; heartbeat_interval is the server's there")
		OK, ERR_CONNECTION_ERROR:
			pass
		_:
			explain(error, "ping", payload)


func _begin_stall() -> void:
	_complaints.begin_again(Complaints.FULL, _now)
	if _core != null:
		_core.note_stalled()


func inbound_amount() -> int:
	return queued


func outbound_amount() -> int:
	return outbox.amount()


func get_statistics() -> Dictionary:
	var told := meter.as_dictionary()
	(
		told
		. merge(
			{
				"inbound_buffered_amount": inbound_amount(),
				"outbound_buffered_amount": outbound_amount(),
				"latency": latency,
			}
		)
	)
	return told
