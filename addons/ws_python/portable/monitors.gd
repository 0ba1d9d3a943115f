## The statistics of all nodes together as custom monitors of Godot's Performance, as the native nodes have them.
##
## They are there from when the first node listens or connects. What freed nodes have done stays counted.
extends RefCounted

const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Statistics := preload("res://addons/ws_python/portable/statistics.gd")

const _PREFIX := "WebSocket/"

# The cores of the nodes that are there, and what the others have done.
static var _cores: Array[RefCounted] = []
static var _past := Statistics.new()
static var _names := PackedStringArray()
# The figures of one frame: each monitor asks for one of them.
static var _figures := {}
static var _frame := -1


## Counts a node in, by its core.
static func watch(core: RefCounted) -> void:
	if _cores.has(core):
		return
	if _names.is_empty():
		_show()
	_cores.append(core)


## A node is being freed; one that is not watched is ignored.
static func release(core: RefCounted) -> void:
	if _cores.has(core):
		_cores.erase(core)
		_past.absorb(core.statistics)


static func _show() -> void:
	var tree := Engine.get_main_loop() as SceneTree
	var figures := _past.summary([])
	for name: String in figures:
		if figures[name] is int or figures[name] is float:
			_names.append(name)
			Performance.add_custom_monitor(_PREFIX + name, _figure.bind(name))
	if tree != null:
		tree.root.tree_exited.connect(_hide, CONNECT_ONE_SHOT)


static func _hide() -> void:
	for name: String in _names:
		Performance.remove_custom_monitor(_PREFIX + name)
	_names.clear()
	_cores.clear()


static func _figure(name: String) -> Variant:
	if _frame != Engine.get_process_frames():
		_frame = Engine.get_process_frames()
		var all := Statistics.new()
		all.absorb(_past)
		var open: Array = []
		for core: RefCounted in _cores:
			all.absorb(core.statistics)
			open.append_array(core.open_connections())
		_figures = all.summary(open)
	return _figures[name]
