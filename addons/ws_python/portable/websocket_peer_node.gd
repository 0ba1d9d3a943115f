## WebSocketPeerNode where the extension cannot be.
class_name WebSocketPeerNode
extends "res://addons/ws_python/portable/members/peer_node.gd"
