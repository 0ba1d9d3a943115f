## Exceptions in Python: a script error each, with Python's file, line and traceback, and the game goes on.
extends "res://tests/godot/suite.gd"

## Types that have another name in Python.
const PYTHON_NAMES := {TYPE_STRING: "str", TYPE_PACKED_BYTE_ARRAY: "bytes"}
const TYPED_CALL := """
extends Node
func result(failing: Failing) -> Variant:
	var value: %s = failing.%s()
	return value
"""


func test_in_a_method() -> void:
	var failing := _failing()
	expect_error("SCRIPT ERROR: LookupError: not found, and")
	check_equal(failing.fails(), 0)
	expect_error("SCRIPT ERROR: LookupError: not found, and")
	check_equal(failing.call("fails"), 0)


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
	check_equal(failing.call("wrong_result"), 0)


func test_a_result_of_the_wrong_class() -> void:
	var failing := _failing()
	for wrong: String in ["RandomNumberGenerator", "str"]:
		expect_error("SCRIPT ERROR: TypeError: a Node is needed, not " + wrong)
		expect_error("SCRIPT ERROR: TypeError: a Node is needed, not " + wrong)
	var typed: Node = failing.wrong_class()
	check(typed == null, "no object")
	check(failing.call("wrong_class") == null, "no object")
	typed = failing.no_object()
	check(typed == null, "no object")
	check(failing.call("no_object") == null, "no object")


func test_the_result_of_a_method_that_raises() -> void:
	var failing := _failing()
	for i: int in 2:
		expect_error("SCRIPT ERROR: LookupError: no Error")
		expect_error("SCRIPT ERROR: LookupError: no value")
	check_equal(failing.error(), FAILED)
	check_equal(failing.call("error"), FAILED)
	check_equal(failing.any_value(), null)
	check_equal(failing.call("any_value"), null)


func test_no_result_is_what_was_in_its_place_before() -> void:
	var failing := _failing()
	for i: int in 2:
		expect_error("SCRIPT ERROR: LookupError: no result")
	check(failing.value + 40 > 0 and failing.fail_int() == 0, "an int")
	check(failing.value + 0.5 > 0.0 and failing.fail_float() == 0.0, "a float")


func test_the_result_of_a_method_that_raises_is_the_default_of_each_type() -> void:
	var failing := _failing()
	for type: int in range(TYPE_BOOL, TYPE_MAX):
		for i: int in 2:
			expect_error("SCRIPT ERROR: LookupError: no result")
	for type: int in range(TYPE_BOOL, TYPE_MAX):
		var method: String = "fail_" + PYTHON_NAMES.get(type, type_string(type))
		var expected: Variant = "" if type == TYPE_STRING else type_convert(null, type)
		check_equal(failing.call(method), expected, method)
		var script := GDScript.new()
		script.source_code = TYPED_CALL % [type_string(type), method]
		check_equal(script.reload(), OK)
		var typed: Node = script.new()
		check_equal(typed.call("result", failing), expected, "typed " + method)
		typed.free()


func test_in_a_property() -> void:
	var failing := _failing()
	expect_error("SCRIPT ERROR: ArithmeticError: in a setter")
	failing.setting = 1
	expect_error("SCRIPT ERROR: ArithmeticError: in a getter")
	check_equal(failing.setting, 0)


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
