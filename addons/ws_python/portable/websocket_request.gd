## WebSocketRequest where the extension cannot be.
class_name WebSocketRequest
extends "res://addons/ws_python/portable/members/request.gd"
