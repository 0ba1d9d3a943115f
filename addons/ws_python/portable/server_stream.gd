## What carries the bytes of one connection of a server: TCP, with TLS over it or without.
extends RefCounted

enum State { SHAKING_HANDS, OPEN, ENDED }

const Checks := preload("res://addons/ws_python/portable/checks.gd")

## What can be written to.
var stream: StreamPeer
var host := ""
var port := 0

var _tcp: StreamPeerTCP
var _tls: StreamPeerTLS


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
	return State.ENDED


## What strangers do wrong is told by handshake_failed, and not by the engine.
func _quietly(call_it: Callable) -> void:
	var printing := Engine.print_error_messages
	Engine.print_error_messages = false
	call_it.call()
	Engine.print_error_messages = printing


## What came, at most so much; empty for nothing. Then has_ended() tells whether nothing more comes.
func receive(most: int) -> PackedByteArray:
	if _tls != null:
		_quietly(_tls.poll)
	if has_ended():
		return PackedByteArray()
	var available := stream.get_available_bytes()
	if available > 0:
		# No more than there is: where the stream ends within, the engine gives nothing.
		var result := stream.get_partial_data(mini(available, most))
		if result[0] == OK:
			return result[1]
	elif _tls == null:
		_tcp.poll()
	return PackedByteArray()


func has_ended() -> bool:
	if _tls != null:
		return _tls.get_status() != StreamPeerTLS.STATUS_CONNECTED
	return _tcp.get_status() != StreamPeerTCP.STATUS_CONNECTED


func end() -> void:
	if _tls != null:
		_quietly(_tls.disconnect_from_stream)
	_tcp.disconnect_from_host()
