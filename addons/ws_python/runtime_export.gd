## Takes along into an exported game what the engine does not by itself: the Python runtime and the project's own nodes
## in Python. The runtime lies in a folder `pythonscript` beside the game's executable, where the library looks for it.
@tool
extends EditorExportPlugin

const RUNTIME := "res://addons/ws_python/lib"
const TARGET := "pythonscript"
const MODULES_SETTING := "python/modules"


func _get_name() -> String:
	return "ws_python"


func _export_begin(features: PackedStringArray, _is_debug: bool, _path: String, _flags: int) -> void:
	if not features.has("linux"):
		return
	add_shared_object(RUNTIME, PackedStringArray(), TARGET)
	var modules: PackedStringArray = ProjectSettings.get_setting(MODULES_SETTING, PackedStringArray())
	for path in modules:
		add_file(path, FileAccess.get_file_as_bytes(path), false)
