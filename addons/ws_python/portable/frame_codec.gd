## The data phase of one connection of a server (RFC 6455 section 5): bytes in, events out, and frames for what is sent.
##
## Nothing that comes is an error of ours: what breaks the protocol becomes a close code, a reason and a close frame,
## and what comes after it is ignored.
extends RefCounted

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 }

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Utf8 := preload("res://addons/ws_python/portable/utf8.gd")

const NO_CODE := -1
const NO_STATUS_RECEIVED := 1005
const PROTOCOL_ERROR := 1002
const INVALID_DATA := 1007
const POLICY_VIOLATION := 1008
const MESSAGE_TOO_BIG := 1009
const MAX_CONTROL_PAYLOAD := 125
const UNLIMITED := 1 << 62

const _FIN := 0x80
const _MASKED := 0x80
const _RESERVED_BITS := 0x70
# From here on what was parsed of the input is cut off.
const _MOST_PARSED := 1 << 16

## What came and was not fetched yet, in order: String or PackedByteArray for a message, an Array with its payload for
## a pong.
var events: Array = []
## Bytes of the messages in it.
var events_size := 0
var messages_received := 0
var frames_received := 0
var control_frames_received := 0
## Whether the frames that come are a client's, which have a mask.
var is_masked := true
var max_message_size: int
var max_fragments: int
## The most messages that one step parses.
var step_messages := UNLIMITED
## Whether whole frames may wait for another step.
var is_held := false
## Why the connection is over: what the other side sent, or what it did wrong.
var close_code := NO_CODE
var close_reason := ""
## Whether it broke a rule, of the protocol or of ours.
var has_failed := false
## A close frame that is to leave before nothing else does; empty for none.
var close_frame := PackedByteArray()
## Whether a close frame was queued, by whatever cause.
var close_sent := false
## The limit that was exceeded, by its property, and how far; "" for none.
var exceeded := ""
var exceeded_by := 0
## The payloads of pings that are to be answered.
var pings: Array[PackedByteArray] = []
## How many messages have begun to arrive: where it changes, another one has.
var messages_begun := 0

var _input := PackedByteArray()
var _at := 0
# The fragments of a message that is not whole yet, and its opcode; CONTINUATION: there is none.
var _message := PackedByteArray()
var _opcode := CONTINUATION
var _fragments := 0
var _has_begun := false

# --- what comes


## Takes bytes from the other side.
func receive(data: PackedByteArray) -> void:
	if close_code != NO_CODE:
		return
	if _at == _input.size():
		_input = data
		_at = 0
	else:
		_input.append_array(data)
	parse()


## Goes on with what is held.
func parse() -> void:
	var end := messages_received + step_messages if step_messages != UNLIMITED else UNLIMITED
	is_held = false
	while close_code == NO_CODE and _parse_frame():
		if messages_received >= end:
			is_held = true
			break
	if _at == _input.size():
		_input = PackedByteArray()
		_at = 0
	elif _at > _MOST_PARSED:
		_input = _input.slice(_at)
		_at = 0
	if not _has_begun and _at < _input.size() and not is_held:
		_has_begun = true
		messages_begun += 1


## Bytes of a message that is not whole, with what came of its next frame.
func unfinished() -> int:
	return 0 if close_code != NO_CODE or is_held else _message.size() + _input.size() - _at


## Nobody wants to know what came.
func forget_news() -> void:
	events.clear()
	events_size = 0
	pings.clear()


## Nothing more comes: the connection has ended without a close.
func receive_end(code: int) -> void:
	if close_code == NO_CODE:
		close_code = code
		_forget_what_came()


## The other side broke a rule: end with that code.
func fail(code: int, reason: String) -> void:
	if close_code != NO_CODE:
		return
	has_failed = true
	close_code = code
	close_reason = reason
	_forget_what_came()
	if not close_sent:
		close_frame = make_close(code, reason)


## In a session the peer may keep this for long.
func _forget_what_came() -> void:
	_message = PackedByteArray()
	_input = PackedByteArray()
	_at = 0


## Parses the next frame. False if it is not whole, or wrong.
func _parse_frame() -> bool:
	var size := _input.size() - _at
	if size < 2:
		return false
	var first := _input[_at]
	var second := _input[_at + 1]
	if not _is_allowed(first, second):
		return false
	var length := second & 0x7f
	var mask := 4 if is_masked else 0
	var head := 2 + mask
	if length == 126:
		if size < 4:
			return false
		length = _input[_at + 2] << 8 | _input[_at + 3]
		head = 4 + mask
	elif length == 127:
		if size < 10:
			return false
		length = _long_length()
		head = 10 + mask
	if not _fits(first, length) or size < head + length:
		return false
	var begin := _at + head
	var payload := _unmasked(begin - 4, length) if is_masked else _input.slice(begin, begin + length)
	_at += head + length
	frames_received += 1
	if first & 0x08:
		control_frames_received += 1
		_take_control(first & 0x0f, payload)
	else:
		_take(first, payload)
	return true


func _long_length() -> int:
	var length := 0
	for i: int in range(_at + 2, _at + 10):
		length = length << 8 | _input[i]
	return length


