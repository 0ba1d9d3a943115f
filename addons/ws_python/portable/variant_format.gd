## The engine's binary format of a Variant (marshalls.cpp), read through: whether bytes are one, of values only.
##
## As python/ws_godot/variant_format.py: the engine itself logs an error for each thing that is wrong with what it
## decodes, and a stranger can send much of that.
extends RefCounted

const Utf8 := preload("res://addons/ws_python/portable/utf8.gd")

const _MOST_NESTED := 64
const _FLAG_64 := 1 << 16
const _UNSENDABLE := {TYPE_RID: "RID", TYPE_OBJECT: "Object", TYPE_CALLABLE: "Callable", TYPE_SIGNAL: "Signal"}
# How many numbers of 4 bytes, or of 8 where it says so, a value has, and an item of a packed array.
const _REALS := {
	TYPE_INT: 1,
	TYPE_FLOAT: 1,
	TYPE_VECTOR2: 2,
	TYPE_RECT2: 4,
	TYPE_VECTOR3: 3,
	TYPE_TRANSFORM2D: 6,
	TYPE_VECTOR4: 4,
	TYPE_PLANE: 4,
	TYPE_QUATERNION: 4,
	TYPE_AABB: 6,
	TYPE_BASIS: 9,
	TYPE_TRANSFORM3D: 12,
	TYPE_PROJECTION: 16,
}
const _FIXED := {
	TYPE_NIL: 0,
	TYPE_BOOL: 4,
	TYPE_VECTOR2I: 8,
	TYPE_RECT2I: 16,
	TYPE_VECTOR3I: 12,
	TYPE_VECTOR4I: 16,
	TYPE_COLOR: 16,
}
const _ITEMS := {
	TYPE_PACKED_BYTE_ARRAY: 1,
	TYPE_PACKED_INT32_ARRAY: 4,
	TYPE_PACKED_INT64_ARRAY: 8,
	TYPE_PACKED_FLOAT32_ARRAY: 4,
	TYPE_PACKED_FLOAT64_ARRAY: 8,
	TYPE_PACKED_COLOR_ARRAY: 16,
}
const _REAL_ITEMS := {TYPE_PACKED_VECTOR2_ARRAY: 2, TYPE_PACKED_VECTOR3_ARRAY: 3, TYPE_PACKED_VECTOR4_ARRAY: 4}
const _ANY := -1
const _BUILTIN := 1  # Of what a typed container holds: 0 anything, 2 and 3 objects.

var _data: PackedByteArray
var _at := 0
var _problem := ""


## Why `data` is not one whole value that others can have, in one line; "" where it is.
static func problem(data: PackedByteArray) -> String:
	var reader: RefCounted = new()
	reader._data = data
	reader._skip(0)
	if not reader._problem and reader._at != data.size():
		reader._fail("it ends too early" if reader._at > data.size() else "there is something behind it")
	return reader._problem


func _fail(why: String) -> void:
	if not _problem:
		_problem = why


func _unsigned() -> int:
	_at += 4
	if _at > _data.size():
		_fail("it ends too early")
		return 0
	return _data.decode_u32(_at - 4)


## Skips the value that begins here; its type.
func _skip(depth: int) -> int:
	var header := _unsigned()
	var kind := header & 0xff
	var width := 8 if header & _FLAG_64 else 4
	if _problem:
		return kind
	if _REALS.has(kind):
		_at += _REALS[kind] * width
	elif _FIXED.has(kind):
		_at += _FIXED[kind]
	elif kind in [TYPE_STRING, TYPE_STRING_NAME]:
		_skip_text()
	elif kind in [TYPE_ARRAY, TYPE_DICTIONARY]:
		if depth == _MOST_NESTED:
			_fail("it is nested deeper than %d" % _MOST_NESTED)
		else:
			_skip_container(header, depth)
	elif _ITEMS.has(kind):
		_skip_padded(_unsigned() * _ITEMS[kind])
	elif _REAL_ITEMS.has(kind):
		_skip_padded(_unsigned() * _REAL_ITEMS[kind] * width)
	elif kind == TYPE_PACKED_STRING_ARRAY:
		_skip_texts(_unsigned())
	elif kind == TYPE_NODE_PATH:
		_skip_path()
	else:
		_fail("%s cannot be sent, only values" % _UNSENDABLE.get(kind, "what it holds"))
	return kind


func _skip_padded(size: int) -> void:
	_at += (size + 3) & ~3


func _skip_text() -> void:
	var size := _unsigned()
	if _at + size > _data.size():
		_fail("it ends too early")
	elif Utf8.decode(_data.slice(_at, _at + size)) == null:
		_fail("it holds text that is not valid UTF-8")
	_skip_padded(size)


func _skip_texts(count: int) -> void:
	for _i: int in count:
		_skip_text()
		if _problem:
			return


func _skip_path() -> void:
	var count := _unsigned()
	var more := _unsigned()
	var flags := _unsigned()
	if not count & 0x80000000:
		_fail("it holds a NodePath of an engine that is too old")
	else:
		_skip_texts((count & 0x7fffffff) + more + (1 if flags & 2 else 0))


func _skip_container(header: int, depth: int) -> void:
	var kinds := [header >> 16 & 3]
	if header & 0xff == TYPE_DICTIONARY:
		kinds.append(header >> 18 & 3)
	var types: Array[int] = []
	for kind: int in kinds:
		if kind > _BUILTIN:
			_fail("a container of objects cannot be sent, only values")
			return
		types.append(_unsigned() if kind == _BUILTIN else _ANY)
		if _UNSENDABLE.has(types[-1]) or types[-1] >= TYPE_MAX:
			_fail("a container of what cannot be sent")
			return
	for _i: int in _unsigned() & 0x7fffffff:
		for wanted: int in types:
			var kind := _skip(depth + 1)
			if not _problem and wanted not in [_ANY, kind]:
				_fail("a typed container holds another type")
			if _problem:
				return
