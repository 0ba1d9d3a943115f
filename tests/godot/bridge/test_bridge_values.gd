## Values of all Variant types through Python and back, without loss: untyped, typed, and inside of containers.
extends "res://tests/godot/suite.gd"

const INT_MIN := -9223372036854775807 - 1
const INT_MAX := 9223372036854775807


## At least one value of each type; the first of each type is not its zero.
func _values() -> Array:
	return [
		null,
		true,
		false,
		42,
		INT_MIN,
		INT_MAX,
		0,
		1.5,
		-0.0,
		NAN,
		INF,
		-INF,
		5e-324,
		1.7976931348623157e308,
		"text",
		"",
		"Grüße, 世界 😀",
		Vector2(1.5, -2.25),
		Vector2(NAN, INF),
		Vector2i(-2147483648, 2147483647),
		Rect2(1.0, 2.0, 3.0, 4.5),
		Rect2i(1, 2, 3, 4),
		Vector3(1.0, 2.0, 3.5),
		Vector3i(1, -2, 3),
		Transform2D(0.5, Vector2(3.0, 4.0)),
		Vector4(1.0, 2.0, 3.0, 4.5),
		Vector4i(1, 2, 3, -4),
		Plane(0.0, 1.0, 0.0, 2.5),
		Quaternion(Vector3.UP, 0.5),
		AABB(Vector3(1.0, 2.0, 3.0), Vector3(4.0, 5.0, 6.0)),
		Basis(Vector3(1.0, 2.0, 3.0).normalized(), 0.7),
		Transform3D(Basis(Vector3.UP, 0.3), Vector3(1.0, 2.0, 3.0)),
		Projection(Vector4(1, 2, 3, 4), Vector4(5, 6, 7, 8), Vector4(9, 10, 11, 12), Vector4(13, 14, 15, 16)),
		Color(0.1, 0.2, 0.3, 0.4),
		&"a name",
		&"",
		^"path/to:property",
		^"",
		_rid(),
		RID(),
		self,
		RegEx.create_from_string("a+"),
		Callable(self, "check"),
		func() -> void: pass,
		Callable(self, "check").bind(1, "two"),
		Callable(),
		Signal(self, "ready"),
		Signal(),
		{"a": 1, 2: "b", 2.5: null, &"name": [1], Vector2.ONE: {}},
		{},
		{1: "int", 1.0: "float", true: "bool"},
		Dictionary({"a": 1}, TYPE_STRING, &"", null, TYPE_INT, &"", null),
		[1, "two", 3.0, null, [4, [5]], {"six": 6}],
		[],
		Array([1, 2], TYPE_INT, &"", null),
		Array([self], TYPE_OBJECT, &"Node", null),
		PackedByteArray([0, 1, 255]),
		PackedByteArray(),
		PackedInt32Array([-2147483648, 0, 2147483647]),
		PackedInt32Array(),
		PackedInt64Array([INT_MIN, 0, INT_MAX]),
		PackedInt64Array(),
		PackedFloat32Array([0.1, -INF, 3.0]),
		PackedFloat64Array([0.1, INF, 5e-324]),
		PackedStringArray(["a", "", "世界"]),
		PackedStringArray(),
		PackedVector2Array([Vector2.ONE, Vector2(0.1, 2.0)]),
		PackedVector3Array([Vector3.ONE, Vector3(0.1, 2.0, 3.0)]),
		PackedColorArray([Color.RED, Color(0.1, 0.2, 0.3, 0.4)]),
		PackedVector4Array([Vector4.ONE]),
	]


func test_every_type_is_here() -> void:
	var seen := {}
	for value: Variant in _values():
		seen[typeof(value)] = true
	check_equal(seen.size(), TYPE_MAX as int)


func test_untyped() -> void:
	var echo := _echo()
	for value: Variant in _values():
		_check_same(echo.call("echo", value), value, "echo")
		var one: Array = echo.call("in_list", value)
		_check_same(one[0], value, "in_list")


func test_as_key() -> void:
	var echo := _echo()
	for value: Variant in _values():
		if typeof(value) >= TYPE_DICTIONARY and typeof(value) != TYPE_PACKED_BYTE_ARRAY:
			continue  # What can change is no key of a Python dict.
		var table: Dictionary = echo.call("as_key", value)
		_check_same(table.keys()[0], value, "as_key")


func test_declared_through_call() -> void:
	var echo := _echo()
	for value: Variant in _values():
		if value != null:
			_check_same(echo.call(_method_for(value), value), value, "declared")


