## A client's connection where there are sockets: RFC 6455 over StreamPeerTCP and StreamPeerTLS.
##
## Not over the engine's WebSocketPeer: with a close it throws away what came right before it, and it tells neither
## pongs nor headers, nor why a server refuses.
extends "res://addons/ws_python/portable/wire.gd"

enum Phase { RESOLVING, CONNECTING, SECURING, OPENING, OPEN, CLOSING, CLOSED }

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Handshake := preload("res://addons/ws_python/portable/client_handshake.gd")
const Lingering := preload("res://addons/ws_python/portable/lingering.gd")

const _ABNORMAL := 1006
const _READ_SIZE := 256 * 1024
const _PIECE := 64 * 1024
## Seconds that the server has to end the connection, when both sides have said goodbye (RFC 6455 section 7.1.1).
const _LAST_WAIT := 1.0
const _MOST_HANDED := 64 * 1024

var _phase := Phase.RESOLVING
var _url: Url
var _options: TLSOptions
var _lookup := IP.RESOLVER_INVALID_ID
var _candidates: Array = []
var _tcp: StreamPeerTCP
var _tls: StreamPeerTLS
var _codec := Codec.new()
var _handshake: Handshake
var _next := 0
# What waits to be written; and of that what the system is offered: TLS wants the same again, where it has taken none.
var _out := PackedByteArray()
var _out_at := 0
var _chunk := PackedByteArray()
# Bytes in front of it that are not counted: the request.
var _uncounted := 0
var _keys := PackedByteArray()
var _linger_until := 0.0


func connect_to(url: Url, node: Node, tls_options: TLSOptions) -> void:
	_url = url
	_options = tls_options
	most_handed = _MOST_HANDED
	sends_fragments = true
	_codec.is_masked = false
	_codec.max_message_size = node.get(&"max_message_size")
	_codec.max_fragments = node.get(&"max_fragments")
	_handshake = Handshake.new(url, node.get(&"supported_protocols"), node.get(&"handshake_headers"))
	if url.host.is_valid_ip_address():
		_candidates = [url.host]
	else:
		_lookup = IP.resolve_hostname_queue_item(url.host)


func get_ready_state() -> WebSocketPeer.State:
	match _phase:
		Phase.OPEN:
			return WebSocketPeer.STATE_OPEN
		Phase.CLOSING:
			return WebSocketPeer.STATE_CLOSING
		Phase.CLOSED:
			return WebSocketPeer.STATE_CLOSED
	return WebSocketPeer.STATE_CONNECTING


# --- connecting


func work(may_read: bool) -> void:
	var before := -1
	while _phase != before and _phase < Phase.OPEN:
		before = _phase
		_connect_further()
	if _phase == Phase.OPEN or _phase == Phase.CLOSING:
		_flush()
		if may_read:
			_read()


func _connect_further() -> void:
	match _phase:
		Phase.RESOLVING:
			_resolve()
		Phase.CONNECTING:
			_connect()
		Phase.SECURING:
			_secure()
		Phase.OPENING:
			_shake_hands()


func _resolve() -> void:
	if _lookup != IP.RESOLVER_INVALID_ID:
		var status := IP.get_resolve_item_status(_lookup)
		if status == IP.RESOLVER_STATUS_WAITING:
			return
		if status == IP.RESOLVER_STATUS_DONE:
			_candidates = IP.get_resolve_item_addresses(_lookup)
		_forget_lookup()
	if _candidates.is_empty():
		_fail('the host name "%s" cannot be resolved; check its spelling and the network' % _url.host)
	else:
		_try_next()


func _forget_lookup() -> void:
	if _lookup != IP.RESOLVER_INVALID_ID:
		IP.erase_resolve_item(_lookup)
		_lookup = IP.RESOLVER_INVALID_ID


func _try_next() -> void:
	while not _candidates.is_empty():
		_tcp = StreamPeerTCP.new()
		if _tcp.connect_to_host(_candidates.pop_front() as String, _url.port) == OK:
			_phase = Phase.CONNECTING
			return
	var what := "%s refuses connections on port %d; check that the server is running, and its port"
	_fail(what % [_url.host, _url.port])


