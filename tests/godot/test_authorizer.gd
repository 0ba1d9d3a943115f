## The authorizer: a Callable of the game says who may connect, at once, or after it has awaited something.
extends "res://tests/godot/suite.gd"

signal decided(verdict: Variant)


## What is asked, and answers on whatever thread.
class Oracle:
	extends RefCounted

	signal spoke

	func speak() -> void:
		spoke.emit()


## A client that connects, and the record of its signals.
func _knock(server: WebSocketServer, path: String = "/", headers: PackedStringArray = []) -> Array[Array]:
	var client := WebSocketClient.new()
	client.handshake_headers = headers
	add_child(client)
	var log := record(client)
	check_equal(client.connect_to_url(url_of(server, path)), OK)
	return log


## Why the client was not let in.
func _refusal(log: Array[Array]) -> String:
	await until(func() -> bool: return named(log, "connection_failed").size() == 1, "connection_failed")
	return "" if named(log, "connection_failed").is_empty() else str(named(log, "connection_failed")[0][0])


func _let_in(request: WebSocketRequest) -> bool:
	request.data = ["let in", request.path]
	return true


func test_typed_and_untyped() -> void:
	var server := start_server()
	check_equal(server.authorizer, Callable(), "by default")
	server.authorizer = _let_in
	check_equal(server.get_authorizer(), _let_in)
	await open_client(server, "/typed")
	var peer := last_peer(server)
	var request := peer.request
	check_equal(request.data, ["let in", "/typed"])
	check_equal(request.path, "/typed")
	check(peer.get_request() == request, "one and the same")
	var any: Variant = server
	any.set_authorizer(Callable())
	check_equal(any.authorizer, Callable(), "taken back")
	any.authorizer = func(asked: Variant) -> Variant:
		asked.data = asked.get_header("x-who")
		asked.set_data(asked.data + "!")
		return asked.query.has("in")
	var log := _knock(server, "/?in", ["X-Who: me"])
	await until(func() -> bool: return named(log, "connected_to_server").size() == 1)
	await until(func() -> bool: return server.get_peer_count() == 2)
	var untyped: Variant = last_peer(server)
	check_equal(untyped.request.data, "me!")
	check_equal(untyped.get_request().get_data(), "me!")
	check_equal(Classes.name_of(untyped.request as Object), "WebSocketRequest")
	log = _knock(server)
	check((await _refusal(log)).contains("HTTP 403"), "false is 403")


func test_a_request_of_nobody() -> void:
	var server := start_server()
	await open_client(server, "/plain?x=1")
	check_equal(last_peer(server).request.query, {"x": "1"}, "there without an authorizer, too")
	var orphan := WebSocketPeerNode.new()
	check(orphan.request == null, "no connection, no request")
	var untyped: Variant = orphan
	check(untyped.get_request() == null, "no connection, no request")
	orphan.free()


func test_statuses_and_refusals() -> void:
	var server := start_server()
	var reasons := record(server)
	var verdict: Array[Variant] = [null]
	server.authorizer = func(_request: WebSocketRequest) -> Variant: return verdict[0]
	for row: Array in [
		[false, "HTTP 403"],
		[401, "HTTP 401 Unauthorized"],
		[503, "HTTP 503"],
		[
			WebSocketRequest.refuse(429, "Not so fast, Zoë.", ["Retry-After: 7"]),
			"HTTP 429 Too Many Requests: Not so fast, Zoë"
		],
		[{"status": 404}, "HTTP 404"],
		[430, "HTTP 430 Refused"],
		[WebSocketRequest.refuse(599, "Own trouble"), "HTTP 599 Refused: Own trouble"],
		[{"status": 418, "text": "short\nand stout", "headers": PackedStringArray()}, "HTTP 418"],
	]:
		verdict[0] = row[0]
		var log := _knock(server)
		check((await _refusal(log)).contains(row[1] as String), "%s" % [row])
	await until(func() -> bool: return named(reasons, "handshake_failed").size() == 8)
	check(str(named(reasons, "handshake_failed")[3][0]).contains("429: Not so fast"), "the server's reason")
	var client := get_child(-5) as WebSocketClient
	check_equal(client.get_handshake_header("Retry-After"), "7")
	check_equal(server.get_peer_count(), 0)


