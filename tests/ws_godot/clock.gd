## A game whose clock is compared with its server's, each in a process of its own: `-- server` or `-- client PORT`.
##
## On one machine all processes have one steady clock, which the server_time of any server shows: so the truth is known.
extends SceneTree

const RATES: Array[int] = [30, 60, 144]
const FRAMES_IN_A_ROW := 60
const MOST_OFF := 0.001
const DEADLINE_MSEC := 40_000

var _truth := WebSocketServer.new()


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	root.add_child(_truth)
	if arguments[0] == "server":
		_serve()
	else:
		await _play(int(arguments[1]))
		quit()


func _serve() -> void:
	var server := _truth
	server.bind_address = "localhost"
	server.session_timeout = 10.0
	server.handle("rate", func(_peer_id: int, rate: int) -> void: Engine.max_fps = rate)
	server.handle("quit", func(_peer_id: int, _data: Variant) -> void: quit())
	# Handlers take their time, and the game sends.
	server.message_received.connect(func(_peer_id: int, _message: Variant) -> void: OS.delay_usec(2000))
	process_frame.connect(func() -> void: server.send(0, "state"))
	server.listen(0)
	print("listens ", server.get_local_port())


func _play(port: int) -> void:
	for rate in RATES:
		var client := WebSocketClient.new()
		client.session = true
		root.add_child(client)
		client.connect_to_url("ws://127.0.0.1:%d" % port)
		await client.connected_to_server
		print("unknown ", client.server_time, " ", client.clock_error)
		Engine.max_fps = rate
		await client.request("rate", rate)
		await _measure(client, rate)
		if rate == RATES[-1]:
			await client.request("quit")
		client.free()


## Until the clock was right in so many frames in a row.
func _measure(client: WebSocketClient, rate: int) -> void:
	var begin := Time.get_ticks_msec()
	var right := 0
	var worst := 0.0
	var before := 0.0
	var steps_back := 0
	while right < FRAMES_IN_A_ROW and Time.get_ticks_msec() < begin + DEADLINE_MSEC:
		await process_frame
		client.send("state")
		var time := client.server_time
		var off := absf(time - _truth.server_time)
		steps_back += int(time < before)
		before = time
		if client.clock_error <= MOST_OFF and off <= MOST_OFF:
			right += 1
			worst = maxf(worst, off)
		else:
			right = 0
			worst = 0.0
	var passed := (Time.get_ticks_msec() - begin) / 1000.0
	var numbers := [rate, right, worst, client.clock_error, steps_back, passed]
	print("at %d fps: right %d, worst %.6f, error %.6f, back %d, after %.1f s" % numbers)
