## Which pages may connect: allowed_origins, and what holds without it for a server of this machine.
extends "res://tests/godot/suite.gd"


## Whether a page of that origin is let in.
func _may(server: WebSocketServer, headers: PackedStringArray) -> bool:
	var client := WebSocketClient.new()
	client.handshake_headers = headers
	add_child(client)
	var log := record(client)
	check_equal(client.connect_to_url(url_of(server)), OK)
	await until(func() -> bool: return named(log, "connection_failed") or named(log, "connected_to_server"))
	var reasons := named(log, "connection_failed")
	if reasons:
		check(str(reasons[0][0]).contains("HTTP 403"), str(reasons))
	client.free()
	return reasons.is_empty()


func test_typed_and_untyped() -> void:
	var server := WebSocketServer.new()
	check_equal(server.allowed_origins, PackedStringArray())
	server.allowed_origins = ["https://example.com"]
	check_equal(server.get_allowed_origins(), PackedStringArray(["https://example.com"]))
	var untyped: Variant = server
	untyped.set_allowed_origins(PackedStringArray(["*"]))
	check_equal(untyped.allowed_origins, PackedStringArray(["*"]))
	server.free()


func test_without_a_list_only_pages_of_this_machine() -> void:
	var server := start_server()
	var reasons := record(server)
	check(await _may(server, []), "no browser")
	for origin: String in [
		"http://localhost:8060", "http://127.0.0.1", "https://[::1]:9", "file://", "http://a.localhost"
	]:
		check(await _may(server, ["Origin: " + origin]), origin)
	check_equal(named(reasons, "handshake_failed"), [])
	for origin: String in ["https://evil.example", "null", "http://localhost.evil.example"]:
		expect_error("^ERROR: a page of .%s. was refused; .*allowed_origins" % origin)
		check(not await _may(server, ["Origin: " + origin]), origin)
		check(not await _may(server, ["Origin: " + origin]), origin + ", told once")
	check_equal(named(reasons, "handshake_failed").size(), 6)
	for reason: Array in named(reasons, "handshake_failed"):
		check(
			str(reason[0]).begins_with("127.0.0.1: a page of") and str(reason[0]).contains("allowed_origins"),
			str(reason)
		)


func test_a_list() -> void:
	var server := start_server()
	server.allowed_origins = ["https://example.com", "https://*.example.org"]
	for origin: String in ["https://example.com", "https://play.example.org", "HTTPS://EXAMPLE.COM:443"]:
		check(await _may(server, ["Origin: " + origin]), origin)
	check(await _may(server, []), "no browser")
	for origin: String in ["http://example.com", "https://example.org", "http://localhost"]:
		expect_error("^ERROR: a page of .%s. was refused; if it is yours, list it in allowed_origins" % origin)
		check(not await _may(server, ["Origin: " + origin]), origin)
	server.allowed_origins = ["*"]
	check(await _may(server, ["Origin: https://evil.example"]), "all")


func test_what_is_no_origin() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	server.bind_address = "localhost"
	for line: String in ["example.com", "https://", "", "https://exam ple.com", "https://*", "https://a.*.com"]:
		server.allowed_origins = [line]
		expect_error("^ERROR: listen: allowed_origins: .* is no origin; write it like")
		check_equal(server.listen(0), ERR_INVALID_PARAMETER)
	server.allowed_origins = ["https://example.com"]
	check_equal(server.listen(0), OK)
	server.allowed_origins = ["example.com"]
	expect_error("^ERROR: allowed_origins: .*; what was set before stays in force")
	check(await _may(server, ["Origin: https://example.com"]), "what was set before")
	expect_error("^ERROR: a page of .https://evil.example")
	check(not await _may(server, ["Origin: https://evil.example"]), "stays in force")
