## Reconnecting: when a client tries again, and when it gives up. It counts and waits, and touches no socket.
## As python/ws_python/features/reconnect.py; what the engine does not tell, such as Retry-After, counts for nothing.
extends RefCounted

## Each wait is a random part of the delay, from this share to all of it, lest all clients of a server that restarted
## come back in the same moment.
const LEAST_JITTER := 0.5

## Attempts since there was a connection that held.
var attempt := 0
## When the next attempt begins, on the core's clock; INF while nothing waits.
var next_attempt := INF
## Counts the waits, to tell one from the next.
var waits := 0

var _core: WeakRef
var _doublings := 0
var _since := -1.0
var _opened_at := -INF
var _was_open := false
var _is_recovering := false
var _is_last := false


func _init(core: RefCounted) -> void:
	_core = weakref(core)


func is_waiting() -> bool:
	return next_attempt < INF


func seconds_left(now: float) -> float:
	return maxf(0.0, next_attempt - now) if is_waiting() else 0.0


## The user connects or closes, or there is nothing to come back to: forget what was.
func stop() -> void:
	attempt = 0
	next_attempt = INF
	_doublings = 0
	_since = -1.0
	_opened_at = -INF
	_was_open = false
	_is_recovering = false
	_is_last = false


## A connection is open. Whether it is one that was lost and came back.
func opened() -> bool:
	var came_back := _is_recovering and _was_open
	_is_recovering = false
	_was_open = true
	_opened_at = _core.get_ref().now
	return came_back


## The connection that was open has ended with a code, and perhaps the server said in how many seconds to come back; NAN
## where it did not. Where the client gives up, the answer is why.
func closed(code: int, by_server: bool, come_back_in: float = NAN) -> String:
	var core: RefCounted = _core.get_ref()
	if core.now - _opened_at >= core.node.reconnect_stable_time:
		attempt = 0
		_doublings = 0
		_since = -1.0
	if by_server and code in core.node.reconnect_stop_codes:
		return _give_up("the server has closed with %d, which is one of reconnect_stop_codes" % code)
	var asked := 0.0 if is_nan(come_back_in) else minf(come_back_in, core.node.reconnect_retry_after_max)
	# As it was asked to, once: servers that send it to each other are not asked again and again.
	return _try_again(asked, asked == come_back_in and attempt == 0)


## No connection came to be. The server may have asked to wait for so many seconds.
func failed(may_pass: bool, retry_after: float) -> String:
	var asked := minf(retry_after, _core.get_ref().node.reconnect_retry_after_max)
	return _try_again(asked) if may_pass else _give_up("this does not pass by itself")


## It is time for the next attempt, which begins now.
func begin_attempt() -> void:
	next_attempt = INF
	_core.get_ref().statistics.count("reconnect_attempts")


func _try_again(asked: float, is_exact: bool = false) -> String:
	var core: RefCounted = _core.get_ref()
	var node: Node = core.node
	if not core.keeps_trying():
		stop()
		return ""
	if _since < 0.0:
		_since = core.now
		_is_last = false
	if node.reconnect_max_attempts > 0 and attempt >= node.reconnect_max_attempts:
		return _give_up("%d attempts were made (reconnect_max_attempts)" % attempt)
	var left: float = _since + node.reconnect_max_time - core.now if node.reconnect_max_time > 0.0 else INF
	if left <= 0.0 or _is_last:
		return _give_up("%s s have gone (reconnect_max_time)" % String.num(node.reconnect_max_time))
	if asked > left:
		return _give_up("the server asks to wait for %.0f s, longer than reconnect_max_time" % asked)
	attempt += 1
	waits += 1
	_is_recovering = true
	next_attempt = core.now + (asked if is_exact else _delay(node, asked, left))
	return ""


func _delay(node: Node, asked: float, left: float) -> float:
	var longest := minf(node.reconnect_delay * pow(2.0, _doublings), node.reconnect_delay_max)
	_doublings = mini(_doublings + 1, 32)
	var delay := longest * randf_range(LEAST_JITTER, 1.0)
	if asked > 0.0:
		delay = maxf(delay, asked + longest * randf())  # All were told the same.
	if delay > left:
		_is_last = true
		delay = maxf(asked, left * randf_range(LEAST_JITTER, 1.0))
	return delay


func _give_up(why: String) -> String:
	var core: RefCounted = _core.get_ref()
	var gives_up: bool = core.keeps_trying()
	stop()
	if not gives_up:
		return ""
	core.statistics.count("gave_up")
	return "not tried again: %s" % why
