## A gem that lies on the field until a player takes it.
extends Node2D

const Player := preload("player.gd")
const RADIUS := 9.0
const SHAPE: PackedVector2Array = [
	Vector2(0.0, -RADIUS), Vector2(RADIUS, 0.0), Vector2(0.0, RADIUS), Vector2(-RADIUS, 0.0)
]


func _draw() -> void:
	draw_colored_polygon(SHAPE, Color.GOLD)


func is_taken_by(player: Player) -> bool:
	return position.distance_to(player.position) < RADIUS + Player.RADIUS
