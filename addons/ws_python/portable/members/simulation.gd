## The members of WebSocketSimulation, as the native class has them.
## Written by tools/portable_members.py: do not edit.
# gdlint: disable=unused-argument,max-public-methods,max-file-lines,max-returns
extends Resource

const Checks := preload("res://addons/ws_python/portable/checks.gd")
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647,suffix:bytes/s") var bandwidth: int = 0:
	set = set_bandwidth
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647,suffix:bytes") var cut_bytes: int = 0:
	set = set_cut_bytes
@export_custom(PROPERTY_HINT_RANGE, "0,86400,0.1,suffix:s") var cut_interval: float = 0.0:
	set = set_cut_interval
@export_custom(PROPERTY_HINT_RANGE, "0,10,0.001,suffix:s") var jitter: float = 0.0:
	set = set_jitter
@export_custom(PROPERTY_HINT_RANGE, "0,10,0.001,suffix:s") var latency: float = 0.0:
	set = set_latency
@export_custom(PROPERTY_HINT_RANGE, "0,2147483647") var seed: int = 0:
	set = set_seed
@export_custom(PROPERTY_HINT_RANGE, "0,3600,0.1,suffix:s") var stall_interval: float = 0.0:
	set = set_stall_interval
@export_custom(PROPERTY_HINT_RANGE, "0,300,0.1,suffix:s") var stall_time: float = 2.0:
	set = set_stall_time


func get_bandwidth() -> int:
	return bandwidth


func get_cut_bytes() -> int:
	return cut_bytes


func get_cut_interval() -> float:
	return cut_interval


func get_jitter() -> float:
	return jitter


func get_latency() -> float:
	return latency


func get_seed() -> int:
	return seed


func get_stall_interval() -> float:
	return stall_interval


func get_stall_time() -> float:
	return stall_time


func set_bandwidth(value: int) -> void:
	if Checks.is_in_range(self, "bandwidth", value, 0, 2147483647, "bytes/s"):
		bandwidth = value


func set_cut_bytes(value: int) -> void:
	if Checks.is_in_range(self, "cut_bytes", value, 0, 2147483647, "bytes"):
		cut_bytes = value


func set_cut_interval(value: float) -> void:
	if Checks.is_in_range(self, "cut_interval", value, 0.0, 86400.0, "s"):
		cut_interval = value


func set_jitter(value: float) -> void:
	if Checks.is_in_range(self, "jitter", value, 0.0, 10.0, "s"):
		jitter = value


func set_latency(value: float) -> void:
	if Checks.is_in_range(self, "latency", value, 0.0, 10.0, "s"):
		latency = value


func set_seed(value: int) -> void:
	if Checks.is_in_range(self, "seed", value, 0, 2147483647, ""):
		seed = value


func set_stall_interval(value: float) -> void:
	if Checks.is_in_range(self, "stall_interval", value, 0.0, 3600.0, "s"):
		stall_interval = value


func set_stall_time(value: float) -> void:
	if Checks.is_in_range(self, "stall_time", value, 0.0, 300.0, "s"):
		stall_time = value
