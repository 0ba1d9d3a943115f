## Uses the Turret node, which is written in Python, as if it were any other node.
extends Node


func _ready() -> void:
	var turret := Turret.new()
	turret.name = "Turret"
	turret.fired.connect(_on_fired)
	add_child(turret)
	print("aim: ", error_string(turret.aim(Vector2(0.0, 1.0), true)), ", heading ", turret.get_heading())
	print("damage: ", turret.fire(self))
	turret.ammo = 0
	print("out of ammo: ", error_string(turret.aim(Vector2.RIGHT)))
	get_tree().quit()


func _on_fired(target: Object, damage: float) -> void:
	print("fired at ", (target as Node).name, " for ", damage)
