## Values in messages, as JSON (text) or as the engine packs them (binary).
##
## JSON is read so that whole numbers stay whole ones: the engine's own reader makes all of them such with a fraction.
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Utf8 := preload("res://addons/ws_python/portable/utf8.gd")
const VariantFormat := preload("res://addons/ws_python/portable/variant_format.gd")

const _NO_JSON := "it is no JSON"
const _HALF_A_PAIR := "it holds half a surrogate pair, which UTF-8 cannot carry"
const _LARGEST := "9223372036854775807"

# Strings, and numbers: group 1 is what stands before a fraction, group 2 the fraction.
static var _tokens := RegEx.create_from_string('"(?:[^"\\\\]++|\\\\.)*+"|(-?[0-9]++)([.eE][-+.0-9eE]*+)?+')
# What begins whole numbers that are handed to the engine's reader as strings. Nobody else knows it.
static var _mark := "whole " + Crypto.new().generate_random_bytes(16).hex_encode() + " "


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
	var json := JSON.new()
	if json.parse(_marked(text)) != OK:
		return [null, _NO_JSON]
	var problem: Array[String] = []
	var value: Variant = _unmarked(json.data, problem)
	return [value, ""] if problem.is_empty() else [null, problem[0]]


static func _marked(text: String) -> String:
	var parts := PackedStringArray()
	var end := 0
	for token: RegExMatch in _tokens.search_all(text):
		if token.get_start(1) >= 0 and token.get_start(2) < 0 and _fits(token.get_string(1)):
			parts.append(text.substr(end, token.get_start() - end))
			parts.append('"%s%s"' % [_mark, token.get_string(1)])
			end = token.get_end()
	return text if end == 0 else "".join(parts) + text.substr(end)


## Whether the engine has such whole numbers.
static func _fits(digits: String) -> bool:
	var bare := digits.trim_prefix("-")
	return bare.length() < _LARGEST.length() or (bare.length() == _LARGEST.length() and bare <= _LARGEST)


static func _unmarked(value: Variant, problem: Array[String]) -> Variant:
	if value is String:
		return (value as String).substr(_mark.length()).to_int() if (value as String).begins_with(_mark) else value
	if value is Array:
		var array: Array = value
		for at: int in array.size():
			array[at] = _unmarked(array[at], problem)
	elif value is Dictionary:
		var dictionary: Dictionary = value
		for key: Variant in dictionary:
			if (key as String).begins_with(_mark):
				problem.append(_NO_JSON)
				break
			dictionary[key] = _unmarked(dictionary[key], problem)
	return value
