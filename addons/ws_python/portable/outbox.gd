## The sending half of a connection: what may be queued, in which order it leaves, and when there is room again.
##
## It queues frames in a sink, which has them leave: frame_writer.gd, or the wire of a client. What send_latest() gets
## waits here, by its key, where a newer message can still take its place; it is handed on when all before was taken.
extends RefCounted

enum Stall { NONE, STALLED, DRAINED }

const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Session := preload("res://addons/ws_python/portable/session.gd")

## What a frame adds to its payload at most (RFC 6455 section 5.2).
const FRAME_OVERHEAD := 14
const _MOST_KEYS := 4096
# What of send_latest() is handed on in one go.
const _BATCH := 4 * 1024

## Called when a message was refused because as much waits as may.
var when_stalled := Callable()
## Whether messages can be sent.
var accepts := false
## What keeps messages until the other side has them; null without a session.
var session: Session
## Whether they are kept while there is no connection, too.
var lasts := false

var _limit: int
# What is counted for a message beside its payload.
var _overhead := FRAME_OVERHEAD
var _meter: Meter
# Has put_frame(), amount(), flush(), and says whether it `sends_pings`.
var _sink: RefCounted
var _latest: Dictionary[Variant, PackedByteArray] = {}
var _latest_size := 0
# The opcode of the message that is being sent in fragments; CONTINUATION: there is none.
var _fragment_opcode := Codec.CONTINUATION
# In a session, where a message is kept when it is whole.
var _fragments := PackedByteArray()
var _stall := Stall.NONE
var _drained_at := 0
var _messages_taken := 0


func _init(meter: Meter, limit: int, sink: RefCounted) -> void:
	_meter = meter
	_limit = limit
	_sink = sink


## Bytes that the system, or the browser, has not taken yet; in a session, the other side.
func amount() -> int:
	if session != null:
		return session.kept_size + _latest_size + _fragments.size()
	return unwritten()


## Bytes that the system has not taken yet, also in a session.
func unwritten() -> int:
	return _sink.amount() + _latest_size


## Whether something can be sent, now or when there is a connection again.
func takes() -> bool:
	return accepts or lasts


## Whether nothing waits for the system.
func is_empty() -> bool:
	return _sink.amount() == 0


# --- queueing


## Queues a whole frame that is no message.
func put_frame(frame: PackedByteArray) -> void:
	_sink.put_frame(frame)


## Queues a message as a whole frame, if there is room for its payload of so many bytes.
func send(frame: PackedByteArray, size: int) -> Error:
	if not takes():
		return ERR_CONNECTION_ERROR
	if is_in_fragments():
		return ERR_ALREADY_IN_USE
	if not has_room(size):
		return _refuse(size)
	_meter.messages_sent += 1
	if session != null:
		_keep(LayerMessage.escaped(frame), size)
	else:
		put_frame(frame)
	return OK


## Queues a fragment of a message (RFC 6455 section 5.4).
func send_fragment(opcode: int, payload: PackedByteArray, is_final: bool) -> Error:
	if not takes():
		return ERR_CONNECTION_ERROR
	var is_first := not is_in_fragments()
	if not is_first and opcode != _fragment_opcode:
		return ERR_INVALID_PARAMETER
	if not has_room(payload.size()):
		return _refuse(payload.size())
	if session != null:
		return _collect(opcode, payload, is_final)
	put_frame(Codec.make_frame(opcode if is_first else Codec.CONTINUATION, payload, is_final))
	_fragment_opcode = Codec.CONTINUATION if is_final else opcode
	_meter.messages_sent += 1 if is_final else 0
	return OK


func is_in_fragments() -> bool:
	return _fragment_opcode != Codec.CONTINUATION


## Queues a ping.
func ping(payload: PackedByteArray) -> Error:
	if not accepts:
		return ERR_CONNECTION_ERROR
	if payload.size() > Codec.MAX_CONTROL_PAYLOAD:
		return ERR_INVALID_PARAMETER
	if not _sink.sends_pings:
		return ERR_UNAVAILABLE
	if not has_room(payload.size()):
		return _full(payload.size())
	put_frame(Codec.make_frame(Codec.PING, payload))
	return OK


## As send(); one of the same key that still waits is forgotten, and this takes its place.
func send_latest(key: Variant, frame: PackedByteArray, size: int) -> Error:
	if not takes():
		return ERR_CONNECTION_ERROR
	var before := 0
	if _latest.has(key):
		before = _latest_size_of(_latest[key])
	elif _latest.size() >= _MOST_KEYS:
		return _refuse(size)
	if size + _overhead > before and not has_room(size - before):
		return _refuse(size)
	_latest[key] = frame
	_latest_size += size + _overhead - before
	return OK


func has_room(size: int) -> bool:
	return amount() + size + _overhead <= _limit


## A close frame comes next: what waits for its turn has it now, or never.
func leave() -> void:
	if not is_in_fragments():
		_hand_on(_latest_size)
	_latest.clear()
	_latest_size = 0


