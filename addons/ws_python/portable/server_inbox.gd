## What arrived at the connections of a server is handed out, 16 events of each in turn, so that nobody keeps others
## waiting.
##
## What is handed out is taken away before, and whose turn it is is shared: so a handler may poll; nothing comes twice
## or out of order.
extends RefCounted

# How deep polls in handlers may nest in one another.
const _MOST_NESTED := 16
const _TURN := 16

## Connections that have something to hand out.
var waiting: Array[RefCounted] = []
## While a supervisor is asked, nothing may overtake its message.
var is_held := false
## Called with a connection and what it has: String, PackedByteArray, Array or Happening. Null: nobody is to be told
## any more.
var teller: Object

var _current: RefCounted
var _left := 0
var _nested := 0


## Hands out until `until`, in microseconds of Time.get_ticks_usec(); at least one turn.
func deliver(until: int) -> void:
	if _nested == _MOST_NESTED or is_held:
		return
	_nested += 1
	while teller != null:
		if _current == null or _left <= 0:
			if _current != null:
				waiting.append(_current)
				_current = null
			if waiting.is_empty() or (_left <= 0 and Time.get_ticks_usec() >= until):
				_left = 1
				break
			_current = waiting.pop_front()
			_left = _TURN
		_hand_out(_current)
	_nested -= 1


func _hand_out(connection: RefCounted) -> void:
	if connection.is_parked:
		connection.is_waiting = false
		_current = null
	elif connection.next < connection.events.size():
		var event: Variant = connection.events[connection.next]
		connection.events[connection.next] = null
		connection.next += 1
		_left -= 1
		var telling := teller  # A handler may free the server: then nobody else keeps it.
		telling.hand_out(connection, event)
	elif connection.refill():
		_left = 0
	else:
		connection.is_waiting = false
		_current = null


## Nobody is to be told of anything any more.
func end() -> void:
	teller = null
	waiting.clear()
	_current = null
