## The chat: who says something tells the host, and that tells everybody, so all see the same lines in the same order.
extends VBoxContainer

const Field := preload("field.gd")
const LONGEST_LINE := 200

@export var field: Field

var is_open := false:
	set(value):
		is_open = value
		_line.editable = value

@onready var _log: RichTextLabel = $Log
@onready var _line: LineEdit = $Line


func _unhandled_key_input(event: InputEvent) -> void:
	if is_open and event.is_action_pressed("ui_text_submit"):
		_line.edit()
		get_viewport().set_input_as_handled()


## Have all see a line, this game too; where the arena is hosted.
func announce(line: String) -> void:
	_show.rpc(line)


@rpc("any_peer", "call_local", "reliable")
func _say(text: String) -> void:
	var id := multiplayer.get_remote_sender_id()
	if multiplayer.is_server() and field.has_player(id):
		_show.rpc("%s: %s" % [field.name_of(id), text.left(LONGEST_LINE)])


@rpc("authority", "call_local", "reliable")
func _show(line: String) -> void:
	_log.add_text(line + "\n")


func _on_line_submitted(text: String) -> void:
	# The keys are for moving again.
	_line.release_focus()
	_line.clear()
	if text:
		_say.rpc_id(1, text)
