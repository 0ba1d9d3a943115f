## What a client's server says before it closes: come back in a while, perhaps elsewhere. The session goes on there.
extends RefCounted

const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const SessionLayer := preload("res://addons/ws_python/portable/session_layer.gd")
const Url := preload("res://addons/ws_python/portable/url.gd")

# More milliseconds than anybody waits: eleven days and a half.
const _MOST_DIGITS := 9

var _core: RefCounted
var _told_of: RefCounted
var _told: Move


## In how many seconds to come back, and to which URL; null for the same one.
class Move:
	extends RefCounted

	var seconds := 0.0
	var url: Url


func _init(core: RefCounted) -> void:
	_core = core


func let_go() -> void:
	_core = null


func hear(connection: RefCounted, message: LayerMessage) -> void:
	var delay := message.head.get_slice(" ", 0)
	if not SessionLayer.is_number(delay, _MOST_DIGITS):
		_core.statistics.count("moves_unreadable")
		connection.complain(
			"unreadable moves", "a server that asks to come back later does not say in how many milliseconds"
		)
		return
	_told_of = connection
	_told = Move.new()
	_told.seconds = delay.to_int() / 1000.0
	if message.head.length() > delay.length() + 1:
		_told.url = _checked(Url.new(message.head.substr(delay.length() + 1)), connection)


## Null where this client does not go there: what was encrypted stays so.
func _checked(there: Url, connection: RefCounted) -> Url:
	var why := there.problem
	if there.is_unix():
		why = "a Unix socket and a host do not send to each other"
	elif not why and _core.url.is_secure and not there.is_secure:
		why = "it is not encrypted, as the connection was"
	if not why:
		return there
	_core.statistics.count("moves_refused")
	connection.complain(
		"refused moves",
		(
			"%s: the server asks to come back to %s, where this client does not go: %s; it comes back to the same one"
			% [_core.url.redacted(), there.redacted(), why]
		)
	)
	return null


## What the server had said of that connection, which is over; null for nothing.
func taken(connection: RefCounted) -> Move:
	var told := _told if _told_of == connection else null
	_told = null
	_told_of = null
	if told != null:
		_core.statistics.count("moves_followed")
	return told
