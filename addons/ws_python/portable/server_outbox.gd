## The sending half of a connection of a server: frames wait here until the system takes them.
##
## What send_latest() is given waits before the frames, by its key, where a newer message can still take its place; it
## is handed on when all before it was taken.
extends RefCounted

enum Stall { NONE, STALLED, DRAINED }

const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")

## What a frame adds to its payload at most (RFC 6455 section 5.2).
const FRAME_OVERHEAD := 14
const _MOST_KEYS := 4096
# What of send_latest() is handed on in one go, and the most that the system is offered in one go.
const _BATCH := 4 * 1024
const _CHUNK := 64 * 1024

## Called when a message was refused because as much waits as may.
var when_stalled := Callable()
## Whether messages can be sent.
var accepts := false
var stream: StreamPeer

var _limit: int
var _meter: Meter
var _frames: Array[PackedByteArray] = []
# The first of them that was not taken whole, and how much of it was put into the chunk.
var _next := 0
var _offset := 0
# What the system is offered: TLS wants the same bytes again, where it has taken none.
var _chunk := PackedByteArray()
var _queued := 0
# Bytes in front that are no frames, and are not counted.
var _uncounted := 0
var _latest: Dictionary[Variant, PackedByteArray] = {}
var _latest_size := 0
# The opcode of the message that is being sent in fragments; CONTINUATION: there is none.
var _fragment_opcode := Codec.CONTINUATION
var _stall := Stall.NONE
var _drained_at := 0
var _messages_taken := 0


func _init(meter: Meter, limit: int) -> void:
	_meter = meter
	_limit = limit


## Bytes that the system has not taken yet.
func amount() -> int:
	return _queued + _latest_size


func is_empty() -> bool:
	return _queued == 0


# --- queueing


## Queues bytes that are no frame.
func put_uncounted(data: PackedByteArray) -> void:
	if not data.is_empty():
		_uncounted += data.size()
		_append(data)


## Queues a whole frame that is no message.
func put_frame(frame: PackedByteArray) -> void:
	_meter.frames_sent += 1
	_append(frame)


## Queues a message as a whole frame, if there is room for its payload of so many bytes.
func send(frame: PackedByteArray, size: int) -> Error:
	if not accepts:
		return ERR_CONNECTION_ERROR
	if _fragment_opcode != Codec.CONTINUATION:
		return ERR_ALREADY_IN_USE
	if not has_room(size):
		return _refuse(size)
	_meter.messages_sent += 1
	put_frame(frame)
	return OK


## Queues a fragment of a message (RFC 6455 section 5.4).
func send_fragment(opcode: int, payload: PackedByteArray, is_final: bool) -> Error:
	if not accepts:
		return ERR_CONNECTION_ERROR
	var is_first := _fragment_opcode == Codec.CONTINUATION
	if not is_first and opcode != _fragment_opcode:
		return ERR_INVALID_PARAMETER
	if not has_room(payload.size()):
		return _refuse(payload.size())
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
	if not has_room(payload.size()):
		return _full(payload.size())
	put_frame(Codec.make_frame(Codec.PING, payload))
	return OK


## As send(); one of the same key that still waits is forgotten, and this takes its place.
func send_latest(key: Variant, frame: PackedByteArray, size: int) -> Error:
	if not accepts:
		return ERR_CONNECTION_ERROR
	var before := 0
	if _latest.has(key):
		before = _latest_size_of(_latest[key])
	elif _latest.size() >= _MOST_KEYS:
		return _refuse(size)
	if size + FRAME_OVERHEAD > before and not has_room(size - before):
		return _refuse(size)
	_latest[key] = frame
	_latest_size += size + FRAME_OVERHEAD - before
	return OK


func has_room(size: int) -> bool:
	return _queued + _latest_size + size + FRAME_OVERHEAD <= _limit


## A close frame comes next: what waits for its turn has it now, or never.
func leave() -> void:
	if not is_in_fragments():
		_hand_on(_latest_size)
	_latest.clear()
	_latest_size = 0


func _append(data: PackedByteArray) -> void:
	_frames.append(data)
	_queued += data.size()


func _hand_on(most: int) -> void:
	while most > 0 and not _latest.is_empty():
		var key: Variant = _latest.keys()[0]
		var frame := _latest[key]
		_latest.erase(key)
		_latest_size -= _latest_size_of(frame)
		most -= _latest_size_of(frame)
		_meter.messages_sent += 1
		put_frame(frame)


## What is counted for a frame that may still be replaced: its payload, and what a head takes at most.
func _latest_size_of(frame: PackedByteArray) -> int:
	var head := 2
	if frame[1] >= 126:
		head = 4 if frame[1] == 126 else 10
	return frame.size() - head + FRAME_OVERHEAD


# --- the limit


func _refuse(size: int) -> Error:
	_meter.messages_refused += 1
	return _full(size)


func _full(size: int) -> Error:
	var left := _limit - size - FRAME_OVERHEAD
	if left < 0:
		return ERR_OUT_OF_MEMORY
	if _stall == Stall.NONE:
		_stall = Stall.STALLED
		_drained_at = _limit / 2
		when_stalled.call()
	_drained_at = mini(_drained_at, left)
	return ERR_BUSY


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


## Hands over what the system takes. False if the stream is broken.
func flush() -> bool:
	while stream != null:
		if _chunk.is_empty():
			if _queued == 0 and _latest_size and accepts and not is_in_fragments():
				_hand_on(_BATCH)
			if not _make_chunk():
				break
		var result := stream.put_partial_data(_chunk)
		var taken: int = result[1]
		if result[0] != OK:
			return false
		if taken == 0:
			return true
		_queued -= taken
		var uncounted := mini(taken, _uncounted)
		_uncounted -= uncounted
		_meter.bytes_sent += taken - uncounted
		_chunk = PackedByteArray() if taken == _chunk.size() else _chunk.slice(taken)
	if _queued == 0:
		_messages_taken = _meter.messages_sent
	return true


## Gathers the frames that come next; a long one in pieces.
func _make_chunk() -> bool:
	while _next < _frames.size() and _chunk.size() < _CHUNK:
		var frame := _frames[_next]
		if _offset == 0 and frame.size() <= _CHUNK - _chunk.size():
			_chunk.append_array(frame)
		else:
			var end := mini(frame.size(), _offset + _CHUNK - _chunk.size())
			_chunk.append_array(frame.slice(_offset, end))
			_offset = end
			if end < frame.size():
				break
		_offset = 0
		_frames[_next] = PackedByteArray()
		_next += 1
	if _next == _frames.size():
		_frames.clear()
		_next = 0
	return not _chunk.is_empty()


## The connection is gone, and what was not taken lost.
func discard() -> void:
	_meter.messages_lost += _meter.messages_sent - _messages_taken
	_messages_taken = _meter.messages_sent
	stream = null
	accepts = false
	_frames.clear()
	_chunk = PackedByteArray()
	_next = 0
	_queued = 0
	_latest.clear()
	_latest_size = 0
	when_stalled = Callable()
