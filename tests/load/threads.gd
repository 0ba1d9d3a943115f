## Calls all public methods of the three nodes from a group task of the WorkerThreadPool, and checks the answers.
##
## Arguments: `calls=COUNT`. Prints "wrong ..." for the first wrong answers, then "threads " and a dictionary as JSON.
extends SceneTree

const PLAYERS := 20
## What a call does that must be made on the main thread: it answers ERR_UNAVAILABLE, or nothing.
const MAIN_ONLY: Array[String] = [
	"listen",
	"stop",
	"poll",
	"send",
	"send_text",
	"send_json",
	"send_latest",
	"send_fragment",
	"ping",
	"close",
	"disconnect_peer",
	"connect_to_url",
]
## What changes all the time, or is another object each time.
const VOLATILE: Array[String] = [
	"get_statistics",
	"get_peers",
	"get_peer_ids",
	"get_peer_count",
	"get_current_outbound_buffered_amount",
	"get_latency",
	"sign_token",
]
const MOST_TOLD := 20

var _server := WebSocketServer.new()
var _client := WebSocketClient.new()
var _players: Array[WebSocketClient] = []
var _calls := 100_000
## Of each: the object, its method, the arguments, the answer on the main thread.
var _table: Array[Array] = []
var _mutex := Mutex.new()
var _threads := {}
var _wrong := 0
var _unavailable := 0
var _done := 0
var _messages := 0
var _connections := 0


func _initialize() -> void:
	for argument: String in OS.get_cmdline_user_args():
		if argument.begins_with("calls="):
			_calls = int(argument.get_slice("=", 1))
	_server.bind_address = "localhost"
	_server.message_received.connect(_on_message_received)
	_server.client_connected.connect(func(_id: int) -> void: _connections += 1)
	_client.message_received.connect(func(_message: Variant) -> void: _client.send("again"))
	root.add_child(_server)
	root.add_child(_client)
	_run()


func _on_message_received(id: int, message: Variant) -> void:
	_messages += 1
	_server.send(id, message)


func _run() -> void:
	await process_frame
	_server.listen(0)
	var url := "ws://127.0.0.1:%d" % _server.get_local_port()
	_client.connect_to_url(url)
	while _server.get_peer_count() == 0 or _client.status != WebSocketClient.STATUS_ACTIVE:
		await process_frame
	_fill_table(_server.get_peer(_server.get_peer_ids()[0]))
	_client.send("first")
	for index: int in PLAYERS:
		_come_and_go(url, index)
	await process_frame
	var times := PackedFloat32Array()
	var start := Time.get_ticks_usec()
	var last := start
	var task := WorkerThreadPool.add_group_task(_call, _calls, -1, true)
	while not WorkerThreadPool.is_group_task_completed(task):
		await process_frame
		var now := Time.get_ticks_usec()
		times.append((now - last) / 1000.0)
		last = now
	WorkerThreadPool.wait_for_group_task_completion(task)
	times.sort()
	var told := {
		"calls": _done,
		"methods": _table.size(),
		"threads": _threads.size(),
		"seconds": (Time.get_ticks_usec() - start) / 1e6,
		"wrong": _wrong,
		"unavailable": _unavailable,
		"messages": _messages,
		"connections": _connections,
		"p99": times[times.size() * 99 / 100],
		"longest": times[-1],
	}
	print("threads ", JSON.stringify(told))
	_table.clear()
	quit()


## A player who comes, says something, and goes, again and again.
func _come_and_go(url: String, index: int) -> void:
	var player := WebSocketClient.new()
	_players.append(player)
	root.add_child(player)
	player.message_received.connect(func(_message: Variant) -> void: player.close())
	player.connected_to_server.connect(func() -> void: player.send("player %d" % index))
	player.connection_closed.connect(func() -> void: player.connect_to_url.call_deferred(url))
	player.connect_to_url(url)


func _fill_table(peer: WebSocketPeerNode) -> void:
	for object: Node in [_server, _client, peer] as Array[Node]:
		for method: Dictionary in ClassDB.class_get_method_list(object.get_class(), true):
			var name: String = method["name"]
			var arguments := _arguments(object, name, method["args"] as Array, peer)
			var answer: Variant = null
			if name not in MAIN_ONLY:
				answer = object.callv(name, arguments)
			elif method["return"]["type"] == TYPE_INT:
				answer = ERR_UNAVAILABLE
			_table.append([object, name, arguments, answer])


## Arguments that are right: a setter gets what is set.
func _arguments(object: Object, method: String, wanted: Array, peer: WebSocketPeerNode) -> Array:
	if method.begins_with("set_"):
		return [object.get(method.trim_prefix("set_"))]
	var arguments := []
	for argument: Dictionary in wanted:
		match argument["name"]:
			"peer_id":
				arguments.append(peer.peer_id)
			"port":
				arguments.append(0)
			"code":
				arguments.append(1000)
			"url":
				arguments.append("ws://127.0.0.1:%d" % _server.get_local_port())
			"header", "secret", "token", "reason", "key":
				arguments.append("text")
			"claims":
				arguments.append({"sub": "text"})
			"seconds":
				arguments.append(60.0)
			"final":
				arguments.append(true)
			"payload":
				arguments.append(PackedByteArray([1]))
			"tls_options":
				arguments.append(null)
			_:
				arguments.append("from a thread")
	return arguments


func _call(index: int) -> void:
	var entry := _table[index % _table.size()]
	var object: Object = entry[0]
	var method: String = entry[1]
	var answer: Variant = object.callv(method, entry[2] as Array)
	var is_right := typeof(answer) == typeof(entry[3])
	if is_right and method not in VOLATILE:
		is_right = answer == entry[3]
	_mutex.lock()
	_done += 1
	_threads[OS.get_thread_caller_id()] = true
	if method in MAIN_ONLY and typeof(answer) == TYPE_INT and answer == ERR_UNAVAILABLE:
		_unavailable += 1
	if not is_right:
		_wrong += 1
		if _wrong <= MOST_TOLD:
			print("wrong %s.%s: %s, not %s" % [object.get_class(), method, answer, entry[3]])
	_mutex.unlock()
