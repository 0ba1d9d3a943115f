## Messages in both directions: every one arrives once, whole, in order, and as what it was sent.
extends "res://tests/godot/suite.gd"


## Has the client send the messages to a server that sends them back, and compares them on both sides.
func _check_round_trip(messages: Array) -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var at_server: Array = []
	var at_client: Array = []
	server.message_received.connect(
		func(peer_id: int, message: Variant) -> void:
			at_server.append(message)
			check_equal(server.send(peer_id, message), OK)
	)
	client.message_received.connect(func(message: Variant) -> void: at_client.append(message))
	for message: Variant in messages:
		check_equal(client.send(message), OK)
	await until(func() -> bool: return at_client.size() == messages.size(), "the echoes")
	for i: int in messages.size():
		check_equal(at_server[i], messages[i], "message %d at the server" % i)
		check_equal(at_client[i], messages[i], "message %d at the client" % i)


func test_text() -> void:
	await _check_round_trip(["hello", "Grüße, 世界, 𝄞, e\u0301", " ", 'line\r\nline\t"quoted" \\'])


func test_binary() -> void:
	var every_byte := PackedByteArray(range(256))
	await _check_round_trip([every_byte, PackedByteArray([0]), "text".to_utf8_buffer()])


func test_empty() -> void:
	await _check_round_trip(["", PackedByteArray(), "", PackedByteArray()])


func test_one_mebibyte() -> void:
	var binary := PackedByteArray()
	binary.resize(1 << 20)
	for i: int in range(0, binary.size(), 251):
		binary[i] = i % 256
	await _check_round_trip([binary, "ж".repeat(1 << 19), binary])


func test_every_frame_length() -> void:
	# RFC 6455 section 5.2: the length takes one, three or nine bytes.
	var messages: Array = []
	for length: int in [125, 126, 127, 65535, 65536]:
		messages.append("x".repeat(length))
	await _check_round_trip(messages)


func test_order() -> void:
	var messages: Array = []
	for i: int in 1000:
		messages.append(str(i) if i % 2 else PackedByteArray([i % 256, i / 256]))
	await _check_round_trip(messages)


func test_nul_in_text_reaches_the_game_as_a_string() -> void:
	# An engine's String cannot hold U+0000 everywhere; what must not happen is that the text ends there.
	var server := start_server()
	var peer: WebSocketPeer = await _open_engine_peer(server)
	var received: Array = []
	server.message_received.connect(func(_id: int, message: Variant) -> void: received.append(message))
	peer.send(PackedByteArray([97, 0, 98]), WebSocketPeer.WRITE_MODE_TEXT)
	await until(
		func() -> bool:
			peer.poll()
			return received.size() == 1
	)
	var text: String = received[0]
	check_equal(text.length(), 3, "length")
	check_equal(text.unicode_at(0), 97)
	check_equal(text.unicode_at(2), 98)


func test_string_name_and_node_path_are_text() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(server)
	check_equal(client.send(&"name"), OK)
	check_equal(client.send(^"A/B"), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 2)
	check_equal(named(log, "message_received")[0][1], "name")
	check_equal(named(log, "message_received")[1][1], "A/B")


func test_fragments_arrive_as_one_message() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	var peer := last_peer(server)
	check_equal(peer.send_fragment("Stück", false), OK)
	check_equal(peer.send_fragment("", false), OK)
	check_equal(peer.ping(), OK)
	check_equal(peer.send_fragment("chen", true), OK)
	check_equal(peer.send_fragment(PackedByteArray([1]), false), OK)
	check_equal(peer.send_fragment(PackedByteArray([2, 3]), true), OK)
	check_equal(peer.send("whole"), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 3)
	check_equal(
		named(log, "message_received"), [["Stückchen"], [PackedByteArray([1, 2, 3])], ["whole"]] as Array[Array]
	)


func test_json() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	var value := {"name": "Zoë", "hp": 7, "at": [1.5, -2], "alive": true, "clan": null, "nested": {"a": []}}
	check_equal(last_peer(server).send_json(value), OK)
	check_equal(server.send_json(0, [1, "two"]), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 2)
	var text: String = named(log, "message_received")[0][0]
	check_equal(text, '{"name":"Zoë","hp":7,"at":[1.5,-2],"alive":true,"clan":null,"nested":{"a":[]}}')
	check_equal(named(log, "message_received")[1][0], '[1,"two"]')


func test_all_that_came_before_a_close_is_delivered_before_it() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var at_server := record(server)
	var at_client := record(client)
	for i: int in 100:
		client.send(str(i))
		server.send(0, str(i))
	client.close()
	await until(func() -> bool: return named(at_client, "connection_closed").size() == 1)
	await until(func() -> bool: return named(at_server, "client_disconnected").size() == 1)
	check_equal(named(at_server, "message_received").size(), 100, "messages at the server")
	check_equal(named(at_server, "message_received")[99][1], "99")
	check_equal(at_server.back()[0], "client_disconnected")


func test_what_the_server_sends_before_it_closes_is_delivered() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	var peer := last_peer(server)
	for i: int in 100:
		peer.send(str(i))
	peer.close(1000, "done")
	await until(func() -> bool: return named(log, "connection_closed").size() == 1)
	check_equal(named(log, "message_received").size(), 100)
	check_equal(log.back()[0], "connection_closed")


func test_messages_sent_in_a_handler_of_client_connected() -> void:
	var server := start_server()
	server.client_connected.connect(func(peer_id: int) -> void: server.send(peer_id, "welcome"))
	var client := start_client(server)
	var log := record(client)
	await until(func() -> bool: return named(log, "message_received").size() == 1)
	var names: Array = log.map(func(entry: Array) -> String: return entry[0])
	check_equal(names, ["status_changed", "connected_to_server", "message_received"])


func _open_engine_peer(server: WebSocketServer) -> WebSocketPeer:
	var peer := WebSocketPeer.new()
	peer.connect_to_url(url_of(server))
	await until(
		func() -> bool:
			peer.poll()
			return peer.get_ready_state() == WebSocketPeer.STATE_OPEN and server.get_peer_count() == 1
	)
	return peer


func test_a_message_that_is_changed_after_it_was_sent() -> void:
	# More than the system takes at once: what waits is shared with the game's array until that is changed.
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var received: Array = []
	client.message_received.connect(func(message: Variant) -> void: received.append(message))
	var binary := PackedByteArray()
	binary.resize(12 << 20)
	binary.fill(1)
	var peer := server.get_peer(server.get_peer_ids()[0])
	check_equal(peer.send(binary), OK)
	check(peer.get_current_outbound_buffered_amount() > 0, "the system took it all: make it longer")
	binary.fill(2)
	binary.resize(1)
	binary.resize(12 << 20)
	binary.fill(1)
	check_equal(server.send(0, binary), OK)
	binary.fill(2)
	await until(func() -> bool: return received.size() == 2, "both messages")
	binary.fill(1)
	check(received[0] == binary and received[1] == binary, "what was sent arrived, not what it became")


func test_poll_in_a_handler_while_thousands_wait() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var received: Array = []
	server.message_received.connect(
		func(_peer_id: int, message: Variant) -> void:
			received.append(message)
			server.poll()
	)
	for i: int in 3000:
		client.send(str(i))
	await until(func() -> bool: return received.size() == 3000)
	check_equal(received, range(3000).map(func(i: int) -> String: return str(i)))
