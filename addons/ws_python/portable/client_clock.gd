## The server's clock at a client: samples over the session layer, as python/ws_python/features/clock.py asks for them.
extends RefCounted

const Clock := preload("res://addons/ws_python/portable/clock.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")

# Seconds between the first samples, and after which one that was not answered is given up.
const _SOON := 0.1
const _GIVEN_UP := 2.0

var clock := Clock.new()

var _core: RefCounted
# The last sample: when it was asked, in microseconds, and whether it is on its way.
var _asked := 0
var _is_asked := false
var _next_look := 0.0


func _init(core: RefCounted) -> void:
	_core = core


func let_go() -> void:
	_core = null


## A connection is opened, or over.
func forget_sample() -> void:
	_is_asked = false


func look(now: float, connection: RefCounted) -> void:
	var interval: float = _core.node.clock_interval
	if now < _next_look or interval <= 0.0 or connection.layer == null or not connection.layer.is_on:
		return
	_next_look = now + _SOON / 2.0
	var since := (Time.get_ticks_usec() - _asked) / 1e6
	var due := _SOON if clock.samples() < Clock.SAMPLES else interval
	if since < (maxf(due, _GIVEN_UP) if _is_asked else due) - _SOON / 2.0 and _asked:
		return
	_asked = Time.get_ticks_usec()
	_is_asked = true
	_send(connection, str(_asked))


## Has the server show that it is there; what it answers counts for nothing else.
static func probe(connection: RefCounted) -> bool:
	if connection.layer == null or not connection.layer.is_on:
		return false
	_send(connection, "0")
	return true


static func _send(connection: RefCounted, head: String) -> void:
	connection.send_layer(LayerMessage.of(LayerMessage.CLOCK, head))
	connection.flush()


## An answer is read.
func sampled(message: LayerMessage, of: WeakRef) -> void:
	var arrived := Clock.now_here()
	var read := Clock.read_answer(message.head)
	if read.is_empty():
		if of.get_ref() != null:
			of.get_ref().layer.error = "the answer to a clock sample without its times"
	elif _is_asked and read[0] == _asked:  # Else it was given up.
		_is_asked = false
		clock.add(Clock.Sample.new(_asked / 1e6, read[1] as float, arrived))
