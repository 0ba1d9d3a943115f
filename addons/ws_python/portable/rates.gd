## Limits of what one connection may send in a second, with a burst: token buckets, as features/rate_limits.py has them.
## Where one is empty, nothing is taken from the connection until it is not; who does so too long is closed.
extends RefCounted

## What is to be done when more came than is allowed.
enum Verdict { FINE, PAUSE, CLOSE }

const LEAST_PAUSE := 0.1
const IN_A_ROW := 1.0
const _WHAT: Dictionary[String, String] = {
	"max_messages_per_second": "messages",
	"max_bytes_per_second": "bytes",
	"max_control_frames_per_second": "control frames",
}

## The bucket that is empty, for the log: its property, its rate, what it counts, how far it is overdrawn.
var emptiest := ""
var rate := 0.0
var what := ""
var beyond := 0.0
var paused_until := -INF

var _rates: Dictionary[String, float] = {}
var _left: Dictionary[String, float] = {}
# How much of each was counted before.
var _seen: Dictionary[String, int] = {}
var _burst := 2.0
var _at := 0.0
var _paused_since := -INF


## By the limits of a node at this moment; null where it has none. Control frames count where they can be seen.
static func of(node: Node, now: float, sees_control_frames: bool = false) -> RefCounted:
	var rates := {
		"max_messages_per_second": float(node.get(&"max_messages_per_second")),
		"max_bytes_per_second": float(node.get(&"max_bytes_per_second")),
	}
	if sees_control_frames:
		rates["max_control_frames_per_second"] = float(node.get(&"max_control_frames_per_second"))
	var made: RefCounted = new()
	for limit: String in rates:
		if rates[limit] > 0.0:
			made._rates[limit] = rates[limit]
			made._left[limit] = maxf(1.0, rates[limit] * node.get(&"rate_burst"))
	made._burst = node.get(&"rate_burst")
	made._at = now
	return null if made._rates.is_empty() else made


func is_paused(now: float) -> bool:
	return now < paused_until


## A message came of so many bytes on the wire.
func take(size: int) -> void:
	if _left.has("max_messages_per_second"):
		_left["max_messages_per_second"] -= 1.0
	if _left.has("max_bytes_per_second"):
		_left["max_bytes_per_second"] -= size


## So many messages, bytes and control frames have come until now, in all.
func look_at(messages: int, bytes: int, control_frames: int, now: float, timeout: float) -> Verdict:
	var is_used := false
	for limit: String in _rates:
		var total := messages
		if limit == "max_bytes_per_second":
			total = bytes
		elif limit == "max_control_frames_per_second":
			total = control_frames
		var used: int = total - _seen.get(limit, 0)
		is_used = is_used or used > 0
		_left[limit] -= used
		_seen[limit] = total
	return look(now, timeout) if is_used else Verdict.FINE


func look(now: float, timeout: float) -> Verdict:
	var seconds := now - _at
	_at = now
	var worst := 0.0
	for limit: String in _rates:
		_left[limit] = minf(_left[limit] + seconds * _rates[limit], maxf(1.0, _rates[limit] * _burst))
		var wait := -_left[limit] / _rates[limit]
		if wait > worst:
			worst = wait
			emptiest = limit
			rate = _rates[limit]
			what = _WHAT[limit]
			beyond = -_left[limit]
	if worst <= 0.0:
		return Verdict.FINE
	if now - paused_until > IN_A_ROW:
		_paused_since = now
	paused_until = now + maxf(LEAST_PAUSE, worst)
	return Verdict.CLOSE if timeout > 0.0 and paused_until - _paused_since > timeout else Verdict.PAUSE
