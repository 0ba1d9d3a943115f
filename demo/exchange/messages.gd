## The messages that both ends of the demo send, and expect from each other, in this order.
extends RefCounted

const FILE := "res://demo/exchange/messages.json"

## String for text, PackedByteArray for binary.
var all: Array = []


func _init() -> void:
	var entries: Array = JSON.parse_string(FileAccess.get_file_as_string(FILE))
	for entry: Dictionary in entries:
		var repeat: int = entry.get("repeat", 1)
		if entry.has("text"):
			all.append(str(entry["text"]).repeat(repeat))
		else:
			all.append(str(entry["binary"]).repeat(repeat).hex_decode())


## Says what `message` is, and whether it is what was expected as number `index`: same type, same content.
func check(index: int, message: Variant) -> String:
	if index >= all.size():
		return "%s, CORRUPTED: nothing more was expected" % describe(message)
	var expected: Variant = all[index]
	if typeof(message) == typeof(expected) and message == expected:
		return "%s, as expected" % describe(message)
	return "%s, CORRUPTED: expected %s" % [describe(message), describe(expected)]


func describe(message: Variant) -> String:
	if message is String:
		var text: String = message
		return "text, %d characters" % text.length()
	if message is PackedByteArray:
		var bytes: PackedByteArray = message
		return "binary, %d bytes" % bytes.size()
	return type_string(typeof(message))
