## A game with a server, for attacks on it: counts what happens, and measures the processor time of its frames.
##
## Arguments: `name=value` as JSON, a property of the server (without `port`, a free one), or `echo=true` to send each
## message back. Prints its port.
## A text message that begins with "!" is a command; the answer is "!" and a value as JSON:
##   !report            what was counted so far, and the longest frame since the last report
##   !stall MSEC        the main thread does nothing for so long
##   !pause MSEC        the game is paused for so long
##   !send COUNT SIZE   sends binary messages to everybody else, and answers how often each error came
##   !latency           the latency of all peers, in s
##   !save PATH         writes a file, and answers whether it is there as written
extends SceneTree

## Of each kind, the latest reasons and addresses that are kept.
const KEPT := 200

var _server := WebSocketServer.new()
var _echo := false
var _messages := 0
var _binary := 0
var _connected := 0
var _codes := {}
var _failed := 0
var _failures := PackedStringArray()
var _frames := 0
var _busy_usec := 0
var _longest_usec := 0


func _initialize() -> void:
	_server.bind_address = "*"
	_server.port = 0
	for argument: String in OS.get_cmdline_user_args():
		var value: Variant = JSON.parse_string(argument.substr(argument.find("=") + 1))
		var property := argument.get_slice("=", 0)
		if property == "echo":
			_echo = value
		elif property in _server:
			_server.set(property, value)
		else:
			push_error("the server has no property %s" % property)
	_server.client_connected.connect(func(_id: int) -> void: _connected += 1)
	_server.client_disconnected.connect(_on_client_disconnected)
	_server.handshake_failed.connect(_on_handshake_failed)
	_server.message_received.connect(_on_message_received)
	root.add_child(_server)
	_server.listen()
	_busy_usec = _processor_usec()
	print("port %d" % _server.get_local_port())


func _process(_delta: float) -> bool:
	var busy_usec := _processor_usec()
	_longest_usec = maxi(_longest_usec, busy_usec - _busy_usec)
	_busy_usec = busy_usec
	_frames += 1
	return false


## What the main thread has used of a processor. The system counts it whenever the thread sleeps: once a frame, here.
func _processor_usec() -> int:
	var file := FileAccess.open("/proc/thread-self/schedstat", FileAccess.READ)
	if file == null:
		return _busy_usec  # An attack has taken all files. It is counted when there is one.
	return int(file.get_line().get_slice(" ", 0)) / 1000


func _on_message_received(id: int, message: Variant) -> void:
	_messages += 1
	if message is String and (message as String).begins_with("!"):
		_obey(id, (message as String).substr(1).split(" "))
		return
	if message is PackedByteArray:
		_binary += 1
	if _echo:
		_server.send(id, message)


func _on_client_disconnected(id: int) -> void:
	var code := _server.get_peer(id).get_close_code()
	_codes[code] = _codes.get(code, 0) + 1


func _on_handshake_failed(reason: String) -> void:
	_failed += 1
	if _failures.size() < KEPT:
		_failures.append(reason)


func _obey(id: int, words: PackedStringArray) -> void:
	var answer: Variant = null
	match words[0]:
		"report":
			answer = _report()
		"stall":
			OS.delay_msec(int(words[1]))
		"pause":
			paused = true
			create_timer(int(words[1]) / 1000.0).timeout.connect(func() -> void: paused = false)
		"send":
			answer = _send(id, int(words[1]), int(words[2]))
		"latency":
			answer = _server.peers.values().map(func(peer: WebSocketPeerNode) -> float: return peer.latency)
		"save":
			answer = _save(words[1])
	_server.send(id, "!" + JSON.stringify(answer))


func _save(path: String) -> bool:
	var file := FileAccess.open(path, FileAccess.WRITE)
	if file == null:
		return false
	file.store_string("saved")
	file.close()
	return FileAccess.get_file_as_string(path) == "saved"


func _report() -> Dictionary:
	var report := {
		"peers": _server.get_peer_count(),
		"messages": _messages,
		"binary": _binary,
		"connected": _connected,
		"disconnected": _codes,
		"failed": _failed,
		"failures": _failures,
		"frames": _frames,
		"longest_frame": _longest_usec / 1e6,
		"objects": Performance.get_monitor(Performance.OBJECT_COUNT),
	}
	_longest_usec = 0
	return report


func _send(asker: int, count: int, size: int) -> Dictionary:
	var message := PackedByteArray()
	message.resize(size)
	var errors := {}
	for _i: int in count:
		for id: int in _server.get_peer_ids():
			if id != asker:
				var error := _server.send(id, message)
				errors[error] = errors.get(error, 0) + 1
	return errors
