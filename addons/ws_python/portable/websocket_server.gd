## WebSocketServer where the extension cannot be.
class_name WebSocketServer
extends "res://addons/ws_python/portable/members/server.gd"
