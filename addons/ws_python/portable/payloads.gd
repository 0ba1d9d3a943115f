## Values in messages, as JSON (text) or as the engine packs them (binary).
##
## JSON is read so that whole numbers stay whole ones: the engine's own reader makes all of them such with a fraction.
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Utf8 := preload("res://addons/ws_python/portable/utf8.gd")
const VariantFormat := preload("res://addons/ws_python/portable/variant_format.gd")

const _NO_JSON := "it is no JSON"
const _HALF_A_PAIR := "it holds half a surrogate pair, which UTF-8 cannot carry"
const _EXTREME := "it holds a number that is too large, or has too many digits"
const _LARGEST := "9223372036854775807"

# Whole numbers that the engine does not have as such, outside of strings.
static var _beyond := RegEx.create_from_string(
	'(?:"(?:[^"\\\\]++|\\\\.)*+"|[0-9]++[.eE][-+.0-9eE]*+)(*SKIP)(*FAIL)|(?:[0-9]{20,}+|%s)(?![0-9])' % _larger()
)
# Numbers of which the engine would log a line each, that they are too large or too small.
static var _extreme := RegEx.create_from_string(
	'"(?:[^"\\\\]++|\\\\.)*+"(*SKIP)(*FAIL)|[0-9.]{101}|[eE][-+]?+0*+(?:[4-9][0-9]{2}|[0-9]{4})'
)
# U+0000, which an engine's String cannot hold: it would log a line for each.
static var _nul := RegEx.create_from_string("(?<!\\\\)((?:\\\\\\\\)*+)\\\\u0000")


## A value as the payload of a message and "", or null and what is wrong with it in one line.
static func encode(value: Variant, as_text: bool) -> Array:
	if as_text:
		var problem: Array[String] = []
		var text := Checks.json_of(value, problem)
		if problem.is_empty() and Utf8.encode(text) == null:
			problem.append(_HALF_A_PAIR)
		return [text, ""] if problem.is_empty() else [null, problem[0]]
	var packed := var_to_bytes(value)
	var why := VariantFormat.problem(packed)
	return [null, why] if why else [packed, ""]


## The value in a payload, which comes from a stranger, and "", or null and what is wrong with it.
static func decode(payload: Variant) -> Array:
	if payload is String:
		return _decode_json(payload)
	var why := VariantFormat.problem(payload as PackedByteArray)
	return [null, why] if why else [bytes_to_var(payload as PackedByteArray), ""]


## Nothing at all is null.
static func _decode_json(text: String) -> Array:
	if text.is_empty():
		return [null, ""]
	if _extreme.search(text) != null:
		return [null, _EXTREME]
	var whole := _nul.sub(text, "$1\\ufffd", true) if text.contains("\\u0000") else text
	var json := JSON.new()
	if json.parse(whole) != OK:
		return [null, _NO_JSON]
	# The engine writes its values down so that JSON is such a text, too; and once it is known to be JSON, nothing else is
	# in it.
	var value: Variant = str_to_var(_beyond.sub(whole, "$0.0", true))
	return [null, _NO_JSON] if value == null and json.data != null else [value, ""]


## What matches as many digits as the largest whole number has, where they are more.
static func _larger() -> String:
	var found := PackedStringArray()
	for at: int in _LARGEST.length():
		if _LARGEST[at] != "9":
			var more := _LARGEST[at].to_int() + 1
			found.append("%s[%d-9][0-9]{%d}" % [_LARGEST.left(at), more, _LARGEST.length() - at - 1])
	return "|".join(found)
