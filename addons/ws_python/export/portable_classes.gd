## The nodes in GDScript that can take the place of the native ones: which there are, and as what data.
##
## They lie in a folder with a .gdignore, so that no script in the project has a `class_name` that a native class has.
@tool
extends RefCounted

const FOLDER := "res://addons/ws_python/portable/"

## Every script's source by its path: the classes, and what they share.
var sources: Dictionary[String, PackedByteArray] = {}
## As ScriptServer lists them: class, base, language, path, ...
var listed: Array[Dictionary] = []
## A stand-in for the script of each class that is a Node, by class: scenes can refer to it. The script itself cannot be
## loaded in an editor that has the native class.
var stand_ins: Dictionary[StringName, GDScript] = {}
## The class of the engine that each is derived from.
var bases: Dictionary[StringName, StringName] = {}


func _init() -> void:
	_read(FOLDER)
	for path: String in sources:
		var type := _word_after("class_name", path)
		if type.is_empty():
			continue
		var base := _native_base(path)
		listed.append(as_listed(type, base, path))
		bases[StringName(type)] = StringName(base)
		if base == "Node" or ClassDB.is_parent_class(base, "Node"):
			var stand_in := GDScript.new()
			stand_in.source_code = "extends %s" % base
			stand_in.take_over_path(path)
			stand_ins[StringName(type)] = stand_in


## A class as ScriptServer lists it.
static func as_listed(type: String, base: String, path: String) -> Dictionary:
	var info := {"class": StringName(type), "base": StringName(base), "language": &"GDScript", "path": path}
	info.merge({"is_abstract": false, "is_tool": false, "icon": ""})
	return info


## Their names, for a message.
func names() -> PackedStringArray:
	var found := PackedStringArray()
	for info in listed:
		found.append(str(info["class"]))
	return found


func _read(folder: String) -> void:
	for file in DirAccess.get_files_at(folder):
		if file.get_extension() == "gd":
			sources[folder + file] = FileAccess.get_file_as_bytes(folder + file)
	for child in DirAccess.get_directories_at(folder):
		_read(folder + child + "/")


func _native_base(path: String) -> String:
	var base := _word_after("extends", path)
	if base.begins_with('"'):
		var parent := base.trim_prefix('"').trim_suffix('"')
		if not parent.is_absolute_path():
			parent = path.get_base_dir().path_join(parent).simplify_path()
		return _native_base(parent) if sources.has(parent) else "RefCounted"
	for other: String in sources:
		if not base.is_empty() and _word_after("class_name", other) == base:
			return _native_base(other)
	return "RefCounted" if base.is_empty() else base


## What follows a word at the beginning of a line; empty where there is no such line.
func _word_after(word: String, path: String) -> String:
	for line in sources[path].get_string_from_utf8().split("\n"):
		if line.begins_with(word + " "):
			return line.trim_prefix(word).strip_edges().get_slice(" ", 0)
	return ""
