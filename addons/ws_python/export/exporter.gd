## Exports games with the nodes in them: native where there is a library for the target, in GDScript elsewhere.
##
## The user's scripts stay as they are: the exported game's list of global classes resolves the names. Scenes get a
## plain node with the script. Native games take the same along as a fallback, where Python cannot be started.
@tool
extends EditorExportPlugin

const ExtensionList := preload("extension_list.gd")
const FallbackPack := preload("fallback_pack.gd")
const Libraries := preload("libraries.gd")
const NotCovered := preload("not_covered.gd")
const PortableClasses := preload("portable_classes.gd")
const SwappedScenes := preload("swapped_scenes.gd")

const TITLE := "ws_python"
## What is only for the editor.
const EDITORS := ["res://addons/ws_python/plugin.gd", "res://addons/ws_python/export/"]
const MISSING_LIBRARY := "res://addons/ws_python/export/missing_library.gd"
## ScriptServer reads the classes in it before those of the project's own cache.
const CLASSES_SETTING := "_global_script_classes"

var _is_native := false
var _extension_list := ExtensionList.new()
var _settings_before: Dictionary[String, Variant] = {}
var _scenes: SwappedScenes
var _not_covered: NotCovered


# Before "GDExtension", which would warn of the missing library: plugins are asked in the order of their names.
func _get_name() -> String:
	return "Addon ws_python"


func _supports_platform(_platform: EditorExportPlatform) -> bool:
	return true


# Without it, Android lets a game open no socket, and names no reason.
func _get_export_options_overrides(platform: EditorExportPlatform) -> Dictionary:
	return {"permissions/internet": true} if platform.get_os_name() == "Android" else {}


func _export_begin(features: PackedStringArray, _is_debug: bool, _path: String, _flags: int) -> void:
	put_back()
	_is_native = Libraries.fit(features)
	var classes := PortableClasses.new()
	if classes.listed.is_empty():
		if not _is_native:
			_tell(
				EditorExportPlatform.EXPORT_MESSAGE_ERROR,
				"%s is empty: the game has no nodes here. Install the addon again, the whole folder." % classes.FOLDER
			)
		return
	_scenes = SwappedScenes.new(classes)
	for path in classes.sources:
		add_file(path, classes.sources[path], false)
	if _is_native:
		add_file(MISSING_LIBRARY, FileAccess.get_file_as_bytes(MISSING_LIBRARY), false)
		_set_setting(
			CLASSES_SETTING, [PortableClasses.as_listed("WebSocketsMissing", "ResourceFormatLoader", MISSING_LIBRARY)]
		)
		_set_setting(FallbackPack.CLASSES_SETTING, classes.listed)
		_set_setting(FallbackPack.PACK_SETTING, FallbackPack.PATH)
		add_file(FallbackPack.PATH, FallbackPack.of(_scenes.saved), false)
		return
	_not_covered = NotCovered.new(classes.names())
	_set_setting(CLASSES_SETTING, classes.listed)
	_extension_list.take_off(Libraries.EXTENSION)
	_tell(
		EditorExportPlatform.EXPORT_MESSAGE_INFO,
		"there is no library for this target: the nodes are exported in GDScript (docs/exporting.md)"
	)


func _export_file(path: String, _type: String, _features: PackedStringArray) -> void:
	if EDITORS.any(func(start: String) -> bool: return path.begins_with(start)):
		skip()
	elif _scenes != null and _scenes.saved.has(path):
		var saved := _scenes.saved[path]
		add_file(saved, FileAccess.get_file_as_bytes(saved), not _is_native)
	elif not _is_native and path == Libraries.EXTENSION:
		skip()
	elif _not_covered != null:
		_not_covered.look_at(path)


func _export_end() -> void:
	if _not_covered != null:
		for line in _not_covered.lines(_scenes.misfits, _scenes.without_simulation):
			_tell(EditorExportPlatform.EXPORT_MESSAGE_WARNING, line)
	put_back()


## The project as it was before an export, whether that came to its end or not.
func put_back() -> void:
	_extension_list.put_back()
	for setting in _settings_before:
		ProjectSettings.set_setting(setting, _settings_before[setting])
	_settings_before.clear()
	if _scenes != null:
		_scenes.clear()
	_scenes = null
	_not_covered = null


## In memory only: it is in the exported game's settings, and never saved in the project's.
func _set_setting(setting: String, value: Variant) -> void:
	_settings_before[setting] = ProjectSettings.get_setting(setting)
	ProjectSettings.set_setting(setting, value)


func _tell(kind: EditorExportPlatform.ExportMessageType, line: String) -> void:
	get_export_platform().add_message(kind, TITLE, line)
