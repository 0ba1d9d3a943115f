## The members of WebSocketReply, as the native class has them.
## Written by tools/portable_members.py: do not edit.
# gdlint: disable=unused-argument,max-public-methods,max-file-lines,max-returns
extends RefCounted

signal completed(reply: Variant)
const Checks := preload("res://addons/ws_python/portable/checks.gd")
var data: Variant:
	get = get_data
var error: Error:
	get = get_error
var is_completed: bool:
	get = get_is_completed
var message: String:
	get = get_message


func cancel() -> void:
	pass


static func fail(error: Error = 1, message: String = "") -> WebSocketReply:
	return null


func get_data() -> Variant:
	return null


func get_error() -> Error:
	return Checks.unavailable("get_error")


func get_is_completed() -> bool:
	return false


func get_message() -> String:
	return ""


func wait() -> WebSocketReply:
	return null
