## Says in an exported game what to do where its library cannot be loaded: the engine says only that it was not.
##
## The engine makes one of each global class that is a ResourceFormatLoader, before anything of the game is loaded.
extends ResourceFormatLoader


func _init() -> void:
	if not ClassDB.class_exists(&"WebSocketServer"):
		push_error(
			(
				"The WebSocket nodes are missing: the library that an error above names could not be loaded. Copy the "
				+ "whole game again, with what is beside its program; where it is whole, the system is too old for it."
			)
		)
