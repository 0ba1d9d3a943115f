## A bad network, which the portable nodes cannot simulate: its values are kept, and do nothing. See the native class
## (python/ws_godot/simulation.py) for what it says.
class_name WebSocketSimulation
extends "res://addons/ws_python/portable/members/simulation.gd"

const WHY := "it is for tests where the native nodes serve"
