## The sending half of a connection: checks for room, keeps what waits, and hands it to the engine's peer.
##
## The peer gets one message after the other, when it has sent the one before: what waits is here, where a limit of
## bytes holds, a newer message can take the place of an older one, and a close does not overtake it.
extends RefCounted

const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Checks := preload("res://addons/ws_python/portable/checks.gd")

## What a frame adds to its payload at most (RFC 6455 section 5.2).
const FRAME_OVERHEAD := 14
## Keys of send_latest() that may wait.
const MOST_KEYS := 4096
## A browser sends by itself, and its page sees late what it has sent.
const MOST_HANDED_WEB := 1 << 20

var is_flushed_soon := false

var _peer: WebSocketPeer
var _meter: Meter
var _limit := 0
var _most_handed := 0
## [data, is_text, size on the wire], from `_next` on.
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


func _init(peer: WebSocketPeer, meter: Meter, limit: int) -> void:
	_peer = peer
	_meter = meter
	_limit = limit
	_most_handed = MOST_HANDED_WEB if Checks.is_web() else 0


func send(message: Variant) -> Error:
	var item := _item(message)
	var error := _check_size(item[0].size(), 0)
	if error:
		return error
	_meter.messages_sent += 1
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
	return [data, is_text, Meter.frame_size(data.size(), true)]


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


## A close comes next: what waits for its turn has it now.
func leave() -> void:
	for key: Variant in _latest:
		_meter.messages_sent += 1
		_queue(_latest[key])
	_latest.clear()
	_latest_size = 0


func flush() -> void:
	is_flushed_soon = false
	while _next < _out.size() and _peer.get_current_outbound_buffered_amount() <= _most_handed:
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
	if not _out.is_empty():
		return
	for key: Variant in _latest.keys():
		if _peer.get_current_outbound_buffered_amount() > _most_handed or not _hand_out(_latest[key]):
			return
		_meter.messages_sent += 1
		_latest_size -= _latest[key][2]
		_latest.erase(key)


func _hand_out(item: Array) -> bool:
	if _peer.get_ready_state() != WebSocketPeer.STATE_OPEN:
		return false
	var mode := WebSocketPeer.WRITE_MODE_TEXT if item[1] else WebSocketPeer.WRITE_MODE_BINARY
	var data: PackedByteArray = item[0]
	if _peer.send(data, mode) != OK:
		return false
	_meter.frames_sent += 1
	_meter.bytes_sent += item[2]
	_sent_size += item[2]
	return true


## Bytes that were sent and that the system, or the browser, has not taken.
func amount() -> int:
	return _size + _latest_size + _peer.get_current_outbound_buffered_amount()


## Bytes that it has taken.
func taken() -> int:
	return _sent_size - _peer.get_current_outbound_buffered_amount()


func is_empty() -> bool:
	return (
		_out.is_empty()
		and _latest.is_empty()
		and (Checks.is_web() or _peer.get_current_outbound_buffered_amount() == 0)
	)


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
