## Connections that nobody owns any more, of nodes that were freed or stopped: polled until they have said goodbye.
extends RefCounted

static var _connections: Array[RefCounted] = []


## `connection` says goodbye by itself from now on, within its `close_timeout`. It has `poll(now)` and `is_gone()`.
static func add(connection: RefCounted) -> void:
	var tree := Engine.get_main_loop() as SceneTree
	if tree == null:
		return
	if _connections.is_empty():
		tree.process_frame.connect(_poll)
	_connections.append(connection)


static func _poll() -> void:
	var left: Array[RefCounted] = []
	for connection: RefCounted in _connections:
		connection.poll(Time.get_ticks_msec() / 1000.0)
		if not connection.is_gone():
			left.append(connection)
	_connections = left
	if left.is_empty():
		(Engine.get_main_loop() as SceneTree).process_frame.disconnect(_poll)
