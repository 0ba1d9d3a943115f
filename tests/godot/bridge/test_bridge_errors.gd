## Exceptions in Python: a script error each, with Python's file, line and traceback, and the game goes on.
extends "res://tests/godot/suite.gd"


func test_in_a_method() -> void:
	var failing := _failing()
	expect_error("SCRIPT ERROR: LookupError: not found, and")
	check_equal(failing.fails(), 0)
	expect_error("SCRIPT ERROR: LookupError: not found, and")
	check_equal(failing.call("fails"), null)


func test_system_exit_does_not_exit() -> void:
	expect_error("SCRIPT ERROR: SystemExit: 3")
	_failing().exits()


func test_endless_recursion() -> void:
	expect_error("SCRIPT ERROR: RecursionError: maximum recursion depth exceeded")
	check_equal(_failing().recurses(), null)


func test_a_result_of_the_wrong_type() -> void:
	var failing := _failing()
	expect_error("SCRIPT ERROR: TypeError")
	check_equal(failing.wrong_result(), 0)
	expect_error("SCRIPT ERROR: TypeError")
	check_equal(failing.call("wrong_result"), null)


func test_in_a_property() -> void:
	var failing := _failing()
	expect_error("SCRIPT ERROR: ArithmeticError: in a setter")
	failing.setting = 1
	expect_error("SCRIPT ERROR: ArithmeticError: in a getter")
	check_equal(failing.setting, null)


func test_in_a_virtual() -> void:
	var failing := _failing()
	expect_error("SCRIPT ERROR: RuntimeError: in a virtual")
	add_child(failing)
	check_equal(failing.value, 1)


func test_in_a_notification() -> void:
	expect_error("SCRIPT ERROR: RuntimeError: in a notification")
	_failing().notification(NOTIFICATION_PAUSED)


func test_in_init() -> void:
	expect_error("SCRIPT ERROR: ValueError: in __init__")
	var unmade := Unmade.new()
	check_equal(unmade.still_there(), true)
	unmade.free()
	check_equal(_failing().make_unmade(), "in __init__")


func _failing() -> Failing:
	var failing := Failing.new()
	tree_exiting.connect(
		func() -> void:
			if not failing.is_inside_tree():
				failing.free()
	)
	return failing
