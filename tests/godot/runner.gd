## Runs suites: `godot --headless --path . --script res://tests/godot/runner.gd -- [suite ...]`, all of them by default.
## `--without=suite.test` leaves out a test.
##
## A suite is a script `test_*.gd` beside this one, derived from suite.gd; a test is a method `test_*` of it, which may
## await. Each test has a suite node of its own, freed after it with all that it holds, and a deadline. One line is
## printed at the start of each test and one at its end; the last line counts them. Exit code 0 means that tests were
## run and all of them passed.
extends SceneTree

const Suite := preload("res://tests/godot/suite.gd")

const FOLDER := "res://tests/godot/"
const DEADLINE_MSEC := 20_000
## The engine's default of 6900 between two frames without a window would be most of what the tests take.
const FRAME_SLEEP_USEC := 1000

var _passed := 0
var _failed := 0
var _without := PackedStringArray()


func _initialize() -> void:
	OS.low_processor_usage_mode_sleep_usec = FRAME_SLEEP_USEC
	_run.call_deferred()


func _run() -> void:
	var suites := PackedStringArray()
	for argument: String in OS.get_cmdline_user_args():
		if argument.begins_with("--without="):
			_without.append(argument.trim_prefix("--without="))
		else:
			suites.append(argument)
	if suites.is_empty():
		suites = _find_suites()
	for suite: String in suites:
		await _run_suite(suite)
	print("godot: %d passed, %d failed" % [_passed, _failed])
	quit(0 if _passed > 0 and _failed == 0 else 1)


func _find_suites() -> PackedStringArray:
	var found := PackedStringArray()
	for file: String in DirAccess.get_files_at(FOLDER):
		if file.begins_with("test_") and file.ends_with(".gd"):
			found.append(file.get_basename())
	return found


func _run_suite(suite: String) -> void:
	var script := load(FOLDER + suite + ".gd") as GDScript
	if script == null or not script.can_instantiate():
		_report(suite, ["the script cannot be loaded"])
		return
	for method: Dictionary in script.get_script_method_list():
		var method_name: String = method["name"]
		if method_name.begins_with("test_") and not _without.has("%s.%s" % [suite, method_name]):
			await _run_test(script, suite, method_name)


func _run_test(script: GDScript, suite: String, method: String) -> void:
	var test_name := "%s.%s" % [suite, method]
	print("test %s" % test_name)
	var node: Suite = script.new()
	node.name = suite
	root.add_child(node)
	var deadline := Time.get_ticks_msec() + DEADLINE_MSEC
	_drive(node, method)
	while not node.is_done and Time.get_ticks_msec() < deadline:
		await process_frame
	if not node.is_done:
		node.failures.append("not done after %d s" % (DEADLINE_MSEC / 1000.0))
	elif node.checks == 0:
		node.failures.append("checked nothing: it is empty, or an error ended it")
	_report(test_name, node.failures)
	paused = false
	node.queue_free()
	# A frame to free it, and one to see what comes of that.
	await process_frame
	await process_frame


## Separate, so that the deadline is kept while the test awaits.
func _drive(node: Suite, method: String) -> void:
	await node.call(method)
	node.is_done = true


func _report(test_name: String, failures: PackedStringArray) -> void:
	if failures.is_empty():
		_passed += 1
		print("ok %s" % test_name)
		return
	_failed += 1
	for failure: String in failures:
		print("FAIL %s: %s" % [test_name, failure])
