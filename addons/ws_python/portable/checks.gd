## What may be set and sent, and what a user is told when something may not: one line that says what to do instead.
## In the words of the native nodes (python/ws_python/declare/checks.py), so that games and logs need to know one.
extends RefCounted

const MAX_REASON_BYTES := 123  # A control frame's 125 (RFC 6455 section 5.5) less the code.
const LONGEST_KEY := 256
const DEEPEST_JSON := 128
const JSON_ADVICE := (
	"use dictionaries, arrays, strings, finite numbers, booleans and null only, " + "and keys that differ as text"
)
## RFC 6455 section 7.4.1 and the IANA registry, without those that are never sent (1005, 1006, 1015).
const REGISTERED_CODES: Array[int] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]

## What was told already of what is told once.
static var _told := {}

# --- the platform


static func is_web() -> bool:
	return OS.has_feature("web")


## For a method that only the native nodes have.
static func unavailable(method: String, why: String = "the engine's WebSocketPeer has no such thing") -> Error:
	tell_once("%s: not on this platform, where the portable nodes serve: %s" % [method, why])
	return ERR_UNAVAILABLE


## An IP address as people write it (RFC 5952): the engine leaves no zeros out.
static func address(text: String) -> String:
	var groups := text.split(":")
	if groups.size() != 8:
		return text
	var longest := 1
	var longest_at := -1
	for at: int in 8:
		var end := at
		while end < 8 and groups[end] == "0":
			end += 1
		if end - at > longest:
			longest = end - at
			longest_at = at
	if longest_at < 0:
		return text
	return "%s::%s" % [":".join(groups.slice(0, longest_at)), ":".join(groups.slice(longest_at + longest))]


static func tell_once(text: String) -> void:
	if not _told.has(text):
		_told[text] = true
		push_warning(text)


# --- properties


## The class of a node, below which a game may have derived its own.
static func class_of(object: Object) -> String:
	var script: Script = object.get_script()
	while script != null:
		if script.get_global_name().begins_with("WebSocket"):
			return script.get_global_name()
		script = script.get_base_script()
	return object.get_class()


static func is_in_range(
	object: Object, property: String, value: float, low: Variant, high: Variant, unit: String = ""
) -> bool:
	if value >= low and value <= high:
		return true
	# A whole number, if the bounds are.
	var shown: Variant = value if low is float else int(value)
	var bounds := ("%s to %s %s" % [low, high, unit]).strip_edges()
	push_error("%s.set_%s: %s must be from %s, not %s" % [class_of(object), property, property, bounds, shown])
	return false


static func holds_in_range(
	object: Object, property: String, values: PackedInt64Array, low: int, high: int, _unit: String = ""
) -> bool:
	for value: int in values:
		if value < low or value > high:
			push_error(
				(
					"%s.set_%s: %s must hold integers from %d to %d, not %d"
					% [class_of(object), property, property, low, high, value]
				)
			)
			return false
	return true


static func is_of_enum(object: Object, property: String, value: int, constants: Dictionary) -> bool:
	if constants.values().has(value):
		return true
	var known: Array = constants.keys().map(func(name: String) -> String: return "%s (%d)" % [name, constants[name]])
	push_error("%s.set_%s: %d is none of %s" % [class_of(object), property, value, ", ".join(known)])
	return false


# --- messages


## The type of a value as GDScript calls it.
static func type_name(value: Variant) -> String:
	if value == null:
		return "null"
	if value is Object:
		return (value as Object).get_class()
	return type_string(typeof(value))


static func is_message(value: Variant) -> bool:
	return is_text(value) or value is PackedByteArray


static func is_text(value: Variant) -> bool:
	return value is String or value is StringName or value is NodePath


## `value` as JSON text, or null, after saying why, if it cannot be: in the name of `method`.
static func encode_json(value: Variant, method: String = "send_json") -> Variant:
	var problem: Array[String] = []
	var text := json_of(value, problem)
	if problem.is_empty():
		return text
	push_error("%s: %s; %s" % [method, problem[0], JSON_ADVICE])
	return null


## `value` as JSON text; what is wrong with it is put into `problem`.
static func json_of(value: Variant, problem: Array[String]) -> String:
	return _json(value, 0, problem)


