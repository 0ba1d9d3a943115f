## low_latency: a message is handled when it arrives, not after the engine's sleep, which comes back with the last node.
extends "res://tests/godot/suite.gd"

## Long, so that sleeping through it cannot be taken for anything else.
const SLEEP_USEC := 50_000
const ROUND_TRIPS := 20

var _sleep_before := OS.low_processor_usage_mode_sleep_usec


func _exit_tree() -> void:
	OS.low_processor_usage_mode_sleep_usec = _sleep_before


func _round_trips_msec(server: WebSocketServer, client: WebSocketClient) -> int:
	var left: Array[int] = [ROUND_TRIPS]
	server.message_received.connect(func(id: int, message: Variant) -> void: server.send(id, message))
	client.message_received.connect(
		func(message: Variant) -> void:
			left[0] -= 1
			if left[0] > 0:
				client.send(message)
	)
	var started := Time.get_ticks_msec()
	client.send("ping")
	await until(func() -> bool: return left[0] == 0)
	return Time.get_ticks_msec() - started


func test_it_answers_at_once() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	OS.low_processor_usage_mode_sleep_usec = SLEEP_USEC
	server.low_latency = true
	await frames(2)
	var msec: int = await _round_trips_msec(server, client)
	check(msec < ROUND_TRIPS * SLEEP_USEC / 1000.0 / 4, "%d round trips took %d ms" % [ROUND_TRIPS, msec])


func test_it_sleeps_while_nothing_arrives() -> void:
	var server := start_server()
	await open_client(server)
	OS.low_processor_usage_mode_sleep_usec = SLEEP_USEC
	server.low_latency = true
	await frames(2)
	var started := Time.get_ticks_msec()
	await frames(4)
	check(Time.get_ticks_msec() - started >= 3 * SLEEP_USEC / 1000.0, "it does not spin")


func test_the_engines_sleep_comes_back_with_the_last_node() -> void:
	OS.low_processor_usage_mode_sleep_usec = SLEEP_USEC
	var server := start_server()
	var client := start_client(server)
	server.low_latency = true
	client.low_latency = true
	await frames(2)
	check(OS.low_processor_usage_mode_sleep_usec < SLEEP_USEC, "while they want it")
	server.queue_free()
	await frames(2)
	check(OS.low_processor_usage_mode_sleep_usec < SLEEP_USEC, "while the client wants it")
	client.low_latency = false
	await frames(2)
	check_equal(OS.low_processor_usage_mode_sleep_usec, SLEEP_USEC)


func _sleeps() -> bool:
	return OS.low_processor_usage_mode_sleep_usec == SLEEP_USEC


func test_the_engine_sleeps_where_no_node_waits() -> void:
	OS.low_processor_usage_mode_sleep_usec = SLEEP_USEC
	var server := start_server()
	server.low_latency = true
	check(not _sleeps(), "the node waits")
	server.process_callback = WebSocketServer.PROCESS_MANUAL
	check(_sleeps(), "polled by hand")
	server.process_callback = WebSocketServer.PROCESS_PHYSICS
	check(_sleeps(), "polled in physics frames")
	server.process_callback = WebSocketServer.PROCESS_IDLE
	check(not _sleeps(), "polled in idle frames again")
	server.process_mode = Node.PROCESS_MODE_DISABLED
	check(_sleeps(), "disabled")
	server.process_mode = Node.PROCESS_MODE_PAUSABLE
	check(not _sleeps(), "enabled again")
	get_tree().paused = true
	check(_sleeps(), "paused")
	get_tree().paused = false
	check(not _sleeps(), "not paused any more")
	remove_child(server)
	check(_sleeps(), "outside of the tree")
	add_child(server)
	check(not _sleeps(), "in the tree again")


func test_what_the_game_has_set_in_the_meantime_stays() -> void:
	var server := start_server()
	server.low_latency = true
	await frames(2)
	OS.low_processor_usage_mode_sleep_usec = SLEEP_USEC
	server.free()
	check_equal(OS.low_processor_usage_mode_sleep_usec, SLEEP_USEC)
