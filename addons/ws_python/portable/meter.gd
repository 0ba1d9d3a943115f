## What went through one connection, or through all of a node: counted where it passes, added up when it is asked for.
extends RefCounted

const FIELDS: Array[StringName] = [
	&"messages_received",
	&"messages_sent",
	&"messages_refused",
	&"messages_lost",
	&"compressed_received",
	&"compressed_sent",
	&"frames_received",
	&"frames_sent",
	&"bytes_received",
	&"bytes_sent",
]

var messages_received := 0
var messages_sent := 0
var messages_refused := 0
var messages_lost := 0
## The engine's peer does not compress.
var compressed_received := 0
var compressed_sent := 0
## Of messages alone: it does not tell of pings, nor of fragments.
var frames_received := 0
var frames_sent := 0
var bytes_received := 0
var bytes_sent := 0


func absorb(other: RefCounted) -> void:
	for field: StringName in FIELDS:
		set(field, get(field) + other.get(field))


func as_dictionary() -> Dictionary:
	var counted := {}
	for field: StringName in FIELDS:
		counted[String(field)] = get(field)
	return counted


## How long a frame is on the wire (RFC 6455 section 5.2); what a client sends is masked.
static func frame_size(payload: int, is_masked: bool) -> int:
	var length := 0 if payload < 126 else 2 if payload < 65536 else 8
	return payload + 2 + length + (4 if is_masked else 0)
