## Properties, signals, enums, constants and the icon of a Python class, as Godot's ClassDB has them.
extends "res://tests/godot/suite.gd"


func test_defaults() -> void:
	var probe := _probe()
	check_equal(probe.title, "a title")
	check_equal(probe.speed, 1.5)
	check_equal(probe.kind, Probe.KIND_OTHER)
	check_equal(probe.names, PackedStringArray(["x"]))
	check_equal(probe.table, {})
	check(probe.target == null, "no target")
	check_equal(probe.data, PackedByteArray())
	check_equal(probe.position, Vector2(1.0, 2.0))
	check_equal(ClassDB.class_get_property_default_value("Probe", "speed"), 1.5)
	check_equal(ClassDB.class_get_property_default_value("Probe", "names"), PackedStringArray(["x"]))
	check_equal(ClassDB.class_get_property_default_value("Probe", "kind"), 5)


func test_set_and_get_typed() -> void:
	var probe := _probe()
	probe.title = "another"
	probe.speed = 2
	probe.kind = Probe.KIND_FIRST
	probe.names = ["a", "b"]
	probe.table = {"k": 1}
	probe.target = self
	probe.data = PackedByteArray([1])
	check_equal(probe.title, "another")
	check_equal(probe.speed, 2.0)
	check_equal(probe.kind, Probe.KIND_FIRST)
	check_equal(probe.names, PackedStringArray(["a", "b"]))
	check_equal(probe.table, {"k": 1})
	check_equal(probe.target, self as Node)
	check_equal(probe.data, PackedByteArray([1]))
	probe.set_title("by setter")
	check_equal(probe.get_title(), "by setter")


func test_set_and_get_untyped() -> void:
	var probe: Node = _probe()
	probe.set("title", "another")
	check_equal(probe.get("title"), "another")
	probe["speed"] = 3
	check_equal(probe["speed"], 3.0)
	var untyped: Variant = probe
	untyped.turns = 4
	check_equal(untyped.turns, 4)
	check_equal(untyped.read_only, "read")


func test_each_node_has_its_own_default_list() -> void:
	var one := _probe()
	var other := _probe()
	one.table["mine"] = 1
	check_equal(other.table, {})
	check_equal(ClassDB.class_get_property_default_value("Probe", "table"), {})


func test_a_property_of_python_code() -> void:
	var probe := _probe()
	probe.strict = 5
	check_equal(probe.strict, 5)
	expect_error("SCRIPT ERROR: ValueError: strict is never negative")
	probe.strict = -1
	check_equal(probe.strict, 5)


func test_a_node_hears_that_its_property_was_set() -> void:
	var probe := _probe()
	check_equal(probe.mood, "calm")
	probe.mood = "eager"
	probe.set("mood", "bored")
	check_equal(probe.get_log().slice(-2), PackedStringArray(["mood eager", "mood bored"]))


func test_a_property_of_the_wrong_type() -> void:
	var probe: Variant = _probe()
	expect_error("SCRIPT ERROR: Invalid assignment of property or key 'speed'|Invalid type")
	_assign(probe, "text")
	check_equal(probe.speed, 1.5)


func test_hints_and_groups() -> void:
	var speed := _property("speed")
	check_equal(speed["type"], TYPE_FLOAT)
	check_equal(speed["hint"], PROPERTY_HINT_RANGE)
	check_equal(speed["hint_string"], "0,10,0.5,suffix:m/s")
	check_equal(speed["usage"] & PROPERTY_USAGE_DEFAULT, PROPERTY_USAGE_DEFAULT)
	var kind := _property("kind")
	check_equal(kind["hint"], PROPERTY_HINT_ENUM)
	check_equal(kind["hint_string"], "First:0,Other:5")
	check_equal(kind["class_name"], &"Probe.Kind")
	check_equal(_property("turns")["hint_string"], "-5,5")
	check_equal(_property("target")["class_name"], &"Node")
	check_equal(_property("Motion")["usage"], PROPERTY_USAGE_GROUP)
	check_equal(_property("Details")["usage"], PROPERTY_USAGE_SUBGROUP)
	check_equal(_property("Place")["usage"], PROPERTY_USAGE_GROUP)
	check_equal(_property("strict")["usage"] & PROPERTY_USAGE_DEFAULT, PROPERTY_USAGE_NONE)
	var names: Array = _names(ClassDB.class_get_property_list("Probe", true))
	check(names.find("Motion") < names.find("speed"), "the group before its first property")
	check(names.find("speed") < names.find("Details"), "the subgroup in the group")


func test_a_scene_keeps_what_was_set() -> void:
	var probe := _probe()
	probe.speed = 4.0
	var scene := PackedScene.new()
	check_equal(scene.pack(probe), OK)
	var state := scene.get_state()
	var saved := []
	for i: int in state.get_node_property_count(0):
		saved.append(state.get_node_property_name(0, i))
	check_equal(saved, [&"speed"], "only what is not the default")
	var again: Probe = scene.instantiate()
	check_equal(again.speed, 4.0)
	again.free()


func test_enums_and_constants() -> void:
	check_equal(Probe.LIMIT, 12)
	check_equal(Probe.KIND_OTHER, 5)
	check_equal(ClassDB.class_get_enum_list("Probe", true), PackedStringArray(["Kind"]))
	check_equal(
		ClassDB.class_get_enum_constants("Probe", "Kind", true), PackedStringArray(["KIND_FIRST", "KIND_OTHER"])
	)
	check_equal(ClassDB.class_get_integer_constant("Probe", "LIMIT"), 12)


func test_signals() -> void:
	var list := ClassDB.class_get_signal_list("Probe", true)
	check_equal(_names(list), ["happened", "quiet"])
	var arguments: Array = list[0]["args"]
	check_equal(_names(arguments), ["what", "amount", "by"])
	check_equal(
		arguments.map(func(info: Dictionary) -> int: return info["type"]), [TYPE_STRING, TYPE_FLOAT, TYPE_OBJECT]
	)
	var probe := _probe()
	var got := []
	probe.happened.connect(
		func(what: String, amount: float, by: Object) -> void: got.append([what, amount, by == probe])
	)
	probe.emit_happened("now", 2.5)
	check_equal(got, [["now", 2.5, true]])
	expect_error("SCRIPT ERROR: TypeError: the signal happened has 3 arguments, 1 given")
	probe.emit_wrongly()
	var quiet := []
	probe.quiet.connect(func() -> void: quiet.append(true))
	probe.quiet.emit()
	check_equal(quiet, [true])


func test_class_is_listed() -> void:
	check_equal(ClassDB.class_exists("Probe"), true)
	check_equal(ClassDB.can_instantiate("Probe"), true)
	check_equal(ClassDB.get_parent_class("Probe"), &"Node")
	check_equal(ClassDB.class_get_api_type("Probe"), ClassDB.API_EXTENSION)
	check_equal(ClassDB.class_exists("Unregistered"), false)


func _probe() -> Probe:
	var probe := Probe.new()
	add_child(probe)
	return probe


func _assign(probe: Variant, value: Variant) -> void:
	probe.speed = value


func _property(property_name: String) -> Dictionary:
	for info: Dictionary in ClassDB.class_get_property_list("Probe", true):
		if info["name"] == property_name:
			return info
	failures.append("no property %s" % property_name)
	return {}


func _names(infos: Array) -> Array:
	return infos.map(func(info: Dictionary) -> String: return info["name"])