func test_what_says_nothing_lets_nobody_in() -> void:
	var server := start_server()
	var verdict: Array[Variant] = [null]
	server.authorizer = func(_request: Variant) -> Variant: return verdict[0]
	for row: Array in [
		[null, "it returned null"],
		["yes", "it returned String"],
		[0, "it returned 0 as an HTTP status"],
		[200, "it returned 200 as an HTTP status"],
		[1.0, "it returned float"],
		[[true], "it returned Array"],
		[{}, "it returned null as an HTTP status"],
		[{"status": "401"}, "it returned String as an HTTP status"],
		[{"status": 401, "reason": "x"}, "key .reason., which says nothing"],
		[{"status": 401, "text": 5}, "as the text of a refusal"],
		[{"status": 401, "headers": ["no colon"]}, "is not a header"],
	]:
		server.free()
		server = start_server()  # Which tells each anew.
		server.authorizer = func(_request: Variant) -> Variant: return verdict[0]
		verdict[0] = row[0]
		expect_error("^ERROR: authorizer: .*%s" % row[1])
		var log := _knock(server)
		check((await _refusal(log)).contains("HTTP 500"), "%s" % [row])


func test_an_error_in_it() -> void:
	var server := start_server()
	server.authorizer = func(request: Variant) -> Variant: return request.there_is_no_such_method()
	expect_error("^SCRIPT ERROR: .*there_is_no_such_method")
	expect_error("^ERROR: authorizer: it returned null")
	check((await _refusal(_knock(server))).contains("HTTP 500"), "a script error")
	server.authorizer = func(request: Variant) -> bool: return request.there_is_no_such_method()
	expect_error("^SCRIPT ERROR: .*there_is_no_such_method")
	check((await _refusal(_knock(server))).contains("HTTP 403"), "GDScript returns false for it there")


func test_it_takes_another_number_of_arguments() -> void:
	var server := start_server()
	server.authorizer = func() -> bool: return true
	expect_error("^ERROR: authorizer: it raised TypeError: .*takes at most 0 arguments")
	check((await _refusal(_knock(server))).contains("HTTP 500"), "refused")


func test_its_object_was_freed() -> void:
	var server := start_server()
	var script := GDScript.new()
	script.source_code = "extends Node\nfunc decide(_request: WebSocketRequest) -> bool:\n\treturn true\n"
	check_equal(script.reload(), OK)
	var doorkeeper := Node.new()
	doorkeeper.set_script(script)
	server.authorizer = Callable(doorkeeper, "decide")
	await open_client(server)
	doorkeeper.free()
	expect_error("^ERROR: authorizer: the object of the Callable was freed")
	for _i: int in 3:
		check((await _refusal(_knock(server))).contains("HTTP 500"), "refused, and told once")


func _decide_later(_request: WebSocketRequest) -> Variant:
	return await decided


func test_it_awaits() -> void:
	var server := start_server()
	server.authorizer = _decide_later
	var log := _knock(server)
	await until(func() -> bool: return decided.get_connections().size() == 1, "it is asked")
	await frames(5)
	check_equal(log, [["status_changed", WebSocketClient.STATUS_CONNECTING as int]])
	decided.emit(true)
	await until(func() -> bool: return server.get_peer_count() == 1)
	log = _knock(server)
	await until(func() -> bool: return decided.get_connections().size() == 1, "it is asked")
	decided.emit(WebSocketRequest.refuse(402, "Insert coin."))
	check((await _refusal(log)).contains("HTTP 402 Payment Required: Insert coin"), "refused later")
	log = _knock(server)
	await until(func() -> bool: return decided.get_connections().size() == 1, "it is asked")
	expect_error("^ERROR: authorizer: it returned String")
	decided.emit("yes")
	check((await _refusal(log)).contains("HTTP 500"), "nonsense later")


func test_it_answers_on_another_thread() -> void:
	var server := start_server()
	var oracle := Oracle.new()
	server.authorizer = func(request: WebSocketRequest) -> bool:
		await oracle.spoke
		request.data = OS.get_thread_caller_id() != OS.get_main_thread_id()
		return true
	var log := _knock(server)
	await until(func() -> bool: return oracle.spoke.get_connections().size() == 1, "it is asked")
	var thread := Thread.new()
	thread.start(oracle.speak)
	await until(func() -> bool: return server.get_peer_count() == 1)
	thread.wait_to_finish()
	check_equal(last_peer(server).request.data, true, "it was on another thread")
	await until(func() -> bool: return named(log, "connected_to_server").size() == 1)


func test_it_awaits_twice_and_stores_meanwhile() -> void:
	var server := start_server()
	var tree := get_tree()
	server.authorizer = func(request: WebSocketRequest) -> bool:
		request.data = 1
		await tree.process_frame
		request.data = 2
		await tree.process_frame
		request.data = (request.data as int) + 1
		return true
	var seen: Array[Variant] = []
	server.client_connected.connect(func(peer_id: int) -> void: seen.append(server.get_peer(peer_id).request.data))
	await open_client(server)
	check_equal(seen, [3], "there inside of client_connected")


