## What the suites of one class's API derive from: every public member has a test, named after it, and each test uses
## it in both ways in which GDScript calls: on a typed variable, resolved when compiled, and on an untyped one, by name.
extends "res://tests/godot/suite.gd"


## The class whose members are tested. For the derived suite.
func api_class() -> StringName:
	return &""


func test_every_member_has_a_test() -> void:
	var members := PackedStringArray()
	var accessors := {}
	for info: Dictionary in ClassDB.class_get_property_list(api_class(), true):
		var property: String = info["name"]
		if info["usage"] & (PROPERTY_USAGE_GROUP | PROPERTY_USAGE_SUBGROUP) == 0:
			members.append("property_" + property)
			accessors[ClassDB.class_get_property_getter(api_class(), property)] = true
			accessors[ClassDB.class_get_property_setter(api_class(), property)] = true
	for info: Dictionary in ClassDB.class_get_method_list(api_class(), true):
		if not accessors.has(StringName(info["name"] as String)):
			members.append("method_" + (info["name"] as String))
	for info: Dictionary in ClassDB.class_get_signal_list(api_class(), true):
		members.append("signal_" + (info["name"] as String))
	for name_of_enum: String in ClassDB.class_get_enum_list(api_class(), true):
		members.append("enum_" + name_of_enum.to_snake_case())
	check(members.size() >= 10, "members are found: %s" % members)
	for member: String in members:
		check(has_method("test_" + member), "no test_%s" % member)


func test_every_test_is_of_a_member() -> void:
	for info: Dictionary in (get_script() as Script).get_script_method_list():
		var parts := (info["name"] as String).split("_", true, 2)
		if parts[0] != "test":
			continue
		match parts[1]:
			"property":
				var getter := ClassDB.class_get_property_getter(api_class(), parts[2])
				check(getter != &"", "no property %s" % parts[2])
			"method":
				check(ClassDB.class_has_method(api_class(), parts[2], true), "no method %s" % parts[2])
			"signal":
				check(ClassDB.class_has_signal(api_class(), parts[2]), "no signal %s" % parts[2])


## Tests a property by name: its default, and a value through the property and through its setter. The typed way is
## written out by each test.
func check_property(property: String, default: Variant, value: Variant) -> void:
	var node: Variant = ClassDB.instantiate(api_class())
	check_equal(node[property], default, property + " by default")
	check_equal(ClassDB.class_get_property_default_value(api_class(), property), default, "default in the Inspector")
	node[property] = value
	check_equal(node.get(property), value, property)
	node.set(property, default)
	check_equal(node[property], default, property + " set back")
	node.call("set_" + property, value)
	check_equal(node.call("get_" + property), value, "get_" + property)
	node.free()


## Tests that a property takes no value out of range, and says so.
func check_refuses(property: String, values: Array) -> void:
	var node: Variant = ClassDB.instantiate(api_class())
	var before: Variant = node.get(property)
	for value: Variant in values:
		expect_error("^ERROR: \\w+\\.set_%s: %s must be from" % [property, property])
		node.set(property, value)
		check_equal(node.get(property), before, "%s after %s" % [property, value])
	node.free()


## Tests that an enum has exactly these constants, on the class and in ClassDB.
func check_enum(name_of_enum: String, typed: Dictionary) -> void:
	var names := ClassDB.class_get_enum_constants(api_class(), name_of_enum, true)
	check_equal(Array(names), typed.keys())
	for constant: String in names:
		check_equal(ClassDB.class_get_integer_constant(api_class(), constant), typed[constant], constant)