static func _json(value: Variant, depth: int, problem: Array[String]) -> String:
	if depth > DEEPEST_JSON:
		problem.append("it holds itself, or is nested too deep")
	if not problem.is_empty():
		return ""
	match typeof(value):
		TYPE_NIL:
			return "null"
		TYPE_BOOL, TYPE_INT:
			return str(value)
		TYPE_FLOAT:
			return _json_number(value, problem)
		TYPE_STRING, TYPE_STRING_NAME, TYPE_NODE_PATH:
			return _json_text(str(value))
		TYPE_ARRAY:
			var items := PackedStringArray()
			for item: Variant in value:
				items.append(_json(item, depth + 1, problem))
			return "[%s]" % ",".join(items)
		TYPE_DICTIONARY:
			return _json_object(value, depth, problem)
	problem.append("%s has no form in JSON" % type_name(value))
	return ""


static func _json_object(value: Dictionary, depth: int, problem: Array[String]) -> String:
	var seen := {}
	var members := PackedStringArray()
	for key: Variant in value:
		var name := str(key)
		if typeof(key) in [TYPE_NIL, TYPE_BOOL, TYPE_INT, TYPE_FLOAT]:
			name = _json(key, depth, problem)
		elif not is_text(key):
			problem.append("%s cannot be a key in JSON" % type_name(key))
		if seen.has(name):
			# RFC 8259 section 4: names are unique.
			problem.append("two keys of a dictionary are the same in JSON, the second is a %s" % type_name(key))
		if not problem.is_empty():
			return ""
		seen[name] = true
		members.append("%s:%s" % [_json_text(name), _json(value[key], depth + 1, problem)])
	return "{%s}" % ",".join(members)


static func _json_number(value: float, problem: Array[String]) -> String:
	if is_nan(value) or is_inf(value):
		problem.append("a number that is not finite")
		return ""
	var text := str(value)
	# The engine shows fewer digits than a number may have.
	return text if text.to_float() == value else JSON.stringify(value, "", true, true)


## RFC 8259 section 7.
static func _json_text(text: String) -> String:
	var escaped := text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
	escaped = escaped.replace("\t", "\\t").replace("\b", "\\b").replace("\f", "\\f")
	for code: int in range(1, 32):
		escaped = escaped.replace(char(code), "\\u%04x" % code)
	return '"%s"' % escaped


## What is wrong with a key of send_latest(); "" for nothing.
static func key_problem(key: Variant) -> String:
	if key is int:
		return ""
	if not is_text(key):
		return "send_latest: the key must be String or int, not %s" % type_name(key)
	var length := str(key).length()
	if length > LONGEST_KEY:
		return "send_latest: the key has %d characters; at most %d are allowed" % [length, LONGEST_KEY]
	return ""


## Whether a close frame may hold `code` and `reason`.
static func check_close(code: int, reason: String) -> Error:
	if not (code in REGISTERED_CODES or (code >= 3000 and code < 5000)):
		push_error("close: code %d cannot be sent; use 1000 (done), 1001 (going away) or one from 3000 to 4999" % code)
		return ERR_INVALID_PARAMETER
	var size := reason.to_utf8_buffer().size()
	if size > MAX_REASON_BYTES:
		push_error("close: the reason has %d bytes of UTF-8; at most %d fit" % [size, MAX_REASON_BYTES])
		return ERR_INVALID_PARAMETER
	if is_web() and code != 1000 and code < 3000:
		push_error("close: code %d cannot be sent by a page in a browser; use 1000 or one from 3000 to 4999" % code)
		return ERR_UNAVAILABLE
	return OK


## Why a message was not sent, in one line; "" where nobody can do something about it.
static func send_problem(error: Error, method: String, message: Variant) -> String:
	match error:
		ERR_INVALID_PARAMETER:
			if is_message(message):
				return "%s: a message is text or binary throughout; end the fragmented one first" % method
			var advice := "use send_json(), or convert it to a String or PackedByteArray first"
			return "%s: %s is neither text nor binary; %s" % [method, type_name(message), advice]
		ERR_BUSY:
			return (
				"%s: outbound_buffer_size is reached; the receiver is too slow, send less, or wait for drained" % method
			)
		ERR_OUT_OF_MEMORY:
			return "%s: the message is longer than outbound_buffer_size, and never fits; raise it" % method
		ERR_ALREADY_IN_USE:
			return "%s: a message is being sent in fragments; end it with send_fragment(data, true) first" % method
		ERR_UNAUTHORIZED:
			if method == "send_fragment":
				return "send_fragment: outgoing_supervisor has to see whole messages; use send() while it is set"
	return ""


## Whether the calling thread is the one that polls.
static func is_main_thread() -> bool:
	return OS.get_thread_caller_id() == OS.get_main_thread_id()


## Whether a method is called on another thread than the one that polls; then a line says so.
static func is_elsewhere(method: String) -> bool:
	if is_main_thread():
		return false
	push_error("%s: only the thread that polls may call it (in Godot, the main one): use call_deferred" % method)
	return true
