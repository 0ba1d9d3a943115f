extends "program.gd"
## The cost of a frame in which a server and a client, connected to each other, have nothing to do.
##
## Two nodes, one processed before all others and one after them, take the time between. It is taken for `seconds`
## without server and client (the cost of taking it), then with those of `subject`.

const EngineServer := preload("engine_server_node.gd")
const EngineClient := preload("engine_client_node.gd")

var _server: Node
var _client: Node
var _start := Mark.new(-1000)
var _end := Mark.new(1000)
var _frames := 0
var _measured_usec := 0


func _initialize() -> void:
	super()
	root.add_child(_start)
	root.add_child(_end)
	_end.processed.connect(_on_frame_end)
	_end.physics_processed.connect(_on_physics_end)
	_run.call_deferred()


func _on_frame_end(now: int) -> void:
	_frames += 1
	_measured_usec += now - _start.processed_at


func _on_physics_end(now: int) -> void:
	_measured_usec += now - _start.physics_processed_at


func _run() -> void:
	var without := await _measure()
	if option("subject") == "ours":
		_server = WebSocketServer.new()
		_client = WebSocketClient.new()
	else:
		_server = EngineServer.new()
		_client = EngineClient.new()
	root.add_child(_server)
	root.add_child(_client)
	_server.call("listen", 0)
	_client.call("connect_to_url", "ws://127.0.0.1:%d" % _server.call("get_local_port"))
	await Signal(_client, "connected_to_server")
	print("frame ", await _measure() - without)
	quit()


## Microseconds per frame, idle and physics processing together.
func _measure() -> float:
	await create_timer(0.2).timeout
	_frames = 0
	_measured_usec = 0
	await create_timer(float(option("seconds"))).timeout
	return float(_measured_usec) / _frames


class Mark:
	extends Node
	## Knows when it was processed.

	signal processed(now: int)
	signal physics_processed(now: int)

	var processed_at := 0
	var physics_processed_at := 0

	func _init(priority: int) -> void:
		process_priority = priority
		process_physics_priority = priority

	func _process(_delta: float) -> void:
		processed_at = Time.get_ticks_usec()
		processed.emit(processed_at)

	func _physics_process(_delta: float) -> void:
		physics_processed_at = Time.get_ticks_usec()
		physics_processed.emit(physics_processed_at)
