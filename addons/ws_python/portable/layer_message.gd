## A message of the session layer (docs/sessions.md), sans-I/O: a letter, a line of ASCII and a payload, text or binary.
extends RefCounted

const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")

## How the layer is negotiated: alone, or as "P+session1.ws-python" with a subprotocol P of the user's.
const SUBPROTOCOL := "session1.ws-python"
## ASCII's "data link escape": what begins with it is the layer's own.
const DLE := 0x10
const HELLO := "h"
const WELCOME := "w"
const ACKNOWLEDGEMENT := "a"
const CLOCK := "t"
const MOVE := "m"
const VALUE := "v"
## By how much a message of the layer is longer than what is in it, at the most: DLE, a letter, the line and its end.
const MAX_OVERHEAD := 1024 + 3
## The largest whole number that each language has, JavaScript among them.
const MOST := (1 << 53) - 1

const _DLE := "\u0010"
# What concerns one connection only: it has no number, and is not sent again on another one.
const _UNCOUNTED := HELLO + WELCOME + ACKNOWLEDGEMENT + CLOCK + MOVE

var letter := ""
var head := ""
## A String or a PackedByteArray.
var payload: Variant = ""


static func of(its_letter: String, its_head: String = "", its_payload: Variant = "") -> RefCounted:
	var made: RefCounted = new()
	made.letter = its_letter
	made.head = its_head
	made.payload = its_payload
	return made


## Of a message that begins with DLE and is no message of the user's; null, where it is none.
static func unpack(message: Variant) -> RefCounted:
	var line := ""
	var rest: Variant = message
	if message is String:
		var text: String = message
		var end := text.left(MAX_OVERHEAD).find("\n")
		line = text.left(maxi(end, 0))
		rest = text.substr(end + 1)
		if line.to_utf8_buffer().size() != line.length():
			return null
	else:
		var bytes: PackedByteArray = message
		var begin := bytes.slice(0, MAX_OVERHEAD)
		var end := begin.find(0x0a)
		begin.resize(maxi(end, 0))
		for byte: int in begin:
			if byte == 0 or byte > 0x7f:
				return null
		line = begin.get_string_from_ascii()
		rest = bytes.slice(end + 1)
	return of(line[1], line.substr(2), rest) if line.length() >= 2 else null


## Whether it has a number, and survives a cut as messages of the user's do.
func is_counted() -> bool:
	return not _UNCOUNTED.contains(letter)


## As it is on the wire.
func pack() -> Variant:
	var line := _DLE + letter + head + "\n"
	if payload is PackedByteArray:
		return line.to_ascii_buffer() + (payload as PackedByteArray)
	return line + str(payload)


## Bytes of memory, of what waits to be handed out.
func size() -> int:
	return payload.size() if payload is PackedByteArray else payload.length()


## Tells itself to the core of a node.
func tell(core: RefCounted, connection: RefCounted) -> void:
	core.layer_message(connection, self)


# --- messages and frames


## Whether a message, as it came, begins with DLE.
static func is_escaped(message: Variant) -> bool:
	if message is String:
		return (message as String).begins_with(_DLE)
	return not message.is_empty() and message[0] == DLE


## Whether the payload of a whole frame, without a mask, has DLE at a place.
static func has_dle(frame: PackedByteArray, at: int = 0) -> bool:
	var place := Codec.head_size(frame) + at
	return frame.size() > place and frame[place] == DLE


## A frame with a message of the user's, as it is on the wire: changed only where it would be taken for the layer's.
static func escaped(frame: PackedByteArray) -> PackedByteArray:
	if not has_dle(frame):
		return frame
	return Codec.make_frame(frame[0] & 0x0f, PackedByteArray([DLE]) + frame.slice(Codec.head_size(frame)))


## As it is to be sent where there is no layer; empty for what is the layer's own.
static func unescaped(frame: PackedByteArray) -> PackedByteArray:
	if not has_dle(frame):
		return frame
	if not has_dle(frame, 1):
		return PackedByteArray()
	return Codec.make_frame(frame[0] & 0x0f, frame.slice(Codec.head_size(frame) + 1))


# --- the opening handshake


## How a client that speaks these subprotocols offers the layer, and that it can do without it.
static func layered(protocols: PackedStringArray) -> PackedStringArray:
	if protocols.is_empty():
		return PackedStringArray([SUBPROTOCOL])
	return with_layer(protocols) + protocols


## These subprotocols with the layer.
static func with_layer(protocols: PackedStringArray) -> PackedStringArray:
	var found := PackedStringArray()
	for name: String in protocols:
		found.append(name + "+" + SUBPROTOCOL)
	return found


static func has_layer(protocol: String) -> bool:
	return protocol == SUBPROTOCOL or protocol.ends_with("+" + SUBPROTOCOL)


## The user's part of a subprotocol.
static func without_layer(protocol: String) -> String:
	return "" if protocol == SUBPROTOCOL else protocol.trim_suffix("+" + SUBPROTOCOL)
