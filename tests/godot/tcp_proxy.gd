## A proxy on loopback for tests: HTTP CONNECT and SOCKS5 on one port, told apart by the first byte. Whatever host it is
## asked for, it connects to 127.0.0.1.
extends Node

const SOCKS_REQUEST := 5

## "user:password" that a client has to give; empty for none.
var credentials := ""
## The hosts that it was asked for, as they came.
var asked := PackedStringArray()

var _server := TCPServer.new()
var _tunnels: Array[Tunnel] = []


class Tunnel:
	var client: StreamPeerTCP
	var target: StreamPeerTCP
	var received := PackedByteArray()
	## What to answer when the target is reached.
	var answer := PackedByteArray()
	var is_greeted := false


func _init() -> void:
	_server.listen(0, "127.0.0.1")


func get_local_port() -> int:
	return _server.get_local_port()


func _process(_delta: float) -> void:
	while _server.is_connection_available():
		var tunnel := Tunnel.new()
		tunnel.client = _server.take_connection()
		_tunnels.append(tunnel)
	for tunnel: Tunnel in _tunnels:
		_go_on(tunnel)


func _go_on(tunnel: Tunnel) -> void:
	tunnel.client.poll()
	var received := _take(tunnel.client)
	if tunnel.target == null:
		tunnel.received += received
		_read_request(tunnel)
		return
	tunnel.target.poll()
	if tunnel.target.get_status() != StreamPeerTCP.STATUS_CONNECTED:
		return
	if tunnel.answer:
		tunnel.client.put_data(tunnel.answer)
		tunnel.answer = PackedByteArray()
	tunnel.target.put_data(received)
	tunnel.client.put_data(_take(tunnel.target))


func _take(stream: StreamPeerTCP) -> PackedByteArray:
	var size := stream.get_available_bytes() if stream.get_status() == StreamPeerTCP.STATUS_CONNECTED else 0
	if size <= 0:
		return PackedByteArray()
	return stream.get_data(size)[1]


func _read_request(tunnel: Tunnel) -> void:
	if tunnel.received.is_empty():
		return
	if tunnel.received[0] == SOCKS_REQUEST:
		_read_socks(tunnel)
	else:
		_read_http(tunnel)


func _read_http(tunnel: Tunnel) -> void:
	var head := tunnel.received.get_string_from_ascii()
	if not head.ends_with("\r\n\r\n"):
		return
	if credentials and not head.contains("Basic " + Marshalls.utf8_to_base64(credentials)):
		tunnel.client.put_data("HTTP/1.1 407 Who are you\r\n\r\n".to_ascii_buffer())
		tunnel.received.clear()
		return
	var authority := head.get_slice(" ", 1)
	tunnel.answer = "HTTP/1.1 200 OK\r\n\r\n".to_ascii_buffer()
	_reach(tunnel, authority.get_slice(":", 0), authority.get_slice(":", 1).to_int())


## RFC 1928, with names only.
func _read_socks(tunnel: Tunnel) -> void:
	if not tunnel.is_greeted:
		tunnel.is_greeted = true
		tunnel.received.clear()
		tunnel.client.put_data(PackedByteArray([5, 0]))
		return
	if tunnel.received.size() < 5 or tunnel.received.size() < 7 + tunnel.received[4]:
		return
	var end := 5 + tunnel.received[4]
	tunnel.answer = PackedByteArray([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
	var port := tunnel.received[end] * 256 + tunnel.received[end + 1]
	_reach(tunnel, tunnel.received.slice(5, end).get_string_from_ascii(), port)


func _reach(tunnel: Tunnel, host: String, port: int) -> void:
	asked.append(host)
	tunnel.target = StreamPeerTCP.new()
	tunnel.target.connect_to_host("127.0.0.1", port)
