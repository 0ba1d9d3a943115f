## A client's connection in a browser, over the engine's WebSocketPeer, which is the page's own WebSocket there.
##
## No page sees headers, pings or why a connection failed, nor may it set headers or close with another code than 1000
## and 3000 to 4999. What has come must be taken at once: the engine drops what its buffer has no room for.
extends "res://addons/ws_python/portable/wire.gd"

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")

## The engine's peer makes its buffer that long at once, and the next power of two longer.
const LONGEST_BUFFER := 1 << 26

var _peer: WebSocketPeer
var _url: Url
var _node: Node
var _tls_options: TLSOptions
# What to offer where a server agrees to nothing that was offered: then a browser says that it cannot be connected to.
var _plain := PackedStringArray()
var _offered := PackedStringArray()
var _was_open := false
# The frames of a message that is not whole: a page can send whole messages only.
var _message := PackedByteArray()
var _is_text := false


func connect_to(
	url: Url, node: Node, tls_options: TLSOptions, offered: PackedStringArray, plain: PackedStringArray
) -> void:
	_url = url
	host = url.host
	port = url.port
	_node = node
	_tls_options = tls_options
	_plain = plain
	if not (node.get(&"handshake_headers") as PackedStringArray).is_empty():
		Checks.tell_once("handshake_headers: no page in a browser sets headers: they are left out")
	_begin(offered)


func _begin(offered: PackedStringArray) -> void:
	_offered = offered
	_peer = WebSocketPeer.new()
	_peer.supported_protocols = offered
	var longest: int = _node.get(&"max_message_size")
	if _offered != _plain:
		longest += LayerMessage.MAX_OVERHEAD
	# The longest message, too.
	_peer.inbound_buffer_size = mini(longest, LONGEST_BUFFER)
	_peer.outbound_buffer_size = (1 << 31) - 1  # The outbox sees to that.
	if _peer.connect_to_url(_url.as_ascii(), _tls_options) != OK:
		failure = "the browser does not connect to this URL; a page that came by https:// may open wss:// only"
		may_pass = false


func work(_may_read: bool) -> void:
	_peer.poll()
	if _peer.get_ready_state() == WebSocketPeer.STATE_OPEN:
		if not _was_open:
			_was_open = true
			agree(_peer.get_selected_protocol())
	elif _peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
		close_code = _peer.get_close_code()
		close_reason = _peer.get_close_reason()
		# Between two frames it may have been opened, and closed: then there is a code of the server's.
		if _was_open or close_code not in [-1, 0, 1006] or failure:
			return
		if _offered != _plain:
			_begin(_plain)
		else:
			failure = (
				(
					"it cannot be connected to, of which the browser tells no more: the host may be unknown, refuse "
					+ "connections on port %d, or be no WebSocket server; check that the server is running, and the URL"
				)
				% port
			)


func get_ready_state() -> WebSocketPeer.State:
	return _peer.get_ready_state()


func has_message() -> bool:
	return _peer.get_available_packet_count() > 0


func next_message() -> Variant:
	var packet := _peer.get_packet()
	meter.messages_received += 1
	meter.frames_received += 1
	meter.bytes_received += Meter.frame_size(packet.size(), false)
	return packet.get_string_from_utf8() if _peer.was_string_packet() else packet


func put_frame(frame: PackedByteArray) -> void:
	var opcode := frame[0] & 0x0f
	if opcode != Codec.CONTINUATION:
		_is_text = opcode == Codec.TEXT
	_message.append_array(frame.slice(Codec.head_size(frame)))
	if frame[0] & 0x80:
		_send(_message)
		_message = PackedByteArray()


func _send(data: PackedByteArray) -> void:
	var mode := WebSocketPeer.WRITE_MODE_TEXT if _is_text else WebSocketPeer.WRITE_MODE_BINARY
	if _peer.get_ready_state() == WebSocketPeer.STATE_OPEN and _peer.send(data, mode) == OK:
		meter.frames_sent += 1
		meter.bytes_sent += Meter.frame_size(data.size(), true)


func amount() -> int:
	return _message.size() + _peer.get_current_outbound_buffered_amount()


func taken() -> int:
	return meter.bytes_sent - _peer.get_current_outbound_buffered_amount()


func discard() -> void:
	_message = PackedByteArray()


func close(code: int, reason: String) -> void:
	# Where it goes away, it may say only that it is done.
	_peer.close(1000 if Checks.is_web() and code < 3000 else code, reason)


func drop() -> void:
	_peer.close(-1)
