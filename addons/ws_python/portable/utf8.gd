## Text as WebSocket carries it: valid UTF-8 (RFC 3629) and nothing else, without a line in the log for what strangers
## send.
extends RefCounted

# U+FEFF at the beginning, which the engine's decoder leaves out.
const _MARK := "\ufeff"
const _MARK_BYTES: PackedByteArray = [0xef, 0xbb, 0xbf]
# What stands for U+0000, which an engine's String cannot hold.
const _FOR_NUL := "\ufffd"
# Of a word of eight bytes, those bits that ASCII leaves 0: 0x80 in each.
const _BEYOND_ASCII := -0x7f7f7f7f7f7f7f80
# How many bytes are matched at once: the engine gives up on a text that takes too many steps.
const _AT_ONCE := 65536

# Well-formed sequences in hexadecimal (RFC 3629 section 4): one byte, two, three, four.
static var _well_formed := RegEx.create_from_string(
	(
		"^(?:(?:[0-7].)++|c[2-9a-f][89ab].|d.[89ab]."
		+ "|e0[ab].[89ab].|(?:e[1-9abcef](?:[89ab].){2})++|ed[89].[89ab]."
		+ "|f0[9ab].(?:[89ab].){2}|f[123](?:[89ab].){3}|f48.(?:[89ab].){2})*+$"
	)
)
# It matches any text but one that is no Unicode: that it does not look through.
static var _unicode := RegEx.create_from_string("(*UTF)")


## The text, or null if it is not valid.
static func decode(data: PackedByteArray) -> Variant:
	if data.has(0):
		return _decode_around_nuls(data)
	# The engine's decoder would print a line of what is wrong, and could be kept from it by a switch only that is one for
	# all threads.
	if not _is_valid(data):
		return null
	var begin := 0
	while data.slice(begin, begin + _MARK_BYTES.size()) == _MARK_BYTES:
		begin += _MARK_BYTES.size()
	if begin == 0:
		return data.get_string_from_utf8()
	return _MARK.repeat(begin / _MARK_BYTES.size()) + data.slice(begin).get_string_from_utf8()


## The bytes of a text, or null if it holds half a surrogate pair, which UTF-8 cannot carry.
static func encode(text: String) -> Variant:
	return null if _unicode.search(text) == null else text.to_utf8_buffer()


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


## Whether all of it is UTF-8. Most messages are ASCII, which is looked through by eight bytes.
static func _is_valid(data: PackedByteArray) -> bool:
	var size := data.size()
	var words := data.slice(0, size - size % 8).to_int64_array()
	var ascii := 0
	while ascii < words.size() and not words[ascii] & _BEYOND_ASCII:
		ascii += 1
	var begin := ascii * 8
	while begin < size:
		var end := mini(begin + _AT_ONCE, size)
		for _within: int in 3:
			if end < size and data[end] & 0xc0 == 0x80:
				end -= 1
		if _well_formed.search(data.slice(begin, end).hex_encode()) == null:
			return false
		begin = end
	return true
