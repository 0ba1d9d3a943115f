## The sending half of a connection: checks for room, keeps what waits, and hands it to the wire.
##
## The wire gets no more than it can send soon: what waits is here, where a limit of bytes holds, and a newer message
## can take the place of an older one.
extends RefCounted

const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Wire := preload("res://addons/ws_python/portable/wire.gd")

## What a frame adds to its payload at most (RFC 6455 section 5.2).
const FRAME_OVERHEAD := 14
## Keys of send_latest() that may wait.
const MOST_KEYS := 4096
## What of it is handed on in one go.
const BATCH := 4 * 1024

var is_flushed_soon := false
var is_in_fragments := false

var _wire: Wire
var _meter: Meter
var _limit := 0
## [data, kind, size on the wire, is_final], from `_next` on.
var _out: Array[Array] = []
var _next := 0
var _size := 0
## Keys to the same.
var _latest := {}
var _latest_size := 0
var _sent_size := 0
## Room that the message needs which was refused last; 0 for none.
var _needed := 0
var _explained := {}


func _init(wire: Wire, limit: int) -> void:
	_wire = wire
	_meter = wire.meter
	_limit = limit


func send(message: Variant) -> Error:
	var item := _item(message)
	var error := _check_size(item[0].size(), 0)
	if error:
		return error
	_meter.messages_sent += 1
	_queue(item)
	return OK


## One part of a message. While the whole is not known, others wait.
func send_fragment(part: Variant, is_first: bool, is_final: bool) -> Error:
	var item := _item(part)
	var error := _check_size(item[0].size(), 0)
	if error:
		return error
	item[1] = item[1] if is_first else Wire.Kind.CONTINUATION
	item[3] = is_final
	is_in_fragments = not is_final
	_meter.messages_sent += 1 if is_final else 0
	_queue(item)
	return OK


## As send(), but one of the same key that still waits is forgotten, and this takes its place.
func send_latest(key: Variant, message: Variant) -> Error:
	var item := _item(message)
	var before := 0
	if _latest.has(key):
		before = _latest[key][2]
	elif _latest.size() >= MOST_KEYS:
		return _refuse(item[0].size())
	var error := _check_size(item[0].size(), before)
	if error:
		return error
	_latest[key] = item
	_latest_size += item[2] - before
	return OK


func check_room(message: Variant) -> Error:
	return _check_size(_item(message)[0].size(), 0)


func _item(message: Variant) -> Array:
	var is_text := not (message is PackedByteArray)
	var data: PackedByteArray = str(message).to_utf8_buffer() if is_text else message
	return [data, Wire.Kind.TEXT if is_text else Wire.Kind.BINARY, Meter.frame_size(data.size(), true), true]


func _check_size(size: int, before: int) -> Error:
	if amount() - before + size + FRAME_OVERHEAD <= _limit:
		return OK
	return _refuse(size)


func _refuse(size: int) -> Error:
	_meter.messages_refused += 1
	if size + FRAME_OVERHEAD > _limit:
		return ERR_OUT_OF_MEMORY
	_needed = maxi(_needed, size + FRAME_OVERHEAD)
	return ERR_BUSY


func _queue(item: Array) -> void:
	_out.append(item)
	_size += item[2]


## A close comes next: what waits for its turn has it now, or never.
func leave() -> void:
	for key: Variant in _latest.keys() if not is_in_fragments else []:
		_meter.messages_sent += 1
		_queue(_latest[key])
	_latest.clear()
	_latest_size = 0


func flush() -> void:
	is_flushed_soon = false
	while _next < _out.size() and _wire.amount() <= _wire.most_handed:
		if not _hand_out(_out[_next]):
			return
		_size -= _out[_next][2]
		_out[_next] = []
		_next += 1
	if _next == _out.size():
		_out.clear()
		_next = 0
	elif _next > 1024:
		_out = _out.slice(_next)
		_next = 0
	_hand_out_latest()


func _hand_out_latest() -> void:
	if not _out.is_empty() or is_in_fragments:
		return
	var handed := 0
	for key: Variant in _latest.keys():
		if _wire.amount() > handed or handed > BATCH:
			return
		var item: Array = _latest[key]
		if not _hand_out(item):
			return
		handed += item[2]
		_meter.messages_sent += 1
		_latest_size -= item[2]
		_latest.erase(key)


func _hand_out(item: Array) -> bool:
	var data: PackedByteArray = item[0]
	if not _wire.send(data, item[1] as Wire.Kind, item[3] as bool):
		return false
	_sent_size += item[2]
	return true


## Bytes that were sent and that the system, or the browser, has not taken.
func amount() -> int:
	return _size + _latest_size + _wire.amount()


## Bytes that it has taken.
func taken() -> int:
	return _sent_size - _wire.amount()


## Whether all was handed on.
func is_empty() -> bool:
	return _out.is_empty()


## Messages that will not leave any more.
func lost() -> int:
	return _out.size() - _next


## Whether there is room again, once for each time that there was none.
func has_drained() -> bool:
	var used := amount()
	if _needed == 0 or used > _limit / 2 or used + _needed > _limit:
		return false
	_needed = 0
	_explained.clear()
	return true


## Whether it is to be told that a message was refused: once, until there was room again.
func is_new(error: Error) -> bool:
	if _explained.has(error):
		return false
	_explained[error] = true
	return true
