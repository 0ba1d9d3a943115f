## What carries one connection of a client: where there are sockets socket_wire.gd, in a browser browser_wire.gd.
##
## It works when it is told to, calls nobody back, and is asked for what came of it.
extends RefCounted

const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Url := preload("res://addons/ws_python/portable/url.gd")

## What it has sent and received is counted here.
var meter := Meter.new()
var close_code := -1
var close_reason := ""
## Why it was not opened, and whether another attempt may be.
var failure := ""
var may_pass := true
## A name for why, to count it by, and the HTTP status that the server answered with; 0 for none.
var cause := "unreachable"
var status := 0
## What the server asks who tries again to wait for, in seconds (RFC 9110 section 10.2.3).
var retry_after := 0.0
## Who is at the other end.
var host := ""
var port := 0
## The subprotocol that both sides agreed on.
var protocol := ""
## Whether they agreed on the session layer.
var has_layer := false
## Whether it sends pings.
var sends_pings := false


## Begins to connect, by the settings of a node, and offers subprotocols; or else `_plain` ones, where it cannot be
## told that a server agrees to none of these.
func connect_to(
	_url: Url, _node: Node, _tls_options: TLSOptions, _offered: PackedStringArray, _plain: PackedStringArray
) -> void:
	pass


## The opening handshake has agreed on a subprotocol, or on none.
func agree(subprotocol: String) -> void:
	protocol = LayerMessage.without_layer(subprotocol)
	has_layer = LayerMessage.has_layer(subprotocol)


## Reads, unless too much came, and writes.
func work(_may_read: bool) -> void:
	pass


func get_ready_state() -> WebSocketPeer.State:
	return WebSocketPeer.STATE_CLOSED


func has_message() -> bool:
	return false


## What came next: String, PackedByteArray, or an Array with the payload of a pong.
func next_message() -> Variant:
	return null


## Bytes of a message that is not whole yet, and how many messages have begun.
func unfinished() -> int:
	return 0


func begun() -> int:
	return 0


func control_frames() -> int:
	return 0


## Bytes that it has taken since it was made: where it changes, something was.
func taken() -> int:
	return 0


# --- as the sink of an outbox (outbox.gd)


## Takes a whole frame, without a mask.
func put_frame(_frame: PackedByteArray) -> void:
	pass


## Writes what it can. False if it cannot any more.
func flush() -> bool:
	return true


## The connection is gone: forgets what was not taken.
func discard() -> void:
	pass


## Bytes that the system, or the browser, has not taken yet.
func amount() -> int:
	return 0


## Begins the closing handshake, behind what was sent.
func close(_code: int, _reason: String) -> void:
	pass


## Ends at once.
func drop() -> void:
	pass


## A header of the server's answer, several joined by commas.
func get_header(_name: String) -> String:
	return ""
