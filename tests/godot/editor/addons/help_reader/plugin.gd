## Prints what the editor's help shows of our classes, between two marks each, and quits the editor.
@tool
extends EditorPlugin

const CLASSES: Array[String] = [
	"WebSocketServer", "WebSocketClient", "WebSocketPeerNode", "WebSocketRequest", "WebSocketSimulation"
]
const DEADLINE_MSEC := 40_000


func _ready() -> void:
	_print_help.call_deferred()


func _print_help() -> void:
	for name_of_class: String in CLASSES:
		print("in ClassDB: %s, a %s" % [name_of_class, ClassDB.get_parent_class(name_of_class)])
		var page: Control = await _open_help(name_of_class)
		print("help of %s:" % name_of_class)
		print(_text_of(page))
		print("end of help")
	get_tree().quit()


## The page of a class in the script editor, once it has its text: the editor writes that when it comes to it.
func _open_help(name_of_class: String) -> Control:
	var script_editor := EditorInterface.get_script_editor()
	var deadline := Time.get_ticks_msec() + DEADLINE_MSEC
	while Time.get_ticks_msec() < deadline:
		script_editor.goto_help("class_name:" + name_of_class)
		await get_tree().process_frame
		for page: Node in script_editor.find_children("*", "EditorHelp", true, false):
			if page.name == name_of_class and not _text_of(page).is_empty():
				return page as Control
	print("no help of %s after %d ms" % [name_of_class, DEADLINE_MSEC])
	return null


func _text_of(page: Node) -> String:
	var text := ""
	if page != null:
		for label: RichTextLabel in page.find_children("*", "RichTextLabel", true, false):
			text += label.get_parsed_text()
	return text
