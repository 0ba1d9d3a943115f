## A receiver that is too slow: ERR_BUSY, drained, send_latest(), and its end after slow_peer_timeout.
extends "res://tests/godot/suite.gd"

const BUFFER := 1 << 20
const SIZE := 50_000
## What the server counts for the head of a message that is not queued yet.
const OVERHEAD := 14

var _server: WebSocketServer
var _client: WebSocketClient
var _id: int
var _received: Array = []


## A server with a small buffer, and a client that takes nothing but in the frames in which `_read` polls it.
func _open() -> void:
	_server = WebSocketServer.new()
	_server.bind_address = "localhost"
	_server.outbound_buffer_size = BUFFER
	add_child(_server)
	check_equal(_server.listen(0), OK)
	_client = WebSocketClient.new()
	_client.max_queued_bytes = 1024
	add_child(_client)
	check_equal(_client.connect_to_url(url_of(_server)), OK)
	await until(func() -> bool: return _client.status == WebSocketClient.STATUS_ACTIVE)
	await until(func() -> bool: return _server.get_peer_count() == 1)
	_id = _server.get_peer_ids()[0]
	_client.process_callback = WebSocketClient.PROCESS_MANUAL
	_client.message_received.connect(func(message: Variant) -> void: _received.append(message))


func _message(size: int) -> PackedByteArray:
	var message := PackedByteArray()
	message.resize(size)
	return message


## Sends until nothing more leaves and fits, without being refused; how many messages were queued.
func _fill(sender: Object, send: Callable) -> int:
	var count := 0
	var idle_frames := 0
	while idle_frames < 20:
		var waiting: int = sender.call("get_current_outbound_buffered_amount")
		if waiting + SIZE + OVERHEAD <= BUFFER:
			check_equal(send.call(_message(SIZE)), OK)
			count += 1
			idle_frames = 0
		else:
			idle_frames += 1
			await frames(1)
	return count


func _fill_peer() -> int:
	var peer := _server.get_peer(_id)
	return await _fill(peer, peer.send)


func _read_until(condition: Callable) -> void:
	var reading := func() -> bool:
		_client.poll()
		return condition.call()
	await until(reading, "", 15_000)


func test_a_full_buffer_is_busy_and_is_told_to_be_drained() -> void:
	await _open()
	var untyped: Variant = _server
	var count: int = await _fill_peer()
	var peer := _server.get_peer(_id)
	var seen: Array = []
	_server.peer_drained.connect(func(id: int) -> void: seen.append(id))
	untyped.connect("peer_drained", func(id: int) -> void: seen.append(id))
	peer.drained.connect(func() -> void: seen.append("peer"))
	expect_error("^ERROR: send: outbound_buffer_size is reached; the receiver is too slow, send less, or wait for")
	check_equal(_server.send(_id, _message(SIZE)), ERR_BUSY)
	check_equal(untyped.call("send", 0, _message(SIZE)), ERR_BUSY)
	check_equal(peer.send(_message(SIZE)), ERR_BUSY)
	expect_error("^ERROR: send: the message is longer than outbound_buffer_size, and never fits; raise it")
	check_equal(untyped.send(_id, _message(BUFFER)), ERR_OUT_OF_MEMORY)
	await frames(10)
	check_equal(seen, [])
	await _read_until(func() -> bool: return _received.size() == count)
	await frames(10)
	check_equal(seen, ["peer", _id, _id])
	check_equal(_server.send(_id, "again"), OK)
	await _read_until(func() -> bool: return _received.has("again"))
	# How often it was refused is told at the end of the connection.
	expect_error("^ERROR: outbound_buffer_size is reached: 3 times in all")
	await _fill_peer()
	_server.slow_peer_timeout = 0.1
	await until(func() -> bool: return _server.get_peer_count() == 0)


