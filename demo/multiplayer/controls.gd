## Where a player wants to go: the player's own game knows, and its Synchronizer tells the host and nobody else.
extends Node

## Where to, and how fast: 1 is the full speed.
@export var motion := Vector2.ZERO


func _enter_tree() -> void:
	$Synchronizer.set_visibility_for(1, true)


func _ready() -> void:
	set_process(is_multiplayer_authority())


func _process(_delta: float) -> void:
	# While somebody writes, the keys are for the text.
	var is_writing := get_viewport().gui_get_focus_owner() is LineEdit
	motion = Vector2.ZERO if is_writing else Input.get_vector("ui_left", "ui_right", "ui_up", "ui_down")
