## Methods of Python classes: default arguments, types and errors through both call paths, virtuals, derived classes.
extends "res://tests/godot/suite.gd"

var _probes: Array[Probe] = []


func _exit_tree() -> void:
	for probe: Probe in _probes:
		if is_instance_valid(probe):
			probe.free()


func test_typed_calls_with_defaults() -> void:
	var probe := _probe()
	check_equal(probe.add(1), 111)
	check_equal(probe.add(1, 2), 103)
	check_equal(probe.add(1, 2, 3), 6)
	check_equal(probe.kinds(), "Kind.KIND_OTHER")
	check_equal(probe.kinds(Probe.KIND_FIRST), "Kind.KIND_FIRST")
	check_equal(probe.optional(), true)
	check_equal(probe.optional(probe), false)
	check_equal(probe.optional(null), true)
	check_equal(probe.takes_node(probe), "probe")
	check_equal(probe.error(), ERR_BUSY)
	check_equal(Probe.twice(1.25), 2.5)
	probe.nothing()


func test_untyped_calls_with_defaults() -> void:
	var probe: Variant = _probe()
	check_equal(probe.add(1), 111)
	check_equal(probe.call("add", 1, 2), 103)
	check_equal(probe.callv("add", [1, 2, 3]), 6)
	check_equal(probe.kinds(), "Kind.KIND_OTHER")
	check_equal(probe.kinds(0), "Kind.KIND_FIRST")
	check_equal(probe.optional(), true)
	check_equal(probe.optional(probe), false)
	check_equal(probe.takes_node(probe), "probe")
	check_equal(probe.error(), ERR_BUSY)
	check_equal(probe.twice(1.25), 2.5)
	check_equal(ClassDB.class_call_static("Probe", "twice", 4.0), 8.0)
	check_equal(probe.call("nothing"), null)


func test_arguments_are_converted_as_gdscript_does() -> void:
	var probe: Variant = _probe()
	check_equal(probe.add(1.9), 111)
	check_equal(probe.add(true), 111)
	check_equal(probe.twice(2), 4.0)
	check_equal(probe.lists(["a", "b"], {"k": 1}), "list dict ['a', 'b'] ['k']")
	check_equal(probe.lists(PackedStringArray(["a"]), {}), "list dict ['a'] []")


func test_a_wrong_call_is_an_error_of_gdscript() -> void:
	expect_error("SCRIPT ERROR: Invalid type in function 'add' in base 'Node \\(Probe\\)'|Cannot convert argument 1")
	_call_wrongly(func(probe: Variant) -> void: probe.add("text"))
	expect_error("SCRIPT ERROR: Invalid call to function 'add'.* Expected 3 argument|too many arguments")
	_call_wrongly(func(probe: Variant) -> void: probe.add(1, 2, 3, 4))
	expect_error("SCRIPT ERROR: Invalid call to function 'add'.* Expected 1 argument|too few arguments")
	_call_wrongly(func(probe: Variant) -> void: probe.add())
	expect_error("SCRIPT ERROR: Invalid type in function 'takes_node'|Cannot convert argument 1")
	_call_wrongly(func(probe: Variant) -> void: probe.takes_node(RefCounted.new()))
	expect_error("SCRIPT ERROR: Invalid call.* Nonexistent function 'no_such'")
	_call_wrongly(func(probe: Variant) -> void: probe.no_such())


func test_a_freed_argument_is_none() -> void:
	var probe := _probe()
	var node := Node.new()
	node.free()
	check_equal(probe.optional(node), true)
	check_equal(probe.call("optional", node), true)


func test_the_class_says_what_it_takes() -> void:
	var add := _method("add")
	var arguments: Array = add["args"]
	var first: Dictionary = arguments[0]
	check_equal(first["name"], "a")
	check_equal(first["type"], TYPE_INT)
	check_equal(add["default_args"], [10, 100])
	var result: Dictionary = add["return"]
	check_equal(result["type"], TYPE_INT)
	var optional: Dictionary = _method("optional")["args"][0]
	check_equal(optional["class_name"], &"Node")
	var kind: Dictionary = _method("kinds")["args"][0]
	check_equal(kind["class_name"], &"Probe.Kind")
	check_equal(_method("twice")["flags"] & METHOD_FLAG_STATIC, METHOD_FLAG_STATIC)


