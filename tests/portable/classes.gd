## What the suites ask of the portable classes: tests/godot/classes.gd in the project where these are tested.
extends RefCounted


static func make(type: StringName) -> Object:
	return _script_of(type).new()


static func name_of(object: Object) -> String:
	return (object.get_script() as Script).get_global_name()


## The signals that the portable class of `node` declares.
static func signals_of(node: Node) -> Array[Dictionary]:
	return (node.get_script() as Script).get_script_signal_list()


## As tests/godot/classes.gd tells it.
static func describe(type: StringName) -> Dictionary:
	var script := _script_of(type)
	var signals := {}
	for info: Dictionary in script.get_script_signal_list():
		signals[info["name"]] = _arguments(info)
	var methods := {}
	for info: Dictionary in script.get_script_method_list():
		var method: String = info["name"]
		if not method.begins_with("_") and not method.begins_with("@") and not methods.has(method):
			methods[method] = _method(info)
	return {"properties": _properties(script), "methods": methods, "signals": signals, "enums": _enums(script)}


static func _script_of(type: StringName) -> GDScript:
	for info: Dictionary in ProjectSettings.get_global_class_list():
		if info["class"] == type:
			return load(info["path"])
	return null


static func _enums(script: Script) -> Dictionary:
	var enums := {}
	var constants := {}
	while script != null:
		constants.merge(script.get_script_constant_map())
		script = script.get_base_script()
	for constant: String in constants:
		if constants[constant] is Dictionary:
			var values: Dictionary = constants[constant]
			# Each value is a constant of the class, too.
			var known := values.keys().filter(func(value: String) -> bool: return constants.get(value) == values[value])
			if known.size() == values.size():
				enums[constant] = values.duplicate()
	return enums


static func _properties(script: Script) -> Dictionary:
	var instance: Object = script.call("new")
	var properties := {}
	for info: Dictionary in script.get_script_property_list():
		var property: String = info["name"]
		if property.begins_with("_") or info["usage"] & PROPERTY_USAGE_SCRIPT_VARIABLE == 0:
			continue
		var is_exported: bool = info["usage"] & PROPERTY_USAGE_EDITOR != 0
		var is_hinted: bool = is_exported and info["hint"] in [PROPERTY_HINT_RANGE, PROPERTY_HINT_FILE]
		properties[property] = {
			"type": _type(info),
			"is_exported": is_exported,
			"is_writable": instance.has_method("set_" + property),
			"default": var_to_str(instance.get(property)) if is_exported else "",
			"hint": info["hint"] if is_hinted else 0,
			"hint_string": info["hint_string"] if is_hinted else "",
		}
	if instance is Node:
		instance.free()
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


static func _type(info: Dictionary) -> String:
	var of_class: String = info["class_name"]
	if of_class:
		return of_class.get_slice(".", of_class.get_slice_count(".") - 1)
	if info["type"] == TYPE_NIL:
		return "Variant" if info["usage"] & PROPERTY_USAGE_NIL_IS_VARIANT else "void"
	return type_string(info["type"])
