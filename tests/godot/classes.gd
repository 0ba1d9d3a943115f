## What the suites ask of our classes beside using them: their members, and new instances. Of the native ones.
## The portable nodes are scripts, of which ClassDB knows nothing: where they are tested, tests/portable/classes.gd
## stands in this file's place.
extends RefCounted


static func make(type: StringName) -> Object:
	return ClassDB.instantiate(type)


static func name_of(object: Object) -> String:
	return object.get_class()


## The signals that the class of `node` declares itself, as ClassDB lists them.
static func signals_of(node: Node) -> Array[Dictionary]:
	return ClassDB.class_get_signal_list(node.get_class(), true)


## All members of a class: properties, methods, signals and enums by their names, each as what can be compared.
static func describe(type: StringName) -> Dictionary:
	var enums := {}
	for name_of_enum: String in ClassDB.class_get_enum_list(type, true):
		var values := {}
		for constant: String in ClassDB.class_get_enum_constants(type, name_of_enum, true):
			values[constant] = ClassDB.class_get_integer_constant(type, constant)
		enums[name_of_enum] = values
	var signals := {}
	for info: Dictionary in ClassDB.class_get_signal_list(type, true):
		signals[info["name"]] = _arguments(info)
	var methods := {}
	for info: Dictionary in ClassDB.class_get_method_list(type, true):
		if not (info["name"] as String).begins_with("_"):
			methods[info["name"]] = _method(info)
	return {"properties": _properties(type), "methods": methods, "signals": signals, "enums": enums}


static func _properties(type: StringName) -> Dictionary:
	var properties := {}
	for info: Dictionary in ClassDB.class_get_property_list(type, true):
		var property: String = info["name"]
		if info["usage"] & (PROPERTY_USAGE_GROUP | PROPERTY_USAGE_SUBGROUP | PROPERTY_USAGE_CATEGORY):
			continue
		var is_exported: bool = info["usage"] & PROPERTY_USAGE_EDITOR != 0
		var is_hinted: bool = is_exported and info["hint"] in [PROPERTY_HINT_RANGE, PROPERTY_HINT_FILE]
		properties[property] = {
			"type": _type(info),
			"is_exported": is_exported,
			"is_writable": ClassDB.class_get_property_setter(type, property) != &"",
			"default": var_to_str(ClassDB.class_get_property_default_value(type, property)) if is_exported else "",
			"hint": info["hint"] if is_hinted else 0,
			"hint_string": info["hint_string"] if is_hinted else "",
		}
	return properties


static func _method(info: Dictionary) -> Dictionary:
	return {
		"arguments": _arguments(info),
		"defaults": _defaults(info),
		"returns": _type(info["return"]),
		"is_static": info["flags"] & METHOD_FLAG_STATIC != 0,
	}


## Of the last arguments. Of an array that is empty by default, a script tells null.
static func _defaults(info: Dictionary) -> Array:
	var arguments: Array = info["args"]
	var defaults: Array = info["default_args"]
	var told := []
	for at: int in defaults.size():
		var type := _type(arguments[arguments.size() - defaults.size() + at])
		var is_empty: bool = type.begins_with("Packed") and not defaults[at]
		told.append("%s()" % type if is_empty else var_to_str(defaults[at]))
	return told


static func _arguments(info: Dictionary) -> Array:
	var arguments: Array = info["args"]
	return arguments.map(func(argument: Dictionary) -> Array: return [argument["name"], _type(argument)])


## As GDScript writes it: "int", "Error", "Status", "WebSocketPeerNode", "Variant", "void".
static func _type(info: Dictionary) -> String:
	var of_class: String = info["class_name"]
	if of_class:
		return of_class.get_slice(".", of_class.get_slice_count(".") - 1)
	if info["type"] == TYPE_NIL:
		return "Variant" if info["usage"] & PROPERTY_USAGE_NIL_IS_VARIANT else "void"
	return type_string(info["type"])
