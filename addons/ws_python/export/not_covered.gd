## What of a project the nodes in GDScript do not serve: found while it is exported, said in one line a kind.
@tool
extends RefCounted

const PYTHON_SETTING := "python/modules"

var _asked_by_name: PackedStringArray = []
var _c_sharp: PackedStringArray = []
var _word := RegEx.new()
var _quoted := RegEx.new()
var _asking := RegEx.create_from_string("\\b(get_class|is_class|ClassDB)\\b")


func _init(classes: PackedStringArray) -> void:
	var any := "(%s)" % "|".join(classes)
	_word.compile("\\b%s\\b" % any)
	_quoted.compile("[\"']%s[\"']" % any)


## Looks at a script that is exported.
func look_at(path: String) -> void:
	if path.get_extension() == "gd":
		var text := FileAccess.get_file_as_string(path)
		if _quoted.search(text) and _asking.search(text):
			_asked_by_name.append(path)


## The lines, of those that look_at found, of scripts on the nodes, of scenes with a simulation, and of the project's
## settings.
func lines(misfits: PackedStringArray, without_simulation: PackedStringArray) -> PackedStringArray:
	var said := PackedStringArray()
	_say(
		said,
		misfits,
		(
			"the script sits on a WebSocket node and extends another class: the node loses its own part. Let it extend the "
			+ "node's class."
		)
	)
	_say(
		said,
		_asked_by_name,
		(
			"asks for a class by its name as text (get_class, is_class, ClassDB): to the engine the nodes are scripts here. "
			+ "Ask with `is`, and make nodes with `.new()`."
		)
	)
	_say(said, without_simulation, "the simulation of a bad network is left out: the nodes in GDScript have none.")
	_find_c_sharp("res://")
	_say(
		said, _c_sharp, "C# finds no class of that name here: get the node from a scene, and use Call() and Connect()."
	)
	var modules: Array = Array(ProjectSettings.get_setting(PYTHON_SETTING, []))
	_say(said, PackedStringArray(modules), "nodes written in Python are missing here: there is no Python.")
	return said


# Only an editor with C# lists such files, and the exported game has them in another form.
func _find_c_sharp(folder: String) -> void:
	for file in DirAccess.get_files_at(folder):
		var path := folder + file
		if file.get_extension() == "cs" and _word.search(FileAccess.get_file_as_string(path)):
			_c_sharp.append(path)
	for child in DirAccess.get_directories_at(folder):
		if not child.begins_with(".") and not FileAccess.file_exists(folder + child + "/.gdignore"):
			_find_c_sharp(folder + child + "/")


func _say(said: PackedStringArray, files: PackedStringArray, what: String) -> void:
	if not files.is_empty():
		said.append("%s: %s" % [", ".join(files), what])