func _connect() -> void:
	_tcp.poll()
	match _tcp.get_status():
		StreamPeerTCP.STATUS_CONNECTED:
			_tcp.set_no_delay(true)
			host = Checks.address(_tcp.get_connected_host())
			port = _tcp.get_connected_port()
			_phase = Phase.SECURING if _url.is_secure else Phase.OPENING
			_out = _handshake.request
			_uncounted = _out.size()
		StreamPeerTCP.STATUS_CONNECTING:
			pass
		_:
			_try_next()


func _secure() -> void:
	if _tls == null:
		_tls = StreamPeerTLS.new()
		var options := _options if _options else TLSOptions.client()
		_quietly(_tls.connect_to_stream.bind(_tcp, _url.host, options))
	else:
		_quietly(_tls.poll)
	match _tls.get_status():
		StreamPeerTLS.STATUS_CONNECTED:
			_phase = Phase.OPENING
		StreamPeerTLS.STATUS_HANDSHAKING:
			pass
		StreamPeerTLS.STATUS_ERROR_HOSTNAME_MISMATCH:
			_fail("the certificate of %s is that of another host; check the URL" % _url.host, false)
		_:
			_fail(
				(
					(
						"%s, port %d, does not speak TLS as it should, or its certificate is not trusted; see "
						+ "tls_trusted_ca, or use ws:// if it has no TLS"
					)
					% [_url.host, _url.port]
				)
			)


## What goes wrong is told by our own words, and not by the engine.
func _quietly(call_it: Callable) -> void:
	var printing := Engine.print_error_messages
	Engine.print_error_messages = false
	call_it.call()
	Engine.print_error_messages = printing


func _shake_hands() -> void:
	_flush()
	var data := _receive(_PIECE)
	if not data.is_empty():
		_handshake.receive(data)
	elif _has_ended():
		_handshake.receive_end()
	match _handshake.state:
		Handshake.State.FAILED:
			retry_after = _handshake.retry_after
			_fail(_handshake.failure, _handshake.may_pass)
		Handshake.State.ACCEPTED:
			_phase = Phase.OPEN
			protocol = _handshake.protocol
			if not _handshake.leftover.is_empty():
				_take(_handshake.leftover)


func _fail(why: String, is_to_pass: bool = true) -> void:
	failure = why
	may_pass = is_to_pass
	drop()


func get_header(name: String) -> String:
	return "" if _handshake == null else _handshake.get_header(name)


# --- what comes


func _read() -> void:
	var left := _READ_SIZE
	while left > 0 and _phase != Phase.CLOSED:
		var data := _receive(mini(left, _PIECE))
		if data.is_empty():
			if _has_ended():
				_codec.receive_end(_ABNORMAL)
				_take_close()
			return
		left -= data.size()
		_take(data)


func _take(data: PackedByteArray) -> void:
	meter.bytes_received += data.size()
	_codec.receive(data)
	meter.messages_received = _codec.messages_received
	meter.frames_received = _codec.frames_received
	for payload: PackedByteArray in _codec.pings:
		if _phase == Phase.OPEN and amount() <= most_handed:
			_append(Codec.make_frame(Codec.PONG, payload))
	_codec.pings.clear()
	if _codec.close_code != Codec.NO_CODE:
		_take_close()
	elif amount():
		_flush()


## The codec is closed: by the server's close, its fault, or the end of the stream.
func _take_close() -> void:
	if _phase == Phase.CLOSED:
		return
	close_code = _codec.close_code
	close_reason = _codec.close_reason
	if not _codec.close_frame.is_empty():
		_append(_codec.close_frame)
		_codec.close_frame = PackedByteArray()
	_flush()
	_phase = Phase.CLOSED
	_linger_until = Time.get_ticks_msec() / 1000.0 + _LAST_WAIT
	if _has_ended():
		drop()
	else:
		Lingering.add(self)


func has_message() -> bool:
	return _next < _codec.events.size()


