## A client's connection where there are sockets: RFC 6455 over StreamPeerTCP and StreamPeerTLS.
##
## Not over the engine's WebSocketPeer: with a close it throws away what came right before it, and it tells neither
## pongs nor headers, nor why a server refuses.
extends "res://addons/ws_python/portable/wire.gd"

enum Phase { RESOLVING, CONNECTING, SECURING, OPENING, OPEN, CLOSING, CLOSED }

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const FrameWriter := preload("res://addons/ws_python/portable/frame_writer.gd")
const Handshake := preload("res://addons/ws_python/portable/client_handshake.gd")
const Lingering := preload("res://addons/ws_python/portable/lingering.gd")

const _ABNORMAL := 1006
const _READ_SIZE := 256 * 1024
const _PIECE := 64 * 1024
## Seconds that the server has to end the connection, when both sides have said goodbye (RFC 6455 section 7.1.1).
const _LAST_WAIT := 1.0

var _phase := Phase.RESOLVING
var _url: Url
var _options: TLSOptions
var _lookup := IP.RESOLVER_INVALID_ID
var _candidates: Array = []
var _tcp: StreamPeerTCP
var _tls: StreamPeerTLS
var _codec := Codec.new()
var _handshake: Handshake
var _headers := PackedStringArray()
var _offered := PackedStringArray()
## What to offer where a server hangs up on what was offered, as the engine's WebSocketPeer does.
var _plain := PackedStringArray()
var _hang_ups := 0
var _next := 0
var _writer := FrameWriter.new(meter)
var _linger_until := 0.0


func connect_to(
	url: Url, node: Node, tls_options: TLSOptions, offered: PackedStringArray, plain: PackedStringArray
) -> void:
	_url = url
	_options = tls_options
	_plain = plain
	_headers = node.get(&"handshake_headers")
	sends_pings = true
	_writer.is_masked = true
	_codec.is_masked = false
	_codec.max_message_size = node.get(&"max_message_size")
	_codec.max_fragments = node.get(&"max_fragments")
	_begin(offered)


func _begin(offered: PackedStringArray) -> void:
	_offered = offered
	_handshake = Handshake.new(_url, offered, _headers)
	_phase = Phase.RESOLVING
	_tls = null
	if _url.host.is_valid_ip_address():
		_candidates = [_url.host]
	else:
		_lookup = IP.resolve_hostname_queue_item(_url.host)


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
		flush()
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
		cause = "name_unknown"
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
	cause = "connection_refused"
	var what := "%s refuses connections on port %d; check that the server is running, and its port"
	_fail(what % [_url.host, _url.port])


func _connect() -> void:
	_tcp.poll()
	match _tcp.get_status():
		StreamPeerTCP.STATUS_CONNECTED:
			_tcp.set_no_delay(true)
			host = Checks.address(_tcp.get_connected_host())
			port = _tcp.get_connected_port()
			if _url.is_secure:
				_phase = Phase.SECURING
			else:
				_begin_handshake(_tcp)
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
			_begin_handshake(_tls)
		StreamPeerTLS.STATUS_HANDSHAKING:
			pass
		_:  # The engine tells not why: STATUS_ERROR_HOSTNAME_MISMATCH only that it was seen at once.
			cause = "failed_tls_handshake"
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


func _begin_handshake(stream: StreamPeer) -> void:
	_phase = Phase.OPENING
	_writer.stream = stream
	_writer.put_uncounted(_handshake.request)


func _shake_hands() -> void:
	flush()
	var data := _receive(_PIECE)
	if not data.is_empty():
		_handshake.receive(data)
	elif _has_ended() and _handshake.is_unanswered() and _offered != _plain:
		_hang_ups += 1
		_begin(_offered if _hang_ups < 2 else _plain)  # A link may break, too, but hardly twice at this moment.
	elif _has_ended():
		_handshake.receive_end()
	match _handshake.state:
		Handshake.State.FAILED:
			retry_after = _handshake.retry_after
			cause = _handshake.cause
			status = _handshake.status
			_fail(_handshake.failure, _handshake.may_pass)
		Handshake.State.ACCEPTED:
			_phase = Phase.OPEN
			agree(_handshake.protocol)
			if has_layer:
				_codec.max_message_size += LayerMessage.MAX_OVERHEAD
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
	if _phase == Phase.OPEN:
		_writer.put_pongs(_codec.pings)
	_codec.pings.clear()
	if _codec.close_code != Codec.NO_CODE:
		_take_close()
	elif amount():
		flush()


## The codec is closed: by the server's close, its fault, or the end of the stream.
func _take_close() -> void:
	if _phase == Phase.CLOSED:
		return
	close_code = _codec.close_code
	close_reason = _codec.close_reason
	if not _codec.close_frame.is_empty():
		put_frame(_codec.close_frame)
		_codec.close_frame = PackedByteArray()
	flush()
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


func put_frame(frame: PackedByteArray) -> void:
	_writer.put_frame(frame)


func amount() -> int:
	return _writer.amount()


func taken() -> int:
	return meter.bytes_sent


## What goes wrong is told by the end of the stream.
func flush() -> bool:
	if _phase >= Phase.OPENING and _phase < Phase.CLOSED:
		_writer.flush()
	return _phase != Phase.CLOSED


func discard() -> void:
	_writer.discard()


func close(code: int, reason: String) -> void:
	if _phase != Phase.OPEN:
		drop()
		return
	put_frame(Codec.make_close(code, reason))
	_codec.close_sent = true
	_phase = Phase.CLOSING
	flush()


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
