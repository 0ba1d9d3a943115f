## What carries the bytes of one connection of a server: TCP, with TLS over it or without.
extends RefCounted

enum State { SHAKING_HANDS, OPEN, ENDED }

const Checks := preload("res://addons/ws_python/portable/checks.gd")

# Milliseconds between two looks at whether a connection through which nothing comes is still there.
const _LOOK_PERIOD := 100

## What can be written to.
var stream: StreamPeer
var host := ""
var port := 0
## Nothing more comes, and nothing can be written.
var has_ended := false

var _tcp: StreamPeerTCP
var _tls: StreamPeerTLS
var _next_look := 0


func _init(tcp: StreamPeerTCP, tls_options: TLSOptions) -> void:
	_tcp = tcp
	stream = tcp
	_tcp.set_no_delay(true)
	host = Checks.address(tcp.get_connected_host())
	port = tcp.get_connected_port()
	if tls_options != null:
		_tls = StreamPeerTLS.new()
		stream = _tls
		_quietly(_tls.accept_stream.bind(tcp, tls_options))


func is_secure() -> bool:
	return _tls != null


## Goes on with the TLS handshake, where there is one.
func shake_hands() -> State:
	if _tls == null:
		return State.OPEN
	_quietly(_tls.poll)
	match _tls.get_status():
		StreamPeerTLS.STATUS_CONNECTED:
			return State.OPEN
		StreamPeerTLS.STATUS_HANDSHAKING:
			return State.SHAKING_HANDS
	has_ended = true
	return State.ENDED


## What strangers do wrong is told by handshake_failed, and not by the engine.
func _quietly(call_it: Callable) -> void:
	var printing := Engine.print_error_messages
	Engine.print_error_messages = false
	call_it.call()
	Engine.print_error_messages = printing


## How many bytes can be read now.
func available() -> int:
	if has_ended:
		return 0
	if _tls != null:
		_quietly(_tls.poll)
		has_ended = _tls.get_status() != StreamPeerTLS.STATUS_CONNECTED
		return 0 if has_ended else _tls.get_available_bytes()
	var count := _tcp.get_available_bytes()
	if count == 0 and Time.get_ticks_msec() >= _next_look:
		_next_look = Time.get_ticks_msec() + _LOOK_PERIOD
		_tcp.poll()
		has_ended = _tcp.get_status() != StreamPeerTCP.STATUS_CONNECTED
	return count


## Takes so many of the bytes that are available: where the stream ends within, the engine gives nothing.
func receive(size: int) -> PackedByteArray:
	var result := stream.get_partial_data(size)
	if result[0] == OK:
		return result[1]
	has_ended = true
	return PackedByteArray()


func end() -> void:
	has_ended = true
	if _tls != null:
		_quietly(_tls.disconnect_from_stream)
	_tcp.disconnect_from_host()
