## The members of WebSocketRequest, as the native class has them.
## Written by tools/portable_members.py: do not edit.
# gdlint: disable=unused-argument,max-public-methods,max-file-lines,max-returns
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")
var address: String:
	get = get_address
var certificate: String:
	get = get_certificate
var cookies: Dictionary:
	get = get_cookies
var data: Variant = null:
	set = set_data
var headers: Dictionary:
	get = get_headers
var origin: String:
	get = get_origin
var path: String:
	get = get_path
var port: int:
	get = get_port
var query: Dictionary:
	get = get_query
var subprotocols: PackedStringArray:
	get = get_subprotocols
var target: String:
	get = get_target


static func constant_time_compare(trusted: String, received: String) -> bool:
	return false


func get_address() -> String:
	return ""


func get_basic_password() -> String:
	return ""


func get_basic_user() -> String:
	return ""


func get_bearer_token(query_parameter: String = "access_token") -> String:
	return ""


func get_certificate() -> String:
	return ""


func get_cookies() -> Dictionary:
	return {}


func get_data() -> Variant:
	return data


func get_header(name: String) -> String:
	return ""


func get_header_values(name: String) -> PackedStringArray:
	return PackedStringArray()


func get_headers() -> Dictionary:
	return {}


func get_origin() -> String:
	return ""


func get_path() -> String:
	return ""


func get_port() -> int:
	return 0


func get_query() -> Dictionary:
	return {}


func get_query_values(name: String) -> PackedStringArray:
	return PackedStringArray()


func get_subprotocols() -> PackedStringArray:
	return PackedStringArray()


func get_target() -> String:
	return ""


static func refuse(status: int, text: String = "", headers: PackedStringArray = PackedStringArray()) -> Dictionary:
	return {}


func select_protocol(protocol: String) -> Error:
	return Checks.unavailable("select_protocol")


func set_data(value: Variant) -> void:
	data = value
