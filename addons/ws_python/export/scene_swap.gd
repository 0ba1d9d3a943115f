## Puts scripts in the place of native classes in a scene, without making its nodes.
##
## A node of such a class becomes the class's base with a script: in the editor a script that extends the native class
## cannot sit on another node, so it is done in what a PackedScene saves. Inherited and instanced nodes name no class
## there, and need nothing.
@tool
extends RefCounted

const PortableClasses := preload("portable_classes.gd")

## Paths of scripts that sit on a node of one of the classes, and do not extend it.
var misfits: PackedStringArray = []
## Whether it has had a WebSocketSimulation: without the native class none can be made, and the scene would not load.
var has_left_out := false

var _classes: PortableClasses


func _init(classes: PortableClasses) -> void:
	_classes = classes


## Whether the scene has had nodes of the classes. Scenes that it holds as resources are done, too.
func swap(scene: PackedScene) -> bool:
	var bundle: Dictionary = scene.get("_bundled")
	var swapped := false
	var variants: Array = bundle.get("variants", [])
	for index: int in variants.size():
		var value: Variant = variants[index]
		if value is PackedScene:
			var inner: PackedScene = value
			if inner.resource_path.is_empty() or "::" in inner.resource_path:
				swapped = swap(inner) or swapped
		elif value is Resource and _classes.bases.has((value as Resource).get_class()):
			variants[index] = null
			has_left_out = true
			swapped = true
	if bundle.has("nodes"):
		bundle.variants = variants
		swapped = _swap_nodes(bundle) or swapped
	if swapped:
		scene.set("_bundled", bundle)
	return swapped


func _swap_nodes(bundle: Dictionary) -> bool:
	var names: PackedStringArray = bundle.names
	var variants: Array = bundle.variants
	var nodes: PackedInt32Array = bundle.nodes
	var made := PackedInt32Array()
	var swapped := false
	var at := 0
	for _index: int in bundle.node_count:
		# parent, owner, type, name, instance; count of properties, (name, value) each; count of groups, name each
		var head := nodes.slice(at, at + 5)
		at += 5
		var properties := nodes.slice(at + 1, at + 1 + 2 * nodes[at])
		at += 1 + properties.size()
		var groups := nodes.slice(at, at + 1 + nodes[at])
		at += groups.size()
		var type := StringName(names[head[2]]) if head[2] >= 0 and head[2] < names.size() else &""
		if _classes.stand_ins.has(type):
			swapped = true
			head[2] = _index_of(names, _classes.bases[type])
			properties = _with_script(properties, type, names, variants)
		made.append_array(head)
		made.append(properties.size() / 2)
		made.append_array(properties)
		made.append_array(groups)
	if swapped:
		bundle.names = names
		bundle.variants = variants
		bundle.nodes = made
	return swapped


## The properties with the class's script as the first of them, as the packer does: the others are the script's. A node
## that has a script keeps it; that one extends the class.
func _with_script(
	properties: PackedInt32Array, type: StringName, names: PackedStringArray, variants: Array
) -> PackedInt32Array:
	var script_name := _index_of(names, "script")
	for i in range(0, properties.size(), 2):
		if properties[i] == script_name:
			_check(variants[properties[i + 1]] as Script, type)
			return properties
	var script := _classes.stand_ins[type]
	if not variants.has(script):
		variants.append(script)
	return PackedInt32Array([script_name, variants.find(script)]) + properties


func _check(script: Script, type: StringName) -> void:
	if script == null or not ClassDB.class_exists(type):
		return
	var base := script.get_instance_base_type()
	if base != &"" and base != type and not ClassDB.is_parent_class(base, type):
		misfits.append(script.resource_path)


func _index_of(names: PackedStringArray, name: String) -> int:
	if not names.has(name):
		names.append(name)
	return names.find(name)
