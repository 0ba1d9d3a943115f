## Callables both ways: Python functions that Godot calls, functions of Godot that Python calls, and connections.
extends "res://tests/godot/suite.gd"


func test_python_functions_are_called() -> void:
	var callables := _callables()
	check_equal(callables.method().call("x"), ["noted", "x"])
	check_equal(callables.get_calls(), ["x"])
	check_equal(callables.function().call(1, "two", null), [3, 1, "two", null])
	check_equal(callables.function().bind(9).call(1), [2, 1, 9])
	check_equal(callables.function().call(), [0])
	check_equal([3, 1].map(callables.function()), [[1, 3], [1, 1]])


func test_python_calls_functions_of_godot() -> void:
	var callables := _callables()
	check_equal(callables.call_it(func(value: int) -> int: return value * 2, 21), 42)
	check_equal(callables.call_it(_negate, 5), -5)
	check_equal(callables.call_it(callables.method(), "back"), ["noted", "back"])


func test_a_round_trip_is_the_same() -> void:
	var callables := _callables()
	var method := callables.method()
	check_equal(callables.method(), method)
	var function := callables.function()
	check(callables.function() != function, "two lambdas")
	check_equal(callables.is_note(callables.method()), true)
	check_equal(callables.is_note(callables.function()), false)
	check_equal(callables.is_same(_negate, _negate), true)
	check_equal(callables.is_same(_negate, check), false)
	check_equal(callables.engine_method(), Callable(callables, "get_child_count"))
	check_equal(callables.engine_method().call(), 0)
	var table := {callables.method(): 1}
	check_equal(table.get(callables.method()), 1)


func test_an_empty_one_is_none() -> void:
	var callables := _callables()
	check_equal(callables.hook, Callable())
	callables.hook = _negate
	check_equal(callables.hook, _negate)
	check_equal(callables.has_hook(), true)
	callables.hook = Callable()
	check_equal(callables.has_hook(), false)
	var untyped: Variant = callables
	untyped.hook = check
	check_equal(untyped.hook, check)
	untyped.hook = Callable()
	check_equal(untyped.has_hook(), false)


func test_validity() -> void:
	var callables := _callables()
	check_equal(callables.function().is_valid(), true)
	check_equal(callables.method().is_valid(), true)
	check_equal(callables.method().get_object(), callables as Object)
	check_equal(str(callables.method()), "Python:Callables.note")
	var other := Callables.new()
	var method := other.method()
	other.free()
	check_equal(method.is_valid(), false)


func test_connections_from_godot() -> void:
	var callables := _callables()
	var log := Node.new()
	callables.add_child(log)
	log.child_entered_tree.connect(callables.method())
	check_equal(log.child_entered_tree.is_connected(callables.method()), true)
	var child := Node.new()
	log.add_child(child)
	check_equal(callables.get_calls(), [child])
	log.child_entered_tree.disconnect(callables.method())
	log.add_child(Node.new())
	check_equal(callables.get_calls(), [child])


func test_connections_from_python() -> void:
	var callables := _callables()
	callables.connect_note(self)
	var child := Node.new()
	add_child(child)
	check_equal(callables.get_calls(), [child])
	callables.disconnect_note(self)
	add_child(Node.new())
	check_equal(callables.get_calls(), [child])
	check_equal(callables.connect_own(), [false, true])
	check_equal(callables.get_calls(), [child, 5])


func test_freeing_a_node_disconnects_its_methods() -> void:
	var other := Callables.new()
	child_entered_tree.connect(other.method())
	check_equal(child_entered_tree.get_connections().size(), 1)
	other.free()
	check_equal(child_entered_tree.get_connections().size(), 0)
	add_child(Node.new())


func test_a_lambda_outlives_its_node() -> void:
	var other := Callables.new()
	var function := other.function()
	other.free()
	check_equal(function.call(1), [1, 1])


func test_an_exception_in_a_callable() -> void:
	var callables := _callables()
	expect_error("SCRIPT ERROR: KeyError: 'in a callable'")
	check_equal(callables.raising().call(), null)
	child_entered_tree.connect(callables.raising().unbind(1))
	expect_error("SCRIPT ERROR: KeyError: 'in a callable'")
	add_child(Node.new())


func _negate(value: int) -> int:
	return -value


func _callables() -> Callables:
	var callables := Callables.new()
	add_child(callables)
	return callables
