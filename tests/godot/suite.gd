## What every suite derives from: checks, waiting for conditions, recorded signals, and connected nodes.
extends Node

const Classes := preload("res://tests/godot/classes.gd")

const DEADLINE_MSEC := 5000

var failures := PackedStringArray()
var checks := 0
## Set by the runner when the test has returned.
var is_done := false


func _init() -> void:
	# A test may pause the tree.
	process_mode = Node.PROCESS_MODE_ALWAYS


# --- checking


## Fails the test, which goes on, unless `condition` holds.
func check(condition: bool, what: String) -> void:
	checks += 1
	if not condition:
		failures.append(what + _where())


## Fails the test, which goes on, unless both are of one type and equal.
func check_equal(actual: Variant, expected: Variant, what: String = "") -> void:
	var same: bool = typeof(actual) == typeof(expected) and actual == expected
	var prefix := what + ": " if what else ""
	check(same, "" if same else "%s%s, not %s" % [prefix, _shown(actual), _shown(expected)])


## Says that the next lines of the engine's log hold exactly one error for each call of this, which matches `pattern`, a
## regular expression of Python's `re`. Whoever reads the log checks it: tests/test_godot_suites.py.
func expect_error(pattern: String) -> void:
	checks += 1
	print("expects %s" % pattern)


func _shown(value: Variant) -> String:
	var text := var_to_str(value)
	return text if text.length() <= 200 else "%s... (%d characters)" % [text.left(200), text.length()]


## Where the check stands, as far as the engine tells.
func _where() -> String:
	for frame: Dictionary in get_stack():
		var source: String = frame["source"]
		if not source.ends_with("/suite.gd"):
			return " (%s:%d)" % [source.get_file(), frame["line"]]
	return ""


# --- waiting


## Waits, frame by frame, until `condition` returns true; a failure, and false, if it does not in time.
func until(condition: Callable, what: String = "", msec: int = DEADLINE_MSEC) -> bool:
	var deadline := Time.get_ticks_msec() + msec
	while not condition.call():
		if Time.get_ticks_msec() > deadline:
			check(false, "waited in vain%s" % (": " + what if what else ""))
			return false
		await get_tree().process_frame
	checks += 1
	return true


## Waits for some frames to pass.
func frames(count: int) -> void:
	for _i: int in count:
		await get_tree().process_frame


# --- recording signals


## A list that grows by [signal name, arguments...] with every signal that the class of `node` declares.
func record(node: Node) -> Array[Array]:
	var log: Array[Array] = []
	for info: Dictionary in Classes.signals_of(node):
		var arguments: Array = info["args"]
		var signal_name: String = info["name"]
		match arguments.size():
			0:
				node.connect(signal_name, func() -> void: log.append([signal_name]))
			1:
				node.connect(signal_name, func(a: Variant) -> void: log.append([signal_name, a]))
			2:
				node.connect(signal_name, func(a: Variant, b: Variant) -> void: log.append([signal_name, a, b]))
	return log


## The arguments of every signal of that name in a record.
func named(log: Array[Array], signal_name: String) -> Array[Array]:
	var found: Array[Array] = []
	for entry: Array in log:
		if entry[0] == signal_name:
			found.append(entry.slice(1))
	return found


# --- connecting


## A server that listens on a free port.
func start_server() -> WebSocketServer:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	add_child(server)
	check_equal(server.listen(0), OK, "listen")
	return server


## A client that connects to the server, and is not connected yet.
func start_client(server: WebSocketServer, path: String = "/") -> WebSocketClient:
	var client := WebSocketClient.new()
	add_child(client)
	check_equal(client.connect_to_url(url_of(server, path)), OK, "connect_to_url")
	return client


## A client that is connected to the server.
func open_client(server: WebSocketServer, path: String = "/") -> WebSocketClient:
	var peers := server.get_peer_count()
	var client := start_client(server, path)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE, "connected_to_server")
	await until(func() -> bool: return server.get_peer_count() == peers + 1, "client_connected")
	return client


## As start_server(), where clients may have sessions.
func start_session_server() -> WebSocketServer:
	var server := start_server()
	server.session_timeout = 30.0
	return server


## As open_client(), in a session.
func open_session(server: WebSocketServer) -> WebSocketClient:
	var peers := server.get_peer_count()
	var client := WebSocketClient.new()
	client.session = true
	add_child(client)
	check_equal(client.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE, "connected_to_server")
	await until(func() -> bool: return server.get_peer_count() == peers + 1, "client_connected")
	return client


func url_of(server: WebSocketServer, path: String = "/") -> String:
	return "ws://127.0.0.1:%d%s" % [server.get_local_port(), path]


## The peer of the client that connected last.
func last_peer(server: WebSocketServer) -> WebSocketPeerNode:
	var ids := server.get_peer_ids()
	return server.get_peer(ids[ids.size() - 1])
