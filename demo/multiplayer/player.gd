## A player: moved where the arena is hosted, as its Controls say; its Synchronizer tells the others.
extends Node2D

const Controls := preload("controls.gd")
const RADIUS := 16.0
## In pixels per second.
const SPEED := 220.0

@export var player_name := ""
@export var score := 0:
	set(value):
		score = value
		_show_label()

@onready var _controls: Controls = $Controls
@onready var _label: Label = $Label


func _enter_tree() -> void:
	# The name is the id of the peer who plays. Before the Controls are there, for then their synchronizer begins.
	$Controls.set_multiplayer_authority(name.to_int())


func _ready() -> void:
	_show_label()


func _draw() -> void:
	draw_circle(Vector2.ZERO, RADIUS, Color.from_hsv(fmod(name.to_int() * 0.618034, 1.0), 0.65, 0.95), true, -1.0, true)
	if _controls.is_multiplayer_authority():
		draw_circle(Vector2.ZERO, RADIUS, Color.WHITE, false, 3.0, true)


## Move within a field of this size.
func move(delta: float, field: Vector2) -> void:
	# What a stranger sends may be anything.
	var step := _controls.motion.limit_length() * SPEED * delta
	var margin := Vector2.ONE * RADIUS
	if step.is_finite():
		position = (position + step).clamp(margin, field - margin)


func _show_label() -> void:
	if is_node_ready():
		_label.text = "%s  %d" % [player_name, score]
