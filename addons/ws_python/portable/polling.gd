## What server and client nodes share: when they begin, when the engine polls them, and what becomes of a freed one.
##
## Thin: what happens is the work of the core. _notification() in place of _ready() and _process(), which a script that
## a game derives from this one may have for itself; a member's first value in place of _init(), for the same reason.
extends "res://addons/ws_python/portable/members/pollable.gd"

const Core := preload("res://addons/ws_python/portable/core.gd")

# Ours, far from the engine's: what a node sends itself by a deferred call.
const _WS_NOTIFICATION_BEGIN := 5_766_100

var _ws_core := _ws_make()
var _ws_keeper := _WsKeeper.new(_ws_core)
# It is ready, and not yet in the deferred call that begins what is to begin by itself.
var _ws_is_to_begin := false


## Ends the core with the script: where another one takes its place, as in an inherited scene, the engine says nothing.
class _WsKeeper:
	extends RefCounted

	var _core: Core

	func _init(core: Core) -> void:
		_core = core

	func _notification(what: int) -> void:
		if what == NOTIFICATION_PREDELETE:
			_core.shut_down()


## What does the work. For the derived class.
func _ws_new_core() -> Core:
	return Core.new(self)


func _ws_make() -> Core:
	# A paused game must not drop its players.
	process_mode = Node.PROCESS_MODE_ALWAYS
	return _ws_new_core()


func _notification(what: int) -> void:
	match what:
		NOTIFICATION_INTERNAL_PROCESS, NOTIFICATION_INTERNAL_PHYSICS_PROCESS:
			# Not by poll(): the engine frees no node of which a method runs, and a handler may free this one.
			var core := _ws_core
			core.poll()
		NOTIFICATION_ENTER_TREE:
			if _ws_is_to_begin:
				notification.call_deferred(_WS_NOTIFICATION_BEGIN)
		NOTIFICATION_READY:
			_ws_choose_frames()
			_ws_is_to_begin = true
			# When the nodes around are ready, too: a handler of `status_changed` may use them.
			notification.call_deferred(_WS_NOTIFICATION_BEGIN)
		_WS_NOTIFICATION_BEGIN:
			if _ws_is_to_begin and is_inside_tree() and not is_queued_for_deletion():
				_ws_is_to_begin = false
				_ws_core.begin()
		NOTIFICATION_PREDELETE:
			set_block_signals(true)
			_ws_core.shut_down()


func _ws_choose_frames() -> void:
	set_process_internal(process_callback == ProcessCallback.PROCESS_IDLE)
	set_physics_process_internal(process_callback == ProcessCallback.PROCESS_PHYSICS)


func set_process_callback(value: ProcessCallback) -> void:
	super(value)
	# On another thread the engine refuses it to a node in the tree.
	if is_inside_tree() and not Checks.is_main_thread():
		_ws_choose_frames.call_deferred()
	else:
		_ws_choose_frames()


func poll() -> void:
	# A handler may free this node: the core must stay for what it is in the middle of.
	var core := _ws_core
	core.poll()


func get_statistics() -> Dictionary:
	return _ws_core.statistics.summary(_ws_core.open_connections())
