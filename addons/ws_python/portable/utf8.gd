## Text as WebSocket carries it: valid UTF-8 (RFC 3629) and nothing else, without a line in the log for what strangers
## send.
extends RefCounted

# U+FEFF at the beginning, which the engine's decoder leaves out.
const _MARK := "\ufeff"
# What stands for U+0000, which an engine's String cannot hold.
const _FOR_NUL := "\ufffd"
# The first byte of what would be half a surrogate pair, and of what is beyond U+10FFFF, where the second one is that
# large.
const _BEYOND := {0xed: 0xa0, 0xf4: 0x90}


## The text, or null if it is not valid.
static func decode(data: PackedByteArray) -> Variant:
	if data.has(0):
		return _decode_around_nuls(data)
	var printing := Engine.print_error_messages
	Engine.print_error_messages = false  # It would print a line for each byte that is wrong.
	var text := data.get_string_from_utf8()
	var same := text.to_utf8_buffer()
	Engine.print_error_messages = printing
	if same == data and not _goes_beyond(data):
		return text
	if data.size() > 3 and same.size() == data.size() - 3 and data[0] == 0xef and data[1] == 0xbb and data[2] == 0xbf:
		var rest: Variant = decode(data.slice(3))
		return null if rest == null else _MARK + (rest as String)
	return _MARK if data == PackedByteArray([0xef, 0xbb, 0xbf]) else null


## The bytes of a text, or null if it holds half a surrogate pair, which UTF-8 cannot carry.
static func encode(text: String) -> Variant:
	var printing := Engine.print_error_messages
	Engine.print_error_messages = false
	var data := text.to_utf8_buffer()
	Engine.print_error_messages = printing
	if data.size() != text.length() and _goes_beyond(data):
		return null
	return data


static func _decode_around_nuls(data: PackedByteArray) -> Variant:
	var parts := PackedStringArray()
	var begin := 0
	while true:
		var end := data.find(0, begin)
		var part: Variant = decode(data.slice(begin, end if end >= 0 else data.size()))
		if part == null:
			return null
		parts.append(part as String)
		if end < 0:
			return _FOR_NUL.join(parts)
		begin = end + 1
	return null


## Whether well-formed sequences hold what is no character.
static func _goes_beyond(data: PackedByteArray) -> bool:
	for first: int in _BEYOND:
		var least: int = _BEYOND[first]
		var at := data.find(first)
		while at >= 0:
			if at + 1 < data.size() and data[at + 1] >= least:
				return true
			at = data.find(first, at + 1)
	return data.has(0xf5) or data.has(0xf6) or data.has(0xf7)