func test_virtuals() -> void:
	var probe := _probe()
	add_child(probe)
	Input.parse_input_event(InputEventKey.new())
	await until(func() -> bool: return probe.get_log().has("input InputEventKey"), "_input")
	await until(func() -> bool: return probe.get_log().has("process"), "_process")
	check_equal(probe.get_log().slice(0, 2), PackedStringArray(["enter_tree", "ready"]))


func test_notification() -> void:
	var probe := _probe()
	probe.notification(NOTIFICATION_PAUSED)
	check_equal(probe.get_log(), PackedStringArray(["paused"]))


func test_derived_class() -> void:
	var derived := Derived.new()
	derived.name = "derived"
	add_child(derived)
	check_equal(derived.get_log(), PackedStringArray(["derived", "enter_tree", "ready", "derived ready"]))
	check_equal(derived.add(1), 111)
	check_equal(derived.overridden(), "Derived of Probe")
	check_equal(derived.call("overridden"), "Derived of Probe")
	var as_parent: Probe = derived
	check_equal(as_parent.overridden(), "Derived of Probe", "through the parent's type")
	check_equal(derived.extra, 7)
	check_equal(derived.speed, 1.5)
	check_equal(derived is Probe, true)
	check_equal(ClassDB.get_parent_class("Derived"), &"Probe")
	check_equal(_probe().overridden(), "Probe")


func test_a_typed_null() -> void:
	var node: Node = null
	check_equal(_probe().optional(node), true)
	check_equal(_takes_a_default(), true)


func _takes_a_default(node: Node = null) -> bool:
	return _probe().optional(node)


func test_a_script_extends_a_python_class() -> void:
	var script := GDScript.new()
	script.source_code = "extends Probe\nfunc both() -> int:\n\treturn add(1) + int(speed)\n"
	check_equal(script.reload(), OK)
	var node: Node = script.new()
	check_equal(node.call("both"), 112)
	node.free()


func test_a_method_frees_its_node() -> void:
	var probe: Probe = Probe.new()
	check_equal(probe.free_myself(), "freed")
	check_equal(is_instance_valid(probe), false)


func test_a_control_is_initialised() -> void:
	var panel := Panel2.new()
	add_child(panel)
	check_equal(panel.has_theme_font("font", "Label"), true)
	check_equal(panel.get_combined_minimum_size(), Vector2(30.0, 40.0), "_get_minimum_size")
	for made: Control in [panel.made_here(), panel.engine_made_here()]:
		add_child(made)
		made.size = Vector2(50.0, 60.0)
		check_equal(made.size, Vector2(50.0, 60.0))


## A probe that is freed with this suite.
func _probe() -> Probe:
	var probe := Probe.new()
	probe.name = "probe"
	_probes.append(probe)
	return probe


func _call_wrongly(call_it: Callable) -> void:
	call_it.call(_probe())


func _method(method_name: String) -> Dictionary:
	for method: Dictionary in ClassDB.class_get_method_list("Probe", true):
		if method["name"] == method_name:
			return method
	return {}


func test_a_method_that_is_awaited() -> void:
	var late := Late.new()
	var at_once := await late.arrival(true)
	check(at_once == late, "at once")
	var seen: Array[bool] = []
	var wait := func() -> void:
		var typed := await late.arrival(false)
		seen.append(typed == late)
		var any: Variant = late
		seen.append((await any.arrival(false)) == late)
	wait.call()
	check_equal(seen, [] as Array[bool])
	late.arrived.emit(late)
	check_equal(seen, [true] as Array[bool])
	late.arrived.emit(late)
	check_equal(seen, [true, true] as Array[bool])
	late.free()