func test_declared_through_ptrcall() -> void:
	var echo := _echo()
	var bind := Callable(echo, "echo")
	check_equal(bind.is_valid(), true)
	check_equal(echo.echo_bool(true), true)
	check_equal(echo.echo_int(INT_MIN), INT_MIN)
	check_equal(echo.echo_float(-0.5), -0.5)
	check_equal(echo.echo_str("世界"), "世界")
	check_equal(echo.echo_Vector2(Vector2(1.0, 2.5)), Vector2(1.0, 2.5))
	check_equal(echo.echo_Vector2i(Vector2i(1, -2)), Vector2i(1, -2))
	check_equal(echo.echo_Rect2(Rect2(1, 2, 3, 4)), Rect2(1, 2, 3, 4))
	check_equal(echo.echo_Rect2i(Rect2i(1, 2, 3, 4)), Rect2i(1, 2, 3, 4))
	check_equal(echo.echo_Vector3(Vector3(1, 2, 3)), Vector3(1, 2, 3))
	check_equal(echo.echo_Vector3i(Vector3i(1, 2, 3)), Vector3i(1, 2, 3))
	check_equal(echo.echo_Transform2D(Transform2D(0.5, Vector2.ONE)), Transform2D(0.5, Vector2.ONE))
	check_equal(echo.echo_Vector4(Vector4(1, 2, 3, 4)), Vector4(1, 2, 3, 4))
	check_equal(echo.echo_Vector4i(Vector4i(1, 2, 3, 4)), Vector4i(1, 2, 3, 4))
	check_equal(echo.echo_Plane(Plane(0, 1, 0, 2)), Plane(0, 1, 0, 2))
	check_equal(echo.echo_Quaternion(Quaternion(0, 1, 0, 0)), Quaternion(0, 1, 0, 0))
	check_equal(echo.echo_AABB(AABB(Vector3.ONE, Vector3.UP)), AABB(Vector3.ONE, Vector3.UP))
	check_equal(echo.echo_Basis(Basis(Vector3.UP, 0.5)), Basis(Vector3.UP, 0.5))
	check_equal(echo.echo_Transform3D(Transform3D(Basis(Vector3.UP, 0.5), Vector3.ONE)).origin, Vector3.ONE)
	check_equal(echo.echo_Projection(Projection.IDENTITY), Projection.IDENTITY)
	check_equal(echo.echo_Color(Color(0.1, 0.2, 0.3, 0.4)), Color(0.1, 0.2, 0.3, 0.4))
	check_equal(echo.echo_StringName(&"name"), &"name")
	check_equal(echo.echo_NodePath(^"a/b:c"), ^"a/b:c")
	check_equal(echo.echo_RID(_rid()), _rid())
	check_equal(echo.echo_Object(self), self as Object)
	check_equal(echo.echo_Callable(check), check)
	check_equal(echo.echo_Signal(ready), ready)
	check_equal(echo.echo_Dictionary({"a": [1]}), {"a": [1]})
	check_equal(echo.echo_Array([1, "two"]), [1, "two"])
	check_equal(echo.echo_bytes(PackedByteArray([0, 255])), PackedByteArray([0, 255]))
	check_equal(echo.echo_PackedInt32Array(PackedInt32Array([1, -2])), PackedInt32Array([1, -2]))
	check_equal(echo.echo_PackedInt64Array(PackedInt64Array([INT_MIN])), PackedInt64Array([INT_MIN]))
	check_equal(echo.echo_PackedFloat32Array(PackedFloat32Array([0.5])), PackedFloat32Array([0.5]))
	check_equal(echo.echo_PackedFloat64Array(PackedFloat64Array([0.1])), PackedFloat64Array([0.1]))
	check_equal(echo.echo_PackedStringArray(PackedStringArray(["a", ""])), PackedStringArray(["a", ""]))
	check_equal(echo.echo_PackedVector2Array(PackedVector2Array([Vector2.UP])), PackedVector2Array([Vector2.UP]))
	check_equal(echo.echo_PackedVector3Array(PackedVector3Array([Vector3.UP])), PackedVector3Array([Vector3.UP]))
	check_equal(echo.echo_PackedColorArray(PackedColorArray([Color.RED])), PackedColorArray([Color.RED]))
	check_equal(echo.echo_PackedVector4Array(PackedVector4Array([Vector4.ONE])), PackedVector4Array([Vector4.ONE]))
	check_equal(echo.echo("any"), "any")
	check_equal(echo.echo(null), null)


func test_containers_stay_references() -> void:
	var echo := _echo()
	var list: Array = [1]
	var table := {"a": 1}
	var typed: Array[int] = [1, 2]
	var typed_table: Dictionary[String, int] = {"a": 1}
	check(is_same(echo.call("echo", list), list), "the same Array")
	check(is_same(echo.call("echo", table), table), "the same Dictionary")
	check(is_same(echo.echo_Array(list), list), "the same Array, declared")
	var again: Array = echo.call("echo", typed)
	check_equal(again.get_typed_builtin(), TYPE_INT as int)
	var table_again: Dictionary = echo.call("echo", typed_table)
	check_equal(table_again.get_typed_value_builtin(), TYPE_INT as int)


