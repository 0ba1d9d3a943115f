## A client that leaves without a word while the server goes on sending.
extends "res://tests/godot/suite.gd"

const REQUEST: PackedStringArray = [
	"GET / HTTP/1.1",
	"Host: localhost",
	"Upgrade: websocket",
	"Connection: Upgrade",
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	"Sec-WebSocket-Version: 13",
	"\r\n",
]


## The second write after the other side is gone raises SIGPIPE, which ends a process that does not ignore it.
func test_sending_to_it_does_not_end_the_game() -> void:
	var server := start_server()
	var connection := StreamPeerTCP.new()
	check_equal(connection.connect_to_host("127.0.0.1", server.get_local_port()), OK)
	await until(
		func() -> bool:
			connection.poll()
			return connection.get_status() == StreamPeerTCP.STATUS_CONNECTED
	)
	check_equal(connection.put_data("\r\n".join(REQUEST).to_ascii_buffer()), OK)
	await until(func() -> bool: return server.get_peer_count() == 1)
	await until(func() -> bool: return connection.get_available_bytes() > 0)
	connection.get_data(connection.get_available_bytes())  # Unread, it would make the end a reset.
	server.process_callback = WebSocketServer.PROCESS_MANUAL  # It does not notice.
	connection.disconnect_from_host()
	for _frame: int in 5:
		server.send(0, "Are you there?")
		await frames(1)
	server.process_callback = WebSocketServer.PROCESS_IDLE
	await until(func() -> bool: return server.get_peer_count() == 0)
