## A pack inside the exported game's, which sends the engine to the scenes with nodes in GDScript.
##
## python/pythonscript/fallback.h loads it where Python cannot be started, before any scene is.
@tool
extends RefCounted

const PATH := "res://.godot/exported/ws_python/fallback.pck"
## Project settings of the exported game; fallback.h reads them.
const PACK_SETTING := "python/fallback/pack"
const CLASSES_SETTING := "python/fallback/classes"

const _PART := "res://.godot/exported/ws_python/remap-%d"


## The pack for these scenes, by their path in the project, saved in the game at the other path.
static func of(scenes: Dictionary[String, String]) -> PackedByteArray:
	var packer := PCKPacker.new()
	var error := packer.pck_start(PATH)
	var number := 0
	for path in scenes:
		var part := _PART % number
		number += 1
		var file := FileAccess.open(part, FileAccess.WRITE)
		file.store_string('[remap]\n\npath="%s"\n' % scenes[path].c_escape())
		file.close()
		if error == OK:
			error = packer.add_file(path + ".remap", part)
	if error == OK:
		error = packer.flush()
	return FileAccess.get_file_as_bytes(PATH) if error == OK else PackedByteArray()
