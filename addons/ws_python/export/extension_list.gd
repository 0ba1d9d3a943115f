## Leaves the extension out of the list of those that a game loads, for the time of an export.
##
## A file that an export plugin skips stays in that list, which the engine exports as it is.
@tool
extends RefCounted

const PATH := "res://.godot/extension_list.cfg"

var _before := PackedByteArray()


## Takes the extension off the list; `put_back` puts it back.
func take_off(extension: String) -> void:
	_before = FileAccess.get_file_as_bytes(PATH)
	var kept := PackedStringArray()
	for line in _before.get_string_from_utf8().split("\n", false):
		if line.strip_edges() != extension:
			kept.append(line)
	_write("\n".join(kept).to_utf8_buffer())


## The list as it was; nothing where nothing was taken off.
func put_back() -> void:
	if not _before.is_empty():
		_write(_before)
		_before.clear()


func _write(data: PackedByteArray) -> void:
	var file := FileAccess.open(PATH, FileAccess.WRITE)
	if file == null:
		push_error("%s cannot be written (%s)" % [PATH, error_string(FileAccess.get_open_error())])
		return
	file.store_buffer(data)