func test_it_never_answers() -> void:
	var server := start_server()
	server.handshake_timeout = 0.2
	server.authorizer = _decide_later
	var reasons := record(server)
	var log := _knock(server)
	check((await _refusal(log)).contains("HTTP 503"), "refused when the time is over")
	await until(func() -> bool: return named(reasons, "handshake_failed").size() == 1)
	check(str(named(reasons, "handshake_failed")[0][0]).contains("handshake_timeout"), "the reason")
	decided.emit(true)
	await frames(5)
	check_equal(server.get_peer_count(), 0, "too late")


func test_the_client_goes_before_it_answers() -> void:
	var server := start_server()
	server.authorizer = _decide_later
	var reasons := record(server)
	_knock(server)
	await until(func() -> bool: return decided.get_connections().size() == 1, "it is asked")
	(get_child(-1) as WebSocketClient).free()
	await until(func() -> bool: return named(reasons, "handshake_failed").size() == 1)
	decided.emit(true)
	await frames(5)
	check_equal(server.get_peer_count(), 0)
	check_equal(named(reasons, "client_connected").size(), 0)


func test_it_may_call_anything() -> void:
	var server := start_server()
	var calls: Array[String] = []
	server.authorizer = func(request: WebSocketRequest) -> bool:
		calls.append(request.path)
		match request.path:
			"/poll":
				server.poll()
			"/stop":
				server.stop()
			"/send":
				check_equal(server.send(0, "nobody"), OK)
			"/unset":
				server.authorizer = Callable()
		return true
	for path: String in ["/poll", "/send", "/unset"]:
		await open_client(server, path)
	check_equal(calls, ["/poll", "/send", "/unset"] as Array[String])
	await open_client(server, "/nobody-asked")
	check_equal(calls.size(), 3)
	server.authorizer = func(_request: WebSocketRequest) -> bool:
		server.stop()
		return true
	var log := _knock(server)
	await _refusal(log)
	check(not server.is_listening(), "stopped")
	check_equal(server.get_peer_count(), 0)


func test_it_frees_the_server() -> void:
	for later: bool in [false, true]:
		var server := start_server()
		var tree := get_tree()
		server.authorizer = func(_request: WebSocketRequest) -> bool:
			if later:
				await tree.process_frame
			server.free()
			return true
		await _refusal(_knock(server))
		check(not is_instance_valid(server), "freed")


func test_the_server_stops_and_listens_again_before_it_answers() -> void:
	var server := start_server()
	server.authorizer = _decide_later
	var log := _knock(server)
	await until(func() -> bool: return decided.get_connections().size() == 1, "it is asked")
	server.stop()
	check_equal(server.listen(0), OK)
	await _refusal(log)
	decided.emit(true)
	await frames(5)
	check_equal(server.get_peer_count(), 0, "the answer was for another time")


func test_a_signed_token() -> void:
	var server := start_server()
	var untyped: Variant = server
	var secret := "0123456789abcdef0123456789abcdef"
	var token := WebSocketServer.sign_token(secret, {"sub": "ada", "level": 7, "of": [1, {"a": null}]}, 60.0)
	server.authorizer = func(request: WebSocketRequest) -> Variant:
		var claims := WebSocketServer.verify_token(secret, request.get_bearer_token())
		if claims.is_empty():
			return WebSocketRequest.refuse(401, "Sign in first.", ["WWW-Authenticate: Bearer"])
		request.data = claims
		return true
	await open_client(server, "/?access_token=" + token)
	var claims: Dictionary = last_peer(server).request.data
	check_equal(claims["sub"], "ada")
	check_equal(claims["level"], 7)
	check_equal(claims["of"], [1, {"a": null}])
	var log := _knock(server, "/", ["Authorization: Bearer " + token])
	await until(func() -> bool: return named(log, "connected_to_server").size() == 1)
	for wrong: String in [
		"", "x", token + "x", untyped.sign_token(secret, {}, 0.000001), untyped.sign_token("x", {}, 9)
	]:
		if wrong.length() > 20 and untyped.verify_token(secret, wrong):
			await until(func() -> bool: return untyped.verify_token(secret, wrong).is_empty(), "it expires")
		check((await _refusal(_knock(server, "/?access_token=" + wrong))).contains("HTTP 401"), "refused: " + wrong)


func test_many_at_once() -> void:
	var server := start_server()
	var asked: Array[int] = [0]
	server.authorizer = func(request: WebSocketRequest) -> bool:
		asked[0] += 1
		request.data = request.path
		return request.path.ends_with("0")
	for index: int in 100:
		start_client(server, "/%d" % index)
	await until(func() -> bool: return asked[0] == 100 and server.get_peer_count() == 10, "all are asked", 20000)
	for peer_id: int in server.get_peer_ids():
		var peer := server.get_peer(peer_id)
		check_equal(peer.request.data, peer.get_request_path())
