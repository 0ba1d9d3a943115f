## Compression: whatever the two sides have set, messages arrive whole; what is compressed is smaller on the wire.
extends "res://tests/godot/suite.gd"

const MODES: Array[WebSocketServer.CompressionMode] = [
	WebSocketServer.COMPRESSION_OFF,
	WebSocketServer.COMPRESSION_TEXT,
	WebSocketServer.COMPRESSION_ALL,
]


func _messages() -> Array:
	var noise := PackedByteArray()
	var numbers := RandomNumberGenerator.new()
	numbers.seed = 1
	for _i: int in 5000:
		noise.append(numbers.randi() % 256)
	var zeros := PackedByteArray()
	zeros.resize(200_000)
	return ["short", "", "Grüße, 世界 ".repeat(5000), noise, zeros, PackedByteArray(), "ab".repeat(1000)]


func _check_round_trip(server: WebSocketServer, client: WebSocketClient) -> void:
	var received: Array = []
	server.message_received.connect(func(id: int, message: Variant) -> void: server.send(id, message))
	client.message_received.connect(func(message: Variant) -> void: received.append(message))
	var messages := _messages()
	for _round: int in 2:
		for message: Variant in messages:
			check_equal(client.send(message), OK)
	await until(func() -> bool: return received.size() == 2 * messages.size())
	for i: int in received.size():
		check_equal(received[i], messages[i % messages.size()], "message %d" % i)


func _open(server: WebSocketServer, client: WebSocketClient) -> void:
	add_child(server)
	add_child(client)
	server.bind_address = "localhost"
	check_equal(server.listen(0), OK)
	check_equal(client.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE and server.get_peer_count() == 1)


func test_every_pair_of_modes() -> void:
	for server_mode: int in MODES:
		for client_mode: int in MODES:
			var server := WebSocketServer.new()
			var client := WebSocketClient.new()
			server.set("compression", server_mode)
			client.set("compression", client_mode)
			await _open(server, client)
			await _check_round_trip(server, client)


func test_context_takeover_and_window_bits() -> void:
	for bits: int in [9, 12, 15]:
		var server := WebSocketServer.new()
		var client := WebSocketClient.new()
		server.compression = WebSocketServer.COMPRESSION_ALL
		client.compression = WebSocketClient.COMPRESSION_ALL
		server.compression_context_takeover = true
		client.compression_context_takeover = true
		server.compression_window_bits = bits
		client.compression_window_bits = 24 - bits
		client.compression_min_size = 0
		await _open(server, client)
		await _check_round_trip(server, client)


func test_a_compressed_message_is_smaller() -> void:
	for mode: int in MODES:
		var server := WebSocketServer.new()
		var client := WebSocketClient.new()
		client.set("compression", mode)
		await _open(server, client)
		client.send("x".repeat(10_000))
		var size := client.get_current_outbound_buffered_amount()
		var is_compressed := mode != WebSocketServer.COMPRESSION_OFF
		check(size < 1000 if is_compressed else size > 10_000, "%d bytes in mode %d" % [size, mode])


func test_a_broadcast_to_some_that_compress_and_some_that_do_not() -> void:
	var server := start_server()
	var received: Array = []
	for mode: int in MODES:
		var client := WebSocketClient.new()
		client.set("compression", mode)
		add_child(client)
		client.message_received.connect(func(message: Variant) -> void: received.append(message))
		client.connect_to_url(url_of(server))
	await until(func() -> bool: return server.get_peer_count() == MODES.size())
	var text := "to all of you ".repeat(1000)
	check_equal(server.send(0, text), OK)
	await until(func() -> bool: return received.size() == MODES.size())
	check_equal(received, [text, text, text])


func test_what_unpacks_to_too_much_is_refused() -> void:
	var server := WebSocketServer.new()
	var client := WebSocketClient.new()
	server.max_message_size = 100_000
	await _open(server, client)
	client.send("x".repeat(100_001))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.get_close_code(), 1009)
