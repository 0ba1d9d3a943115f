## Threads, and many nodes, calls and values: nothing is left of them.
extends "res://tests/godot/suite.gd"

const MANY := 10_000
## What `_work` may leave in the engine, in bytes, before it counts as growth: far less than one for each of its steps.
const SLACK := 8_000


func test_nothing_is_left_of_many_nodes_and_calls() -> void:
	var census := Census.new()
	add_child(census)
	# What is made once (names, caches) is made here.
	for i: int in 3:
		_work(200)
	_work(MANY)
	var objects := census.objects()
	var memory := OS.get_static_memory_usage()
	var nodes := Performance.get_monitor(Performance.OBJECT_COUNT)
	var resident := _resident_kilobytes()
	_work(MANY)
	check(census.objects() - objects < 20, "%d more Python objects" % (census.objects() - objects))
	check_equal(Performance.get_monitor(Performance.OBJECT_COUNT), nodes)
	var grown := OS.get_static_memory_usage() - memory
	check(grown < SLACK, "%d bytes more in the engine" % grown)
	var resident_grown := _resident_kilobytes() - resident
	check(resident_grown < 2000, "%d KB more in the process" % resident_grown)


func test_threads_of_godot() -> void:
	var threads := _threads()
	var running: Array[Thread] = []
	for i: int in 4:
		var thread := Thread.new()
		thread.start(func() -> int: return threads.count(1000))
		running.append(thread)
	threads.count(1000)
	for thread: Thread in running:
		thread.wait_to_finish()
	check_equal(threads.count(0), 5000)


func test_python_waits_for_a_thread_that_calls_python() -> void:
	var threads := _threads()
	var thread := Thread.new()
	thread.start(func() -> int: return threads.count(1000))
	check_equal(threads.wait_for(thread), 1000)


func test_a_thread_of_python() -> void:
	var threads := _threads()
	threads.start_ticking()
	await until(func() -> bool: return threads.get_ticks() > 10, "ticks")
	threads.stop_ticking()


func test_a_signal_emitted_on_another_thread() -> void:
	var callables := Callables.new()
	add_child(callables)
	var thread := Thread.new()
	thread.start(func() -> Variant: return callables.method().call("from a thread"))
	check_equal(thread.wait_to_finish(), ["noted", "from a thread"])


func _threads() -> Threads:
	var threads := Threads.new()
	add_child(threads)
	return threads


func _work(times: int) -> void:
	var echo := Echo.new()
	var callables := Callables.new()
	var objects := Objects.new()
	var table := {"a": [1, 2]}
	var data := PackedByteArray([1, 2, 3])
	for i: int in times:
		var probe := Probe.new()
		probe.title = "title %d" % (i % 10)
		probe.names = ["a", "b"]
		probe.emit_happened("x", 1.0)
		probe.happened.connect(callables.function())
		probe.emit_happened("x", 1.0)
		echo.echo_bytes(data)
		echo.echo_str("text of %d" % (i % 10))
		echo.call("in_list", table)
		echo.call("echo", [probe, i, 1.5, "text", table, callables.method(), Vector2.ONE, ^"a/b"])
		objects.make_reference()
		objects.call("make_any_reference")
		objects.keep(probe)
		objects.keep(null)
		probe.free()
	echo.free()
	callables.free()
	objects.free()


func _resident_kilobytes() -> int:
	var status := FileAccess.get_file_as_string("/proc/self/status")
	return status.get_slice("VmRSS:", 1).strip_edges().get_slice(" ", 0).to_int()
