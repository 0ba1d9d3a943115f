## One end of a session, sans-I/O: what is kept for the other end, and what came from it (docs/sessions.md).
##
## The n-th counted message is number n: TCP keeps the order, so that no message carries its number. As Session of
## python/ws_python/protocol/session.py, but that what is kept are whole frames without a mask.
extends RefCounted

const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")

## What a kept message is counted with beside its own bytes.
const KEPT_OVERHEAD := 64
# From here on what was acknowledged is cut off.
const _MOST_BEHIND := 1024

var buffer_size: int
## Numbers: of the last message that was sent, given to a connection, acknowledged by the other end.
var sent := 0
var written := 0
var acknowledged := 0
## Numbers: of the last message that came, and of the last one of which the other end was told so.
var received := 0
var told := 0
## What is kept takes so many bytes.
var kept_size := 0
## How many messages were given to a further connection.
var replayed := 0
## Whether there is a connection that takes messages now.
var is_attached := false
## Whether the other end may turn out not to speak the layer.
var is_tentative := false

# What is kept begins at `_first` in both.
var _kept: Array[PackedByteArray] = []
var _sizes := PackedInt64Array()
var _first := 0
# Bytes that came since the other end was told.
var _untold := 0
var _others_buffer: int


func _init(size: int) -> void:
	buffer_size = size
	_others_buffer = size


# --- out


## Numbers a message, of so many bytes, and keeps it. Whether it goes on the wire now: not while there is no connection
## for it.
func send(frame: PackedByteArray, size: int) -> bool:
	if is_tentative and LayerMessage.has_dle(frame):
		is_attached = false  # It means something else where there is no layer: it waits, and what follows.
	sent += 1
	kept_size += size + KEPT_OVERHEAD
	_kept.append(frame)
	_sizes.append(size + KEPT_OVERHEAD)
	if is_attached:
		written = sent
	return is_attached


## What waits for a connection: called when there is one.
func unwritten() -> Array[PackedByteArray]:
	var waiting := sent - written
	written = sent
	return _kept.slice(_kept.size() - waiting)


## The other end has all up to this number, of which may_have() says that it can be.
func acknowledge(number: int) -> void:
	for _i: int in number - acknowledged:
		kept_size -= _sizes[_first]
		_kept[_first] = PackedByteArray()
		_first += 1
	acknowledged = number
	if _first > _MOST_BEHIND and _first * 2 > _kept.size():
		_kept = _kept.slice(_first)
		_sizes = _sizes.slice(_first)
		_first = 0


## Whether the other end can have received so many.
func may_have(number: int) -> bool:
	return acknowledged <= number and number <= written


## What is wrong where it cannot.
func mismatch(number: int) -> String:
	return "message %d is acknowledged, of %d to %d" % [number, acknowledged, written]


## A new connection: the other end has received all up to this number. What came later is `unwritten` again.
func resumes_at(number: int) -> void:
	acknowledge(number)
	replayed += written - number
	written = number


## There is a connection, and the greetings have told both ends what the other one has received.
func attach() -> void:
	is_attached = true
	is_tentative = false
	told = received
	_untold = 0


# --- in


## A counted message of so many bytes came.
func count(size: int) -> void:
	received += 1
	_untold += size + KEPT_OVERHEAD


## So much the other end keeps, and waits when it is full.
func use_buffer_of_other(size: int) -> void:
	_others_buffer = size


## Whether so much came that the other end should be told at once, lest it has to wait.
func must_tell() -> bool:
	return _untold * 4 >= _others_buffer


## Whether there is something to acknowledge. Once a second will do, but for must_tell(); then it counts as told.
func begin_telling() -> bool:
	if told == received:
		return false
	told = received
	_untold = 0
	return true