## RFC 6455 section 5.2: whether such a frame may come now.
func _is_allowed(first: int, second: int) -> bool:
	var opcode := first & 0x0f
	if (second & _MASKED != 0) != is_masked:
		fail(PROTOCOL_ERROR, "a client's frame is not masked" if is_masked else "a server's frame is masked")
	elif first & _RESERVED_BITS:
		fail(PROTOCOL_ERROR, "reserved bits are set")
	elif opcode > PONG or (opcode > BINARY and opcode < CLOSE):
		fail(PROTOCOL_ERROR, "an unknown opcode")
	elif opcode >= CLOSE and (not first & _FIN or second & 0x7f > MAX_CONTROL_PAYLOAD):
		fail(PROTOCOL_ERROR, "a control frame is fragmented or too long")
	elif opcode == CONTINUATION and _opcode == CONTINUATION:
		fail(PROTOCOL_ERROR, "a continuation of nothing")
	elif opcode in [TEXT, BINARY] and _opcode != CONTINUATION:
		fail(PROTOCOL_ERROR, "a new message within another one")
	return close_code == NO_CODE


## Whether a frame of that length is within the limits; before it takes memory.
func _fits(first: int, length: int) -> bool:
	if length < 0:
		fail(PROTOCOL_ERROR, "a length of more than 63 bits")
	elif first & 0x08 == 0 and _message.size() + length > max_message_size:
		exceeded = "max_message_size"
		exceeded_by = _message.size() + length
		fail(MESSAGE_TOO_BIG, "the message is longer than max_message_size")
	elif first & 0x08 == 0 and 0 < max_fragments and max_fragments <= _fragments:
		exceeded = "max_fragments"
		exceeded_by = _fragments + 1
		fail(POLICY_VIOLATION, "the message has more than max_fragments")
	return close_code == NO_CODE


func _unmasked(key_at: int, length: int) -> PackedByteArray:
	return masked(_input.slice(key_at + 4, key_at + 4 + length), _input.decode_u32(key_at))


func _take(first: int, payload: PackedByteArray) -> void:
	if _message.is_empty():
		_message = payload
	else:
		_message.append_array(payload)
	if first & 0x0f != CONTINUATION:
		_opcode = first & 0x0f
		if not _has_begun:
			messages_begun += 1
		_has_begun = true
	_fragments += 1
	if not first & _FIN:
		return
	var message: Variant = _message
	if _opcode == TEXT:
		message = Utf8.decode(_message)
		if message == null:
			fail(INVALID_DATA, "the text is not valid UTF-8")
			return
	events_size += _message.size()
	events.append(message)
	messages_received += 1
	_message = PackedByteArray()
	_opcode = CONTINUATION
	_fragments = 0
	_has_begun = false


func _take_control(opcode: int, payload: PackedByteArray) -> void:
	match opcode:
		PING:
			pings.append(payload)
		PONG:
			events.append([payload])
		CLOSE:
			_take_close(payload)


## Section 5.5.1: answered with the same code.
func _take_close(payload: PackedByteArray) -> void:
	if payload.size() == 1:
		fail(PROTOCOL_ERROR, "a close frame with half a code")
		return
	var code := NO_STATUS_RECEIVED
	var reason: Variant = ""
	if not payload.is_empty():
		code = payload[0] << 8 | payload[1]
		reason = Utf8.decode(payload.slice(2))
	if reason == null:
		fail(INVALID_DATA, "the reason of a close is not valid UTF-8")
	elif code != NO_STATUS_RECEIVED and not _may_be_received(code):
		fail(PROTOCOL_ERROR, "an invalid close code")
	elif not payload.is_empty() and code == NO_STATUS_RECEIVED:
		fail(PROTOCOL_ERROR, "an invalid close code")
	else:
		close_code = code
		close_reason = reason
		_forget_what_came()
		if not close_sent:
			close_frame = make_frame(CLOSE, payload)


## Section 7.4 and the IANA registry.
func _may_be_received(code: int) -> bool:
	return (code >= 1000 and code <= 1014 and not code in [1004, 1005, 1006]) or (code >= 3000 and code <= 4999)


## RFC 6455 section 5.3: with the mask, which has its key twice, or without it; eight bytes at a time.
static func masked(payload: PackedByteArray, half: int) -> PackedByteArray:
	var length := payload.size()
	if length == 0 or half == 0:
		return payload
	var key := half | half << 32
	payload.resize((length + 7) & ~7)
	var words := payload.to_int64_array()
	for i: int in words.size():
		words[i] ^= key
	payload = words.to_byte_array()
	payload.resize(length)
	return payload


# --- what is sent


## How long the head of a frame without a mask is.
static func head_size(frame: PackedByteArray) -> int:
	return 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10


## A frame as it goes on the wire; a server's has no mask.
static func make_frame(opcode: int, payload: PackedByteArray, is_final: bool = true) -> PackedByteArray:
	var length := payload.size()
	var first := opcode | _FIN if is_final else opcode
	var frame: PackedByteArray
	if length < 126:
		frame = PackedByteArray([first, length])
	elif length < 1 << 16:
		frame = PackedByteArray([first, 126, length >> 8, length & 0xff])
	else:
		frame = PackedByteArray([first, 127, 0, 0])
		for shift: int in [40, 32, 24, 16, 8, 0]:
			frame.append(length >> shift & 0xff)
	frame.append_array(payload)
	return frame


## A message as a whole frame and the size of its payload, or the error that it is.
static func encoded(message: Variant) -> Array:
	if message is PackedByteArray:
		return [make_frame(BINARY, message), (message as PackedByteArray).size()]
	if not Checks.is_text(message):
		return [ERR_INVALID_PARAMETER]
	var data: Variant = Utf8.encode(str(message))
	if data == null:
		return [ERR_INVALID_DATA]
	return [make_frame(TEXT, data), (data as PackedByteArray).size()]


static func make_close(code: int, reason: String) -> PackedByteArray:
	var payload := PackedByteArray([code >> 8, code & 0xff])
	payload.append_array(reason.to_utf8_buffer())
	return make_frame(CLOSE, payload)
