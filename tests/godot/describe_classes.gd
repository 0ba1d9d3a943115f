## Writes the members of our classes into a file, as JSON: `... --script res://tests/godot/describe_classes.gd -- FILE`.
extends SceneTree

const Classes := preload("res://tests/godot/classes.gd")


func _initialize() -> void:
	var described := {}
	for type: StringName in [
		&"WebSocketClient",
		&"WebSocketServer",
		&"WebSocketPeerNode",
		&"WebSocketRequest",
		&"WebSocketReply",
		&"WebSocketSimulation"
	]:
		described[type] = Classes.describe(type)
	var file := FileAccess.open(OS.get_cmdline_user_args()[0], FileAccess.WRITE)
	file.store_string(JSON.stringify(described, "\t", true))
	file.close()
	quit()