func next_message() -> Variant:
	var message: Variant = _codec.events[_next]
	_codec.events[_next] = null
	_next += 1
	if _next == _codec.events.size():
		_codec.events = []
		_codec.events_size = 0
		_next = 0
	return message


func unfinished() -> int:
	return _codec.unfinished()


func begun() -> int:
	return _codec.messages_begun


func control_frames() -> int:
	return _codec.control_frames_received


func _stream() -> StreamPeer:
	return _tls if _tls != null else _tcp


func _receive(most: int) -> PackedByteArray:
	if _tls != null:
		_quietly(_tls.poll)
	else:
		_tcp.poll()
	if _has_ended():
		return PackedByteArray()
	var available := _stream().get_available_bytes()
	if available <= 0:
		return PackedByteArray()
	var result := _stream().get_partial_data(mini(available, most))
	return result[1] if result[0] == OK else PackedByteArray()


func _has_ended() -> bool:
	if _tls != null:
		return _tls.get_status() != StreamPeerTLS.STATUS_CONNECTED
	return _tcp == null or _tcp.get_status() != StreamPeerTCP.STATUS_CONNECTED


# --- what is sent


func send(data: PackedByteArray, kind: Kind, is_final: bool = true) -> bool:
	if _phase != Phase.OPEN:
		return false
	_append(Codec.make_frame(kind, data, is_final))
	return true


func ping(payload: PackedByteArray) -> Error:
	if _phase != Phase.OPEN:
		return ERR_CONNECTION_ERROR
	_append(Codec.make_frame(Codec.PING, payload))
	return OK


func amount() -> int:
	return _out.size() - _out_at + _chunk.size()


func close(code: int, reason: String) -> void:
	if _phase != Phase.OPEN:
		drop()
		return
	_append(Codec.make_close(code, reason))
	_codec.close_sent = true
	_phase = Phase.CLOSING
	_flush()


func _append(frame: PackedByteArray) -> void:
	meter.frames_sent += 1
	_out.append_array(_masked(frame))


## RFC 6455 section 5.3: what a client sends is masked with a key that nobody can foresee; eight bytes at a time.
func _masked(frame: PackedByteArray) -> PackedByteArray:
	if _keys.size() < 4:
		_keys = Crypto.new().generate_random_bytes(1024)
	var key := _keys.slice(_keys.size() - 4)
	_keys.resize(_keys.size() - 4)
	var head := 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
	var masked := frame.slice(0, head)
	masked[1] |= 0x80
	masked.append_array(key)
	var size := frame.size() - head
	if size > 0:
		var half := key.decode_u32(0)
		var payload := frame.slice(head)
		payload.resize((size + 7) & ~7)
		var words := payload.to_int64_array()
		var mask := half | half << 32
		for i: int in words.size():
			words[i] ^= mask
		payload = words.to_byte_array()
		payload.resize(size)
		masked.append_array(payload)
	return masked


func _flush() -> void:
	while _phase >= Phase.OPENING and _phase < Phase.CLOSED and amount() > 0:
		if _chunk.is_empty():
			_chunk = _out.slice(_out_at, _out_at + _PIECE)
			_out_at += _chunk.size()
			if _out_at == _out.size():
				_out = PackedByteArray()
				_out_at = 0
		var result := _stream().put_partial_data(_chunk)
		var taken: int = result[1]
		if result[0] != OK or taken == 0:
			return
		var uncounted := mini(taken, _uncounted)
		_uncounted -= uncounted
		meter.bytes_sent += taken - uncounted
		_chunk = PackedByteArray() if taken == _chunk.size() else _chunk.slice(taken)


# --- the end


func drop() -> void:
	_phase = Phase.CLOSED
	_linger_until = 0.0
	_forget_lookup()
	if _tls != null:
		_quietly(_tls.disconnect_from_stream)
	if _tcp != null:
		_tcp.disconnect_from_host()


## For Lingering: the server is to end the connection, so that what it still reads is not lost.
func poll(now: float) -> void:
	_receive(_PIECE)
	if _has_ended() or now >= _linger_until:
		drop()


func is_gone() -> bool:
	return _linger_until == 0.0
