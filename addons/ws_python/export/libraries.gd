## For which targets the extension has a library: what its .gdextension says, and nothing else.
@tool
extends RefCounted

const EXTENSION := "res://addons/ws_python/ws_python.gdextension"


## Whether one of the keys in `[libraries]` fits a target with these features, as the engine looks for it.
static func fit(features: PackedStringArray) -> bool:
	return not fitting(func(tag: String) -> bool: return tag in features).is_empty()


## The first library whose tags the target has all; empty where there is none.
static func fitting(has_feature: Callable) -> String:
	var config := ConfigFile.new()
	if config.load(EXTENSION) != OK or not config.has_section("libraries"):
		return ""
	for key in config.get_section_keys("libraries"):
		if Array(key.split(".")).all(func(tag: String) -> bool: return has_feature.call(tag.strip_edges())):
			return str(config.get_value("libraries", key))
	return ""


## One line that names the cure, for an editor without the nodes.
static func why_missing() -> String:
	var library := fitting(OS.has_feature)
	if library.is_empty():
		return (
			(
				"ws_python has no library for this machine (%s %s): its nodes are missing in this editor, and scripts that "
				+ "name them do not run here. Use the addon on Windows, Linux or macOS."
			)
			% [OS.get_name(), Engine.get_architecture_name()]
		)
	var path := library if library.is_absolute_path() else EXTENSION.get_base_dir().path_join(library)
	if not FileAccess.file_exists(path):
		return "ws_python's nodes are missing: %s does not exist. Install the addon again, the whole folder." % path
	return (
		(
			"ws_python's nodes are missing: %s could not be loaded, or Python beside it; an error above says why. Restart "
			+ "the editor if the addon is new in this project, otherwise install it again, the whole folder."
		)
		% path
	)
