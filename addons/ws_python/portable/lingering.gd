## Connections that nobody owns any more, of nodes that were freed or stopped: polled until they have said goodbye.
extends RefCounted

# Milliseconds that all have together when the game quits.
const _LAST_WORDS := 1000

static var _connections: Array[RefCounted] = []
# When they are over; 0 while the game does not quit.
static var _quits_at := 0


## `connection` says goodbye by itself from now on, within its `close_timeout`. It has `poll(now)` and `is_gone()`.
static func add(connection: RefCounted) -> void:
	var tree := Engine.get_main_loop() as SceneTree
	if tree == null:
		return
	if _connections.is_empty():
		tree.process_frame.connect(_poll)
	_connections.append(connection)


## A node is gone. When it went because the game quits, there is no frame any more in which they could be polled.
static func finish_if_quitting() -> void:
	var tree := Engine.get_main_loop() as SceneTree
	if tree == null or tree.root == null or tree.root.is_inside_tree():
		return
	if _quits_at == 0:
		_quits_at = Time.get_ticks_msec() + _LAST_WORDS
	while not _connections.is_empty() and Time.get_ticks_msec() < _quits_at:
		_poll()
		OS.delay_msec(1)


static func _poll() -> void:
	var left: Array[RefCounted] = []
	for connection: RefCounted in _connections:
		connection.poll(Time.get_ticks_msec() / 1000.0)
		if not connection.is_gone():
			left.append(connection)
	_connections = left
	if left.is_empty():
		(Engine.get_main_loop() as SceneTree).process_frame.disconnect(_poll)
