## The project's scenes as they are with the nodes in GDScript: saved aside, to be exported.
@tool
extends RefCounted

const PortableClasses := preload("portable_classes.gd")
const SceneSwap := preload("scene_swap.gd")
## Below the folder where the engine keeps what exports made.
const FOLDER := "res://.godot/exported/ws_python/"
const FORMATS: PackedStringArray = ["tscn", "scn"]

## Where each scene that has nodes of the classes is saved, by its path.
var saved: Dictionary[String, String] = {}
## Paths of scripts that sit on a node of one of the classes, and do not extend it.
var misfits: PackedStringArray = []
## Paths of scenes that have had a simulation of a bad network.
var without_simulation: PackedStringArray = []

var _classes: PortableClasses


func _init(classes: PortableClasses) -> void:
	_classes = classes
	DirAccess.make_dir_recursive_absolute(FOLDER)
	_look_into(EditorInterface.get_resource_filesystem().get_filesystem())


## Removes what was saved.
func clear() -> void:
	for file in DirAccess.get_files_at(FOLDER):
		DirAccess.remove_absolute(FOLDER + file)
	saved.clear()


func _look_into(folder: EditorFileSystemDirectory) -> void:
	for index in folder.get_file_count():
		var path := folder.get_file_path(index)
		if path.get_extension() in FORMATS and _may_have_nodes(path):
			_save(path)
	for index in folder.get_subdir_count():
		_look_into(folder.get_subdir(index))


func _may_have_nodes(path: String) -> bool:
	if path.get_extension() != "tscn":
		return true
	var text := FileAccess.get_file_as_string(path)
	return Array(_classes.names()).any(func(type: String) -> bool: return '"%s"' % type in text)


func _save(path: String) -> void:
	var scene := ResourceLoader.load(path, "PackedScene", ResourceLoader.CACHE_MODE_IGNORE) as PackedScene
	var swap := SceneSwap.new(_classes)
	if scene == null or not swap.swap(scene):
		return
	var target := FOLDER + "%s-%s.scn" % [path.md5_text(), path.get_file().get_basename()]
	if ResourceSaver.save(scene, target) != OK:
		push_error("%s cannot be saved as %s: make room on the disk, and export again" % [path, target])
		return
	saved[path] = target
	if swap.has_left_out:
		without_simulation.append(path)
	for script in swap.misfits:
		if not script in misfits:
			misfits.append(script)
