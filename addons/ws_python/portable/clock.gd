## The other side's clock, sans-I/O: from samples to its time, its error, and a clock that never goes back.
##
## As python/ws_python/protocol/clock.py, which says why. Where the arrival of an answer is known only by the frame that
## read it, as here, frames of both sides are a part of the error.
extends RefCounted

const SessionLayer := preload("res://addons/ws_python/portable/session_layer.gd")

## Samples that count, the newest; and without which nothing is said: one alone may have had bad luck.
const SAMPLES := 8
const NEEDED := 4
const MOST_DIGITS := 16

# How much faster or slower than the other side's clock ours may be, and by how much the one that is shown is corrected.
const _DRIFT := 100e-6
const _SLEW := 0.005
# Seconds that are not slewed: the clock jumps ahead, or stands still. A machine was asleep.
const _STEP := 0.25

var is_known := false

var _samples: Array[Sample] = []
# What is to be added to our clock, how far off that may be, and since when that grows.
var _difference := 0.0
var _error := 0.0
var _since := 0.0
# Of the clock that is shown: the last time that was given, and at what time of ours; before the first: NAN.
var _shown := NAN
var _shown_at := 0.0


## Seconds: of our clock, but `answered`, which is of the other side's.
class Sample:
	extends RefCounted

	var asked: float
	var answered: float
	var arrived: float

	func _init(at: float, time: float, came: float) -> void:
		asked = at
		answered = time
		arrived = came

	## The difference of the clocks is not less: the answer did not arrive before it was sent.
	func low() -> float:
		return answered - arrived

	## The difference of the clocks is not more: the answer was not sent before it was asked for.
	func high() -> float:
		return answered - asked

	## How far the clocks may have drifted apart since.
	func slack(now: float) -> float:
		return _DRIFT * maxf(now - arrived, 0.0)


## How many samples count now.
func samples() -> int:
	return _samples.size()


## It is another clock from now on: forgets this one.
func restart() -> void:
	_samples.clear()
	is_known = false
	_shown = NAN


## Takes a sample. One that contradicts itself is left out. Where it contradicts those before it, one of the clocks has
## jumped: they are forgotten.
func add(sample: Sample) -> void:
	if sample.arrived < sample.asked:
		return
	if not _samples.is_empty() and not _agrees(sample):
		_samples.clear()
		_error = INF
	_samples.append(sample)
	if _samples.size() > SAMPLES:
		_samples.pop_front()
	if _samples.size() >= NEEDED:
		_combine(sample.arrived)
		is_known = true


## Whether one difference of the clocks fits to a sample and to those before it.
func _agrees(sample: Sample) -> bool:
	var low := -INF
	var high := INF
	for other: Sample in _samples:
		low = maxf(low, other.low() - other.slack(sample.arrived))
		high = minf(high, other.high() + other.slack(sample.arrived))
	return sample.low() <= high and sample.high() >= low


func _combine(now: float) -> void:
	# An arrival that was seen late makes its bound lower and never higher: the highest one is the best.
	var best := _samples[0]
	var high := INF
	for sample: Sample in _samples:
		high = minf(high, sample.high() + sample.slack(now))
		if sample.low() - sample.slack(now) > best.low() - best.slack(now):
			best = sample
	var width := maxf(high - best.low(), 0.0)
	_difference = best.low() + width / 2.0
	_error = width / 2.0 + best.slack(now)
	_since = now


## The other side's time at `now` of ours. It never goes back; 0 where nothing is known.
func time(now: float) -> float:
	if not is_known:
		return 0.0
	var target := now + _difference
	_shown = target if is_nan(_shown) else _slewed(target, now - _shown_at)
	_shown_at = now
	return _shown


func _slewed(target: float, seconds: float) -> float:
	var passed := maxf(seconds, 0.0)
	var ahead := target - _shown - passed
	if ahead > _STEP:
		return target
	if ahead < -_STEP:
		return maxf(_shown, minf(_shown + passed, target))
	return _shown + passed + clampf(ahead, -_SLEW * passed, _SLEW * passed)


## How far off time() may be, in seconds, at the most; infinite where nothing is known.
func error(now: float) -> float:
	if not is_known:
		return INF
	var target := now + _difference
	var off := 0.0 if is_nan(_shown) else absf(_slewed(target, now - _shown_at) - target)
	return _error + _DRIFT * maxf(now - _since, 0.0) + off


# --- what is on the wire


## Of this clock, in seconds.
static func now_here() -> float:
	return Time.get_ticks_usec() / 1e6


## The head of the answer to a sample that asks; "" where it is none.
static func answer(head: String) -> String:
	return "%s %d" % [head, Time.get_ticks_usec()] if _is_usec(head) else ""


## Of the head of an answer: which question, in microseconds of our clock, and the other side's time; [] where it is
## none.
static func read_answer(head: String) -> Array:
	var space := head.find(" ")
	if space < 0 or not _is_usec(head.left(space)) or not _is_usec(head.substr(space + 1)):
		return []
	return [head.left(space).to_int(), head.substr(space + 1).to_int() / 1e6]


static func is_answer(head: String) -> bool:
	return head.contains(" ")


static func _is_usec(text: String) -> bool:
	return SessionLayer.is_number(text, MOST_DIGITS) and text.to_int() <= SessionLayer.LayerMessage.MOST
