## What the suites of one class's API derive from: every public member has a test, named after it, and each test uses
## it in both ways in which GDScript calls: on a typed variable, resolved when compiled, and on an untyped one, by name.
extends "res://tests/godot/suite.gd"


## The class whose members are tested. For the derived suite.
func api_class() -> StringName:
	return &""


func test_every_member_has_a_test() -> void:
	var members := PackedStringArray()
	var described := Classes.describe(api_class())
	for property: String in described["properties"]:
		members.append("property_" + property)
	for method: String in described["methods"]:
		var kind := method.get_slice("_", 0)
		if kind not in ["get", "set"] or not described["properties"].has(method.substr(4)):
			members.append("method_" + method)
	for signal_name: String in described["signals"]:
		members.append("signal_" + signal_name)
	for name_of_enum: String in described["enums"]:
		members.append("enum_" + name_of_enum.to_snake_case())
	check(members.size() >= 10, "members are found: %s" % members)
	for member: String in members:
		check(has_method("test_" + member), "no test_%s" % member)


func test_every_test_is_of_a_member() -> void:
	var described := Classes.describe(api_class())
	for info: Dictionary in (get_script() as Script).get_script_method_list():
		var parts := (info["name"] as String).split("_", true, 2)
		if parts[0] != "test":
			continue
		match parts[1]:
			"property":
				check(described["properties"].has(parts[2]), "no property %s" % parts[2])
			"method":
				check(described["methods"].has(parts[2]), "no method %s" % parts[2])
			"signal":
				check(described["signals"].has(parts[2]), "no signal %s" % parts[2])


## Tests a property by name: its default, and a value through the property and through its setter. The typed way is
## written out by each test.
func check_property(property: String, default: Variant, value: Variant) -> void:
	var node: Variant = Classes.make(api_class())
	check_equal(node[property], default, property + " by default")
	var described: Dictionary = Classes.describe(api_class())["properties"][property]
	check_equal(str_to_var(described["default"] as String), default, "default in the Inspector")
	node[property] = value
	check_equal(node.get(property), value, property)
	node.set(property, default)
	check_equal(node[property], default, property + " set back")
	node.call("set_" + property, value)
	check_equal(node.call("get_" + property), value, "get_" + property)
	node.free()


## Tests that a property takes no value out of range, and says so.
func check_refuses(property: String, values: Array) -> void:
	var node: Variant = Classes.make(api_class())
	var before: Variant = node.get(property)
	for value: Variant in values:
		expect_error("^ERROR: \\w+\\.set_%s: %s must be from" % [property, property])
		node.set(property, value)
		check_equal(node.get(property), before, "%s after %s" % [property, value])
	node.free()


## Tests that an enum has exactly these constants, on the class and in ClassDB.
func check_enum(name_of_enum: String, typed: Dictionary) -> void:
	var constants: Dictionary = Classes.describe(api_class())["enums"][name_of_enum]
	check_equal(constants.keys(), typed.keys())
	for constant: String in constants:
		check_equal(constants[constant], typed[constant], constant)
