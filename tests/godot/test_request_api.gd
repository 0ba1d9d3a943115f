## Every member of WebSocketRequest, typed and untyped.
extends "res://tests/godot/api_suite.gd"

const TARGET := "/r%C3%B6om/%F0%9D%84%9E?a=1&b=x+y%26&a=2&c&access_token=t"

var _server: WebSocketServer
var _peer: WebSocketPeerNode
var _request: WebSocketRequest
var _untyped: Variant


func api_class() -> StringName:
	return &"WebSocketRequest"


## Has a client send a request with these headers, and lets it in.
func _ask(headers: PackedStringArray = [], protocols: PackedStringArray = []) -> void:
	_server = start_server()
	var client := WebSocketClient.new()
	client.handshake_headers = headers
	client.supported_protocols = protocols
	add_child(client)
	_server.authorizer = func(request: WebSocketRequest) -> bool:
		request.data = "shown"
		if protocols:
			check_equal(request.select_protocol(protocols[-1]), OK)
		return true
	check_equal(client.connect_to_url(url_of(_server, TARGET)), OK)
	await until(func() -> bool: return _server.get_peer_count() == 1)
	_peer = last_peer(_server)
	_request = _peer.request
	_untyped = _peer.request


## Checks both ways of calling a getter.
func _check_both(value: Variant, method: String, expected: Variant) -> void:
	check_equal(value, expected)
	check_equal(_untyped.call(method), expected)


# --- properties


func test_property_target() -> void:
	await _ask()
	_check_both(_request.target, "get_target", TARGET)
	check_equal(_request.get_target(), _peer.get_request_path())


func test_property_path() -> void:
	await _ask()
	_check_both(_request.path, "get_path", "/röom/𝄞")
	check_equal(_request.get_path(), _untyped["path"])


func test_property_query() -> void:
	await _ask()
	_check_both(_request.query, "get_query", {"a": "1", "b": "x y&", "c": "", "access_token": "t"})
	check_equal(_request.get_query(), _untyped["query"])


func test_property_headers() -> void:
	await _ask(["X-Twice: 1", "X-TWICE: 2"])
	check_equal(_request.headers["x-twice"], "1, 2")
	check_equal(_request.get_headers()["upgrade"], "websocket")
	check_equal(_untyped.call("get_headers"), _untyped["headers"])


func test_property_cookies() -> void:
	await _ask(['Cookie: session=abc; theme="dark"; session=second'])
	_check_both(_request.cookies, "get_cookies", {"session": "abc", "theme": "dark"})
	check_equal(_request.get_cookies(), _untyped["cookies"])


func test_property_origin() -> void:
	await _ask(["Origin: http://localhost:8060"])
	_check_both(_request.origin, "get_origin", "http://localhost:8060")
	check_equal(_request.get_origin(), _untyped["origin"])


func test_property_subprotocols() -> void:
	await _ask([], ["v1", "v2"])
	_check_both(_request.subprotocols, "get_subprotocols", PackedStringArray(["v1", "v2"]))
	check_equal(_request.get_subprotocols(), _untyped["subprotocols"])


func test_property_address() -> void:
	await _ask()
	_check_both(_request.address, "get_address", "127.0.0.1")
	check_equal(_request.get_address(), _peer.get_connected_host())


func test_property_port() -> void:
	await _ask()
	_check_both(_request.port, "get_port", _peer.get_connected_port())
	check_equal(_request.get_port(), _untyped["port"])


func test_property_certificate() -> void:
	await _ask()
	_check_both(_request.certificate, "get_certificate", "")
	check_equal(_request.get_certificate(), _untyped["certificate"])


func test_property_data() -> void:
	await _ask()
	_check_both(_request.data, "get_data", "shown")
	_request.data = self
	check_equal(_request.get_data(), self)
	_untyped.data = {"a": [1, Vector2.ONE]}
	check_equal(_request.data, {"a": [1, Vector2.ONE]})
	_untyped.call("set_data", null)
	check_equal(_untyped["data"], null)
	_request.set_data(5)
	check_equal(_peer.request.data, 5)


# --- methods


func test_method_get_query_values() -> void:
	await _ask()
	check_equal(_request.get_query_values("a"), PackedStringArray(["1", "2"]))
	check_equal(_untyped.get_query_values("none"), PackedStringArray())


func test_method_get_header() -> void:
	await _ask(["X-Twice: 1", "X-TWICE: 2"])
	check_equal(_request.get_header("x-twice"), "1, 2")
	check_equal(_untyped.get_header("X-None"), "")


func test_method_get_header_values() -> void:
	await _ask(["X-Twice: 1", "X-TWICE: 2"])
	check_equal(_request.get_header_values("x-twice"), PackedStringArray(["1", "2"]))
	check_equal(_untyped.get_header_values("X-None"), PackedStringArray())


func test_method_get_bearer_token() -> void:
	await _ask(["Authorization: Bearer abc"])
	check_equal(_request.get_bearer_token(), "abc")
	check_equal(_untyped.get_bearer_token(""), "abc")
	await _ask()
	check_equal(_request.get_bearer_token(), "t")
	check_equal(_untyped.get_bearer_token("a"), "1")
	check_equal(_untyped.get_bearer_token(""), "")


func test_method_get_basic_user() -> void:
	await _ask(["Authorization: Basic YWRhOnM6ZWNyZXQ="])
	_check_both(_request.get_basic_user(), "get_basic_user", "ada")


func test_method_get_basic_password() -> void:
	await _ask(["Authorization: Basic YWRhOnM6ZWNyZXQ="])
	_check_both(_request.get_basic_password(), "get_basic_password", "s:ecret")


func test_method_select_protocol() -> void:
	await _ask([], ["v1", "v2"])
	check_equal(_peer.get_selected_protocol(), "v2")
	expect_error("^ERROR: select_protocol: the request is answered already")
	check_equal(_request.select_protocol("v1"), ERR_UNAVAILABLE)
	expect_error("^ERROR: select_protocol: the client does not offer")
	check_equal(_untyped.select_protocol("v3"), ERR_INVALID_PARAMETER)


func test_method_refuse() -> void:
	var untyped: Variant = WebSocketRequest
	check_equal(WebSocketRequest.refuse(401), {"status": 401, "text": "", "headers": []})
	var refusal: Dictionary = untyped.refuse(429, "Later.", PackedStringArray(["Retry-After: 7"]))
	check_equal(refusal, {"status": 429, "text": "Later.", "headers": ["Retry-After: 7"]})


func test_method_constant_time_compare() -> void:
	var untyped: Variant = WebSocketRequest
	check(WebSocketRequest.constant_time_compare("sëcret", "sëcret"), "equal")
	check(not WebSocketRequest.constant_time_compare("sëcret", "secret"), "not equal")
	check_equal(untyped.constant_time_compare("", "x"), false)


func test_one_that_nobody_has_sent() -> void:
	var request: Variant = Classes.make(&"WebSocketRequest")
	check(request == null or request.path == "", "one that nobody has sent")