func _hand_on(most: int) -> void:
	while most > 0 and not _latest.is_empty():
		var key: Variant = _latest.keys()[0]
		var frame := _latest[key]
		_latest.erase(key)
		_latest_size -= _latest_size_of(frame)
		most -= _latest_size_of(frame)
		_meter.messages_sent += 1
		if session != null:
			_keep(LayerMessage.escaped(frame), frame.size() - Codec.head_size(frame))
		else:
			put_frame(frame)


## What is counted for a frame that may still be replaced: its payload, and what a head takes at most.
func _latest_size_of(frame: PackedByteArray) -> int:
	return frame.size() - Codec.head_size(frame) + _overhead


# --- in a session


## From now on what is sent is kept in a session; with `to_last`, also while there is no connection.
func join(of_session: Session, to_last: bool) -> void:
	session = of_session
	lasts = to_last
	_overhead = Session.KEPT_OVERHEAD
	_limit = mini(_limit, of_session.buffer_size)


## The session is over, or the other side knows none.
func part() -> void:
	session = null
	lasts = false


## Of the connection before this one in the session: what waits to be replaced, and who waits for room.
func take_over(before: RefCounted) -> void:
	_latest = before._latest
	_latest_size = before._latest_size
	_fragments = before._fragments
	_fragment_opcode = before._fragment_opcode
	_stall = Stall.NONE if before._stall == Stall.NONE else Stall.STALLED
	_drained_at = before._drained_at
	_meter.absorb(before._meter as Meter)
	_messages_taken = _meter.messages_sent
	before.lasts = false
	before._latest = {} as Dictionary[Variant, PackedByteArray]
	before._latest_size = 0
	before._fragments = PackedByteArray()
	before._fragment_opcode = Codec.CONTINUATION
	before.count_in(Meter.new())


## From now on what is sent, and kept, counts here.
func count_in(meter: Meter) -> void:
	_meter = meter
	_messages_taken = meter.messages_sent


## Queues what is on the wire as it is here: a session's, sent again, and what the layer itself says.
func put_messages(frames: Array[PackedByteArray]) -> void:
	if accepts:  # Else they are sent on the next connection.
		for frame: PackedByteArray in frames:
			put_frame(frame)


## Queues a message of the layer, which is kept where it is a counted one.
func send_layer(message: LayerMessage) -> Error:
	if session == null:
		return ERR_UNAVAILABLE
	if not takes():
		return ERR_CONNECTION_ERROR
	var encoded := Codec.encoded(message.pack())
	if encoded.size() == 1:
		return encoded[0]
	if not message.is_counted():
		if session.is_attached:
			put_frame(encoded[0] as PackedByteArray)
		return OK
	var size: int = encoded[1]
	if not has_room(size):
		return _full(size)
	_keep(encoded[0] as PackedByteArray, size)
	return OK


func _keep(frame: PackedByteArray, size: int) -> void:
	if session.send(frame, size):
		put_frame(frame)


## A fragment of a message, which can be kept only when it is whole.
func _collect(opcode: int, payload: PackedByteArray, is_final: bool) -> Error:
	_fragments.append_array(payload)
	_fragment_opcode = Codec.CONTINUATION if is_final else opcode
	if not is_final:
		return OK
	var whole := _fragments
	_fragments = PackedByteArray()
	return send(Codec.make_frame(opcode, whole), whole.size())


# --- the limit


func _refuse(size: int) -> Error:
	_meter.messages_refused += 1
	return _full(size)


func _full(size: int) -> Error:
	var left := _limit - size - _overhead
	if left < 0:
		return ERR_OUT_OF_MEMORY
	if _stall == Stall.NONE:
		_stall = Stall.STALLED
		_drained_at = _limit / 2
		if when_stalled.is_valid():
			when_stalled.call()
	_drained_at = mini(_drained_at, left)
	return ERR_BUSY


func is_stalled() -> bool:
	return _stall == Stall.STALLED


func _is_drained() -> bool:
	return amount() <= _drained_at and _latest.size() <= _MOST_KEYS / 2


## Whether there is room again, which is still to be told.
func begin_drained() -> bool:
	if _stall != Stall.STALLED or not accepts or not _is_drained():
		return false
	_stall = Stall.DRAINED
	return true


## It is being told that there is room again. False: meanwhile there is not, and it is told later.
func end_stall() -> bool:
	if _stall != Stall.DRAINED or not accepts:
		return false
	_stall = Stall.NONE if _is_drained() else Stall.STALLED
	return _stall == Stall.NONE


# --- to the system


## Hands over what the system takes. False if it cannot be written to any more.
func flush() -> bool:
	while _sink.flush():
		if _sink.amount() > 0:
			return true
		if _latest_size == 0 or not accepts or is_in_fragments():
			_messages_taken = _meter.messages_sent
			return true
		_hand_on(_BATCH)
	return false


## The connection is gone, and what was not taken lost.
func discard() -> void:
	if _sink.amount() > 0 and not lasts:
		_meter.messages_lost += _meter.messages_sent - _messages_taken
	_messages_taken = _meter.messages_sent
	_sink.discard()
	accepts = false
	if not lasts:
		_latest.clear()
		_latest_size = 0
		when_stalled = Callable()
