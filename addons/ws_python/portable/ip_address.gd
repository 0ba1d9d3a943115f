## IP addresses as bytes, to be compared: what leads to this machine, and what belongs to one household.
extends RefCounted

const _IPV4_BEGIN := 12
const _MAPPED: PackedByteArray = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
# What one household, or one rented server, has of IPv6 (RFC 6177).
const _HOUSEHOLD_BYTES := 8


## The 16 bytes of an address, an IPv4 one mapped into IPv6; empty for what is none.
static func parse(text: String) -> PackedByteArray:
	if text.contains("."):
		return _parse_mixed(text)
	var halves := text.split("::")
	if halves.size() > 2 or not text.contains(":"):
		return []
	var front := _groups(halves[0])
	var back: Array[int] = []
	if halves.size() == 2:
		back = _groups(halves[1])
	if front.has(-1) or back.has(-1):
		return []
	return _joined(front, back, halves.size() == 2)


static func _parse_mixed(text: String) -> PackedByteArray:
	var colon := text.rfind(":")
	var numbers := text.substr(colon + 1).split(".")
	if numbers.size() != 4:
		return []
	var four := PackedByteArray()
	for number: String in numbers:
		if not _is_digits(number) or number.length() > 3 or number.to_int() > 255:
			return []
		if number.length() > 1 and number.begins_with("0"):
			return []
		four.append(number.to_int())
	if colon < 0:
		return _MAPPED + four
	var six := text.left(colon + 1) + "%x:%x" % [four[0] << 8 | four[1], four[2] << 8 | four[3]]
	return parse(six)


static func _is_digits(text: String) -> bool:
	for character: String in text:
		if character < "0" or character > "9":
			return false
	return not text.is_empty()


## The bytes of groups between colons, as an Array; -1 in it where one is wrong.
static func _groups(text: String) -> Array[int]:
	var bytes: Array[int] = []
	for group: String in text.split(":", true) if text else PackedStringArray():
		if group.length() < 1 or group.length() > 4 or not group.is_valid_hex_number():
			return [-1]
		if group.begins_with("-") or group.begins_with("+"):
			return [-1]
		bytes.append(group.hex_to_int() >> 8)
		bytes.append(group.hex_to_int() & 0xff)
	return bytes


static func _joined(front: Array[int], back: Array[int], is_short: bool) -> PackedByteArray:
	var missing := 16 - front.size() - back.size()
	if missing < 0 or (not is_short and missing != 0) or (is_short and missing == 0):
		return []
	var bytes := PackedByteArray(front)
	bytes.resize(16 - back.size())
	bytes.append_array(PackedByteArray(back))
	return bytes


static func is_ipv4(bytes: PackedByteArray) -> bool:
	return bytes.slice(0, _IPV4_BEGIN) == _MAPPED


## Whether an address leads to this machine from itself.
static func is_loopback(text: String) -> bool:
	var bytes := parse(text)
	if bytes.is_empty():
		return false
	if is_ipv4(bytes):
		return bytes[_IPV4_BEGIN] == 127
	return bytes == parse("::1")


## As is_loopback(), or 0.0.0.0 or ::, which do, where anything does.
static func is_of_this_machine(text: String) -> bool:
	var bytes := parse(text)
	return is_loopback(text) or bytes == parse("0.0.0.0") or bytes == parse("::") and not bytes.is_empty()


## What connections of one origin have in common: the IPv4 address, or the IPv6 network. "" for this machine.
static func network_of(text: String) -> String:
	var bytes := parse(text)
	if bytes.is_empty():
		return text
	if is_loopback(text):
		return ""
	return (bytes if is_ipv4(bytes) else bytes.slice(0, _HOUSEHOLD_BYTES)).hex_encode()


## A network like 10.0.0.0/8 or one address as [bytes, bits]; [] for what is none, or has bits behind its prefix.
static func parse_network(text: String) -> Array:
	var parts := text.split("/")
	var bytes := parse(parts[0])
	if bytes.is_empty() or parts.size() > 2:
		return []
	var bits := 128
	if parts.size() == 2:
		if not _is_digits(parts[1]) or parts[1].to_int() > (32 if is_ipv4(bytes) else 128):
			return []
		bits = parts[1].to_int() + (96 if is_ipv4(bytes) else 0)
	return [bytes, bits] if masked(bytes, bits) == bytes else []


## An address without what is behind the first `bits` bits.
static func masked(bytes: PackedByteArray, bits: int) -> PackedByteArray:
	var kept := bytes.duplicate()
	for i: int in 16:
		var left := clampi(bits - 8 * i, 0, 8)
		kept[i] &= (0xff << 8 - left) & 0xff
	return kept
