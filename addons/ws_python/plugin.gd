## The addon's part in the editor: exported games have the nodes everywhere, and who misses them here is told why.
##
## Games that are exported for a desktop need none of it: the `[dependencies]` of the .gdextension bring Python along.
@tool
extends EditorPlugin

const Exporter := preload("export/exporter.gd")
const Libraries := preload("export/libraries.gd")

var _exporter: Exporter


func _enter_tree() -> void:
	_exporter = Exporter.new()
	add_export_plugin(_exporter)
	var files := EditorInterface.get_resource_filesystem()
	# What a project holds is known after the first look at its files, and extensions are loaded then.
	if files.is_scanning() or not ClassDB.class_exists(&"WebSocketServer"):
		files.filesystem_changed.connect(_tell_of_missing_nodes, CONNECT_ONE_SHOT | CONNECT_DEFERRED)


func _exit_tree() -> void:
	remove_export_plugin(_exporter)
	_exporter.put_back()
	_exporter = null


func _tell_of_missing_nodes() -> void:
	if not ClassDB.class_exists(&"WebSocketServer"):
		push_error(Libraries.why_missing())