func test_a_client_that_sends_too_much_is_told_to_be_drained() -> void:
	var server := start_server()
	server.max_queued_bytes = 1024
	server.max_message_size = BUFFER
	var client: WebSocketClient = WebSocketClient.new()
	client.outbound_buffer_size = BUFFER
	add_child(client)
	check_equal(client.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	await until(func() -> bool: return server.get_peer_count() == 1)
	server.process_callback = WebSocketServer.PROCESS_MANUAL
	var count: int = await _fill(client, client.send)
	expect_error("^ERROR: send: outbound_buffer_size is reached")
	check_equal(client.send(_message(SIZE)), ERR_BUSY)
	var log := record(client)
	var got := [0]
	server.message_received.connect(func(_peer_id: int, _message: Variant) -> void: got[0] += 1)
	var reading := func() -> bool:
		server.poll()
		return got[0] == count
	await until(reading, "", 15_000)
	await frames(10)
	check_equal(log, [["drained"]] as Array[Array])


func test_the_newest_state_is_late_by_no_queue() -> void:
	await _open()
	var untyped: Variant = _server
	var state := _message(20_000)
	for number: int in 600:
		state.encode_u32(0, number)
		check_equal(untyped.send_latest(_id, "state", state), OK)
		check_equal(_server.send_latest(0, 7, "by number %d" % number), OK)
		if number % 10 == 0:
			await frames(1)
	var peer := _server.get_peer(_id)
	check(peer.get_current_outbound_buffered_amount() < 25_000, "bounded by one of each key")
	await _read_until(func() -> bool: return _received.has("by number 599") and _received.has(state))
	var numbers: Array = _received.filter(func(message: Variant) -> bool: return message is PackedByteArray)
	numbers = numbers.map(func(message: PackedByteArray) -> int: return message.decode_u32(0))
	var sorted := numbers.duplicate()
	sorted.sort()
	check_equal(numbers, sorted)
	check_equal(numbers.back(), 599)
	check(numbers.size() < 60, "all but few were replaced: %d" % numbers.size())


func test_what_is_sent_latest_in_one_frame() -> void:
	await _open()
	var peer := _server.get_peer(_id)
	var by_name: Variant = peer
	check_equal(peer.send_latest("a", "old"), OK)
	check_equal(by_name.send_latest(&"a", "a"), OK)
	check_equal(by_name.call("send_latest", 1, PackedByteArray([1])), OK)
	check_equal(_server.send_latest(-_id, "a", "to nobody"), OK)
	check_equal(peer.send("behind nothing"), OK)
	await _read_until(func() -> bool: return _received.size() == 3)
	check_equal(_received, ["behind nothing", "a", PackedByteArray([1])])


func test_what_cannot_be_sent_latest() -> void:
	await _open()
	var untyped: Variant = _server
	var peer := _server.get_peer(_id)
	for key: Variant in [null, 1.5, [], true, Vector2()]:
		expect_error("^ERROR: send_latest: the key must be String or int, not ")
		check_equal(untyped.send_latest(_id, key, "x"), ERR_INVALID_PARAMETER)
		expect_error("^ERROR: send_latest: the key must be String or int, not ")
		check_equal(_server.send_latest(0, key, "x"), ERR_INVALID_PARAMETER)
	expect_error("^ERROR: send_latest: the key has 257 characters; at most 256 are allowed")
	check_equal(peer.send_latest("k".repeat(257), "x"), ERR_INVALID_PARAMETER)
	expect_error("^ERROR: send_latest: Dictionary is neither text nor binary; use send_json")
	check_equal(peer.send_latest("k", {}), ERR_INVALID_PARAMETER)
	expect_error("^ERROR: send_latest: int is neither text nor binary; use send_json")
	check_equal(_server.send_latest(0, "k", 5), ERR_INVALID_PARAMETER)
	expect_error("^ERROR: send_latest: there is no peer 1; see get_peer_ids")
	check_equal(_server.send_latest(1, "k", "x"), ERR_DOES_NOT_EXIST)
	expect_error("^ERROR: send_latest: the message is longer than outbound_buffer_size")
	check_equal(peer.send_latest("k", _message(BUFFER)), ERR_OUT_OF_MEMORY)


func test_state_of_a_freed_peer_leaves_before_its_close() -> void:
	await _open()
	check_equal(_server.send_latest(_id, "a", "last words"), OK)
	_server.get_peer(_id).free()
	await _read_until(func() -> bool: return _client.status == WebSocketClient.STATUS_IDLE)
	check_equal(_received, ["last words"])


func test_state_of_a_freed_server_leaves_before_its_close() -> void:
	await _open()
	check_equal(_server.send_latest(0, "a", "last words"), OK)
	_server.free()
	await _read_until(func() -> bool: return _client.status == WebSocketClient.STATUS_IDLE)
	check_equal(_received, ["last words"])
	check_equal(_client.get_close_code(), 1001)


func test_who_takes_nothing_is_closed() -> void:
	await _open()
	_server.slow_peer_timeout = 0.3
	var other: WebSocketClient = await open_client(_server)
	var ended: Array = []
	var disconnected := func(id: int) -> void:
		ended.append([id, _server.get_peer(id).get_close_code(), _server.get_peer(id).get_close_reason()])
	_server.client_disconnected.connect(disconnected)
	for _i: int in 20:
		check_equal(_server.send(_id, _message(SIZE)), OK)
	# The system may take all of it, and more: then that waits.
	var closed := func() -> bool:
		if _server.has_peer(_id):
			_server.send_latest(_id, "state", _message(SIZE))
		return not ended.is_empty()
	await until(closed)
	check_equal(ended, [[_id, 1008, "nothing was taken within slow_peer_timeout"]])
	check_equal(other.status, WebSocketClient.STATUS_ACTIVE)
	check_equal(_server.get_peer_count(), 1)


func test_of_all_together_those_for_whom_most_waits_are_closed() -> void:
	var server := start_server()
	server.max_outbound_size = 60_000_000
	var ids: Array[int] = []
	var clients: Array[WebSocketClient] = []
	for _i: int in 3:
		var client := WebSocketClient.new()
		client.max_message_size = 1 << 30
		add_child(client)
		check_equal(client.connect_to_url(url_of(server)), OK)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
		await until(func() -> bool: return server.get_peer_count() == clients.size() + 1)
		client.process_callback = WebSocketClient.PROCESS_MANUAL
		clients.append(client)
		ids.append(last_peer(server).peer_id)
	var ended: Array = []
	var disconnected := func(id: int) -> void: ended.append([id, server.get_peer(id).get_close_code()])
	server.client_disconnected.connect(disconnected)
	# Of each the system takes some, and nobody reads it.
	for i: int in 3:
		check_equal(server.send(ids[i], _message(48_000_000 if i == 1 else 24_000_000)), OK)
	await until(func() -> bool: return not ended.is_empty())
	await frames(5)
	check_equal(ended, [[ids[1], 1008]])
	check_equal(server.get_statistics()["counts"], {"closed_max_outbound_size": 1})
	var received: Array[int] = []
	for client: WebSocketClient in [clients[0], clients[2]]:
		client.message_received.connect(func(message: PackedByteArray) -> void: received.append(message.size()))
		client.process_callback = WebSocketClient.PROCESS_IDLE
	await until(func() -> bool: return received == [24_000_000, 24_000_000], "the others", 30_000)


func test_a_handler_of_drained_may_end_it_all() -> void:
	await _open()
	await _fill_peer()
	expect_error("^ERROR: send: outbound_buffer_size is reached")
	check_equal(_server.send(_id, _message(SIZE)), ERR_BUSY)
	var log := record(_server)
	var end := func() -> void:
		_server.stop()
		_server.queue_free()
	_server.get_peer(_id).drained.connect(end)
	await _read_until(func() -> bool: return not is_instance_valid(_server))
	check_equal(named(log, "peer_drained"), [] as Array[Array])
	await _read_until(func() -> bool: return _client.status == WebSocketClient.STATUS_IDLE)


func test_another_thread_is_refused() -> void:
	await _open()
	var peer := _server.get_peer(_id)
	expect_error("^ERROR: send_latest: only the thread that polls may call it")
	var answers: Array = []
	var task := WorkerThreadPool.add_task(func() -> void: answers.append(peer.send_latest("a", "x")))
	WorkerThreadPool.wait_for_task_completion(task)
	check_equal(answers, [ERR_UNAVAILABLE])
