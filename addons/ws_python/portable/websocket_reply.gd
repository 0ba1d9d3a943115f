## What comes of a request: see the native class (python/ws_godot/reply.py) for what it says.
class_name WebSocketReply
extends "res://addons/ws_python/portable/members/reply.gd"

var _ws_error := ERR_BUSY
var _ws_message := ""
var _ws_data: Variant = null
var _ws_is_completed := false


static func fail(error: Error = FAILED, message: String = "") -> WebSocketReply:
	var reply := WebSocketReply.new()
	reply._ws_complete(error if error else FAILED, message, null)
	return reply


func get_error() -> Error:
	return _ws_error


func get_message() -> String:
	return _ws_message


func get_data() -> Variant:
	return _ws_data


func get_is_completed() -> bool:
	return _ws_is_completed


func cancel() -> void:
	_ws_complete(ERR_SKIP, "it was cancelled", null)


func wait() -> WebSocketReply:
	if not is_completed:
		await completed
	return self


func _ws_complete(error: Error, message: String, data: Variant) -> void:
	if is_completed:
		return
	_ws_is_completed = true
	_ws_error = error
	_ws_message = message
	_ws_data = data
	completed.emit(self)
