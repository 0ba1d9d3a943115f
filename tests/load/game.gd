## The game of tests/chaos, which tells more of itself: how long its frames take, its nodes, its statistics.
##
##   !frames        of the frames since it was last asked: [p50, p99, longest] in ms, first of the processor time of each,
##                  then of the time from one to the next
##   !statistics    get_statistics() of the server
##   !restart       the server stops, and listens again
##   !stall MSEC    as there, but the answer comes first
extends "res://tests/chaos/game.gd"

var _busy_msec := PackedFloat32Array()
var _between_msec := PackedFloat32Array()
var _last_usec := 0


func _process(delta: float) -> bool:
	var busy_usec := _busy_usec
	var result: bool = super(delta)
	var now := Time.get_ticks_usec()
	_busy_msec.append((_busy_usec - busy_usec) / 1000.0)
	_between_msec.append((now - _last_usec) / 1000.0)
	_last_usec = now
	return result


func _obey(id: int, words: PackedStringArray) -> void:
	match words[0]:
		"frames":
			_answer(id, [_told(_busy_msec), _told(_between_msec)])
			_busy_msec.clear()
			_between_msec.clear()
		"statistics":
			_answer(id, _server.get_statistics())
		"restart":
			_server.stop()
			_server.listen(_server.port)
		"stall":
			_answer(id, null)
			OS.delay_msec.call_deferred(int(words[1]))
		_:
			super(id, words)


func _answer(id: int, answer: Variant) -> void:
	_server.send(id, "!" + JSON.stringify(answer))


func _report() -> Dictionary:
	var report: Dictionary = super()
	report["nodes"] = Performance.get_monitor(Performance.OBJECT_NODE_COUNT)
	return report


func _told(times: PackedFloat32Array) -> Array[float]:
	if times.is_empty():
		return [0.0, 0.0, 0.0]
	var sorted := times.duplicate()
	sorted.sort()
	return [sorted[sorted.size() / 2], sorted[sorted.size() * 99 / 100], sorted[-1]]
