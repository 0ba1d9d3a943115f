## Errors that the other side of one connection causes: each is logged once, and at the end how often it came.
extends RefCounted

## Too much waits to be sent.
const FULL := "outbound_buffer_size is reached"

var _counts: Dictionary[String, int] = {}
var _told_at := -INF
# The cause that has begun anew: its next one is logged, too.
var _again := ""


func add(cause: String, text: String, now: float) -> void:
	_counts[cause] = _counts.get(cause, 0) + 1
	if _counts[cause] == 1 or cause == _again:
		_again = ""
		_told_at = now
		push_error(text)


## A cause begins anew: the next one is logged, but no more than one in a second.
func begin_again(cause: String, now: float) -> void:
	if now - _told_at >= 1.0:
		_again = cause


## `whom` is the other side.
func tell(whom: String) -> void:
	for cause: String in _counts:
		if _counts[cause] > 1:
			push_error("%s: %d times in all, to %s" % [cause, _counts[cause], whom])
	_counts.clear()
