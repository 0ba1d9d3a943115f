## Frames on their way into a stream: they wait here until the system takes them.
##
## What waits takes memory, which is for others to bound: outbox.gd.
extends RefCounted

const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")

# The most that the system is offered in one go.
const _CHUNK := 64 * 1024
# Bytes that wait, beyond which of several pings only the newest is answered, and beyond which none is.
const _PONG_ROOM := 4 * 1024
const _NO_PONG_ROOM := 64 * 1024

## Where the frames go to; null: they wait.
var stream: StreamPeer
## Whether what is sent has a mask, as a client's does (RFC 6455 section 5.3).
var is_masked := false
var sends_pings := true

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
var _keys := PackedByteArray()


func _init(meter: Meter) -> void:
	_meter = meter


## Bytes that the system has not taken yet.
func amount() -> int:
	return _queued


## Queues bytes that are no frame.
func put_uncounted(data: PackedByteArray) -> void:
	if not data.is_empty():
		_uncounted += data.size()
		_append(data)


## Queues a whole frame, without a mask.
func put_frame(frame: PackedByteArray) -> void:
	_meter.frames_sent += 1
	_append(_masked(frame) if is_masked else frame)


## Answers pings. Section 5.5.3: of those that wait, only the newest has to be.
func put_pongs(pings: Array[PackedByteArray]) -> void:
	if _queued > _NO_PONG_ROOM:
		return
	for payload: PackedByteArray in pings if _queued <= _PONG_ROOM else pings.slice(-1):
		put_frame(Codec.make_frame(Codec.PONG, payload))


func _append(data: PackedByteArray) -> void:
	_frames.append(data)
	_queued += data.size()


## With a key that nobody can foresee; eight bytes at a time.
func _masked(frame: PackedByteArray) -> PackedByteArray:
	if _keys.size() < 4:
		_keys = Crypto.new().generate_random_bytes(1024)
	var key := _keys.slice(_keys.size() - 4)
	_keys.resize(_keys.size() - 4)
	var head := Codec.head_size(frame)
	var masked := frame.slice(0, head)
	masked[1] |= 0x80
	masked.append_array(key)
	masked.append_array(Codec.masked(frame.slice(head), key.decode_u32(0)))
	return masked


## Hands over what the system takes. False if the stream is broken.
func flush() -> bool:
	while stream != null and (not _chunk.is_empty() or _make_chunk()):
		var result := stream.put_partial_data(_chunk)
		var taken: int = result[1]
		if result[0] != OK:
			return false
		if taken == 0:
			break
		_queued -= taken
		var uncounted := mini(taken, _uncounted)
		_uncounted -= uncounted
		_meter.bytes_sent += taken - uncounted
		_chunk = PackedByteArray() if taken == _chunk.size() else _chunk.slice(taken)
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


## The connection is gone: forgets what was not taken.
func discard() -> void:
	stream = null
	_frames.clear()
	_chunk = PackedByteArray()
	_next = 0
	_offset = 0
	_queued = 0