func test_containers_made_in_python() -> void:
	var echo := _echo()
	var value := {"a": [1, 2.0, {"b": null}], 3: "c", 4.5: [], &"d": {}}
	check_equal(echo.call("rebuilt", value), {"a": [1, 2.0, {"b": null}], 3: "c", 4.5: [], "d": {}})


func test_self_containing_containers() -> void:
	var echo := _echo()
	var list: Array = [1]
	list.append(list)
	check(is_same(echo.call("echo", list), list), "a list in itself")
	list.clear()
	var table := {}
	table["self"] = table
	check(is_same(echo.call("echo", table), table), "a dictionary in itself")
	table.clear()


func test_values_from_python() -> void:
	var echo := _echo()
	var nul: String = echo.constant("nul")
	check_equal(nul.length(), 3)
	check_equal(nul.unicode_at(1), 0)
	check_equal(nul.unicode_at(2), 98)
	check_equal(echo.call("describe", nul), "str 'a\\x00b'")
	var surrogate: String = echo.constant("surrogate")
	check_equal(surrogate.unicode_at(0), 0xD800)
	check_equal(echo.call("describe", surrogate), "str '\\ud800'")
	check_equal(echo.constant("beyond"), "😀")
	check_equal(echo.constant("min"), INT_MIN)
	check_equal(echo.constant("max"), INT_MAX)
	check(is_nan(echo.constant("nan") as float), "nan")
	check_equal(echo.constant("inf"), INF)
	check_equal(echo.constant("bytearray"), PackedByteArray([0, 255]))
	check_equal(echo.constant("memoryview"), "ac".to_utf8_buffer())
	check_equal(echo.constant("tuple"), [1, 2.0, true])
	check_equal(echo.constant("keys"), {1: "int", 1.5: "float", "1": "str", null: "null"})
	check_equal(echo.constant("enum"), ERR_BUSY as int)


func test_types_in_python() -> void:
	var echo := _echo()
	check_equal(echo.describe(1), "int 1")
	check_equal(echo.describe(1.0), "float 1.0")
	check_equal(echo.describe(true), "bool True")
	check_equal(echo.describe(&"a"), "StringName 'a'")
	check_equal(echo.describe(PackedByteArray([1])), "bytes b'\\x01'")
	check_equal(echo.describe(Vector2i(1, 2)), "Vector2i(x=1, y=2)".insert(0, "Vector2i "))
	check_equal(echo.describe(PackedInt32Array([1])), "PackedInt32Array PackedInt32Array('i', [1])")


func test_a_freed_object_arrives_as_nothing() -> void:
	var echo := _echo()
	var node := Node.new()
	var holder: Array = [node]
	node.free()
	check_equal(echo.call("echo", holder[0]), null)


func test_what_godot_cannot_hold_is_an_error() -> void:
	for what: String in ["set", "big", "own list", "own dict", "set in list", "set in dict"]:
		expect_error("SCRIPT ERROR: (TypeError|OverflowError|RecursionError): ")
		check_equal(_echo().call("refused", what), null)


func _echo() -> Echo:
	if get_child_count() == 0:
		add_child(Echo.new())
	return get_child(0) as Echo


## Of one type, equal, and the same bytes where a value has bytes: NaN is not equal to itself, and -0.0 equals 0.0.
func _check_same(actual: Variant, expected: Variant, what: String) -> void:
	checks += 1
	var same := typeof(actual) == typeof(expected)
	match typeof(expected):
		TYPE_OBJECT, TYPE_CALLABLE, TYPE_SIGNAL, TYPE_RID:
			same = same and actual == expected
		TYPE_ARRAY, TYPE_DICTIONARY:
			same = same and is_same(actual, expected)
		_:
			same = same and var_to_bytes(actual) == var_to_bytes(expected)
	if not same:
		failures.append("%s: %s %s, not %s" % [what, type_string(typeof(actual)), str(actual), str(expected)])


func _method_for(value: Variant) -> String:
	var types := {
		TYPE_BOOL: "bool",
		TYPE_INT: "int",
		TYPE_FLOAT: "float",
		TYPE_STRING: "str",
		TYPE_PACKED_BYTE_ARRAY: "bytes",
	}
	return "echo_%s" % types.get(typeof(value), type_string(typeof(value)))


func _rid() -> RID:
	return get_viewport().get_viewport_rid()
