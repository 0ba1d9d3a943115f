## Adds to the editor what the nodes need beyond themselves: an export that takes the Python runtime along.
@tool
extends EditorPlugin

const RuntimeExport := preload("runtime_export.gd")

var _runtime_export := RuntimeExport.new()


func _enter_tree() -> void:
	add_export_plugin(_runtime_export)


func _exit_tree() -> void:
	remove_export_plugin(_runtime_export)
