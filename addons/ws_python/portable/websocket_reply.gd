## What comes of a request: see the native class (python/ws_godot/reply.py) for what it says.
class_name WebSocketReply
extends "res://addons/ws_python/portable/members/reply.gd"

var _ws_error := ERR_BUSY
var _ws_message := ""
var _ws_data: Variant = null
var _ws_is_completed := false
## What cancel() calls.
var _ws_give_up := Callable()

# Who waits for it in request() of a node; null for nobody.
var _ws_awaited: Arrival


## What request() of a node waits for.
class Arrival:
	extends RefCounted

	signal arrived(reply: WebSocketReply)

	## The node is being freed, and with it what its functions would go on with: what stands for those that wait here, and
	## tells whoever awaits them, by its signal `completed`.
	func take() -> Array[RefCounted]:
		var states: Array[RefCounted] = []
		for connection: Dictionary in arrived.get_connections():
			var waiting: Callable = connection["callable"]
			var state: RefCounted = waiting.get_object()
			arrived.disconnect(waiting)
			states.append(state)
		return states


static func fail(error: Error = FAILED, message: String = "") -> WebSocketReply:
	var reply := WebSocketReply.new()
	reply._ws_set(error if error else FAILED, message, null)
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
	if _ws_give_up.is_valid():
		_ws_give_up.call()


func wait() -> WebSocketReply:
	if not is_completed:
		await completed
	return self


func _ws_arrival() -> Arrival:
	if _ws_awaited == null:
		_ws_awaited = Arrival.new()
	return _ws_awaited


## Completes it without a word. Whether it was not before.
func _ws_set(error: Error, message: String, data: Variant) -> bool:
	if _ws_is_completed:
		return false
	_ws_is_completed = true
	_ws_error = error
	_ws_message = message
	_ws_data = data
	_ws_give_up = Callable()
	return true


## Completes it, and tells of it.
func _ws_complete(error: Error, message: String, data: Variant) -> void:
	if not _ws_set(error, message, data):
		return
	completed.emit(self)
	if _ws_awaited != null:
		_ws_awaited.arrived.emit(self)


## As _ws_complete(), but told when whoever calls this is done: nobody can be called now, or can listen yet.
func _ws_complete_later(error: Error, message: String) -> void:
	if _ws_set(error, message, null):
		var nobody: Array[RefCounted] = []
		_ws_tell.bind(self, nobody if _ws_awaited == null else _ws_awaited.take()).call_deferred()


## Static, and bound: nobody else may keep the reply until then.
static func _ws_tell(reply: WebSocketReply, waiting: Array[RefCounted]) -> void:
	reply.completed.emit(reply)
	for state: RefCounted in waiting:
		state.emit_signal(&"completed", reply)
