## What a client asked for when it connected: see the native class (python/ws_godot/request.py) for what it says.
class_name WebSocketRequest
extends "res://addons/ws_python/portable/members/request.gd"

const Handshake := preload("res://addons/ws_python/portable/server_handshake.gd")

# Pairs of a query, and cookies, that are looked at: what has more is no request of a game.
const _WS_MOST_PAIRS := 256

var _ws_handshake: Handshake
var _ws_address := ""
var _ws_port := 0


func _ws_take(connection: RefCounted) -> void:
	_ws_handshake = connection.handshake
	_ws_address = connection.host
	_ws_port = connection.port


# --- what is requested


func get_target() -> String:
	return "" if _ws_handshake == null else _ws_handshake.target


func get_path() -> String:
	return get_target().get_slice("?", 0).uri_decode()


func get_query() -> Dictionary:
	var found := {}
	for pair: PackedStringArray in _ws_pairs():
		if not found.has(pair[0]):
			found[pair[0]] = pair[1]
	return found


func get_query_values(name: String) -> PackedStringArray:
	var found := PackedStringArray()
	for pair: PackedStringArray in _ws_pairs():
		if pair[0] == name:
			found.append(pair[1])
	return found


## The query as names and values, decoded as that of an HTML form.
func _ws_pairs() -> Array[PackedStringArray]:
	var found: Array[PackedStringArray] = []
	var begin := get_target().find("?")
	if begin < 0:
		return found
	for pair: String in get_target().substr(begin + 1).split("&").slice(0, _WS_MOST_PAIRS):
		if pair:
			var equals := pair.find("=")
			var name := pair if equals < 0 else pair.left(equals)
			var value := "" if equals < 0 else pair.substr(equals + 1)
			found.append(PackedStringArray([name.replace("+", " ").uri_decode(), value.replace("+", " ").uri_decode()]))
	return found


func get_headers() -> Dictionary:
	var found := {}
	if _ws_handshake != null:
		for field: PackedStringArray in _ws_handshake.fields():
			found[field[0]] = "%s, %s" % [found[field[0]], field[1]] if found.has(field[0]) else field[1]
	return found


func get_header(name: String) -> String:
	return ", ".join(get_header_values(name))


func get_header_values(name: String) -> PackedStringArray:
	return PackedStringArray() if _ws_handshake == null else _ws_handshake.values(name)


func get_cookies() -> Dictionary:
	var found := {}
	for pair: String in "; ".join(get_header_values("Cookie")).split(";").slice(0, _WS_MOST_PAIRS):
		var equals := pair.find("=")
		var name := pair.left(maxi(equals, 0)).strip_edges()
		if name and not found.has(name):
			var value := pair.substr(equals + 1).strip_edges()
			var is_quoted := value.length() >= 2 and value.begins_with('"') and value.ends_with('"')
			found[name] = value.substr(1, value.length() - 2) if is_quoted else value
	return found


func get_origin() -> String:
	return get_header("Origin")


func get_subprotocols() -> PackedStringArray:
	var names := PackedStringArray()
	if _ws_handshake != null:
		for offered: String in _ws_handshake.offered():
			var name := Handshake.LayerMessage.without_layer(offered)
			if name and name not in names:
				names.append(name)
	return names


# --- who requests it


func get_address() -> String:
	return _ws_address


func get_port() -> int:
	return _ws_port


## The engine's TLS asks clients for no certificate.
func get_certificate() -> String:
	return ""


func get_bearer_token(query_parameter: String = "access_token") -> String:
	var token := _ws_credentials("bearer")
	if token or not query_parameter:
		return token
	return get_query().get(query_parameter, "")


func get_basic_user() -> String:
	return _ws_basic()[0]


func get_basic_password() -> String:
	return _ws_basic()[1]


func _ws_basic() -> PackedStringArray:
	var credentials := _ws_credentials("basic")
	var pair := Marshalls.base64_to_utf8(credentials) if _ws_is_base64(credentials) else ""
	var colon := pair.find(":")
	return [pair, ""] if colon < 0 else [pair.left(colon), pair.substr(colon + 1)]


func _ws_is_base64(text: String) -> bool:
	return text.length() % 4 == 0 and text and RegEx.create_from_string("^[A-Za-z0-9+/]+={0,2}$").search(text) != null


## RFC 9110 section 11.4: the scheme has no case. Two such headers are no valid ones.
func _ws_credentials(scheme: String) -> String:
	var values := get_header_values("Authorization")
	if values.size() != 1 or values[0].get_slice(" ", 0).to_lower() != scheme or not values[0].contains(" "):
		return ""
	return values[0].substr(values[0].find(" ")).strip_edges()


# --- what an authorizer says


func select_protocol(protocol: String) -> Error:
	if not protocol in get_subprotocols():
		push_error("select_protocol: the client does not offer this subprotocol; choose one of `subprotocols`")
		return ERR_INVALID_PARAMETER
	if not _ws_handshake.select(protocol):
		push_error("select_protocol: the request is answered already; call it in the authorizer")
		return ERR_UNAVAILABLE
	return OK


static func refuse(status: int, text: String = "", headers: PackedStringArray = []) -> Dictionary:
	return {"status": status, "text": text, "headers": Array(headers)}


static func constant_time_compare(trusted: String, received: String) -> bool:
	return Crypto.new().constant_time_compare(trusted.to_utf8_buffer(), received.to_utf8_buffer())
