## get_statistics() of the three nodes, and the same as custom monitors of Performance.
extends "res://tests/godot/suite.gd"

const REQUEST := (
	"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	+ "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


func test_the_nodes_tell_what_happened() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var received: Array = []
	server.message_received.connect(func(_id: int, message: Variant) -> void: received.append(message))
	check_equal(client.send("one"), OK)
	check_equal(client.send(PackedByteArray([2])), OK)
	await until(func() -> bool: return received.size() == 2)
	var statistics: Dictionary = server.get_statistics()
	check_equal(statistics["messages_received"], 2)
	check_equal(statistics["connections_open"], 1)
	check_equal(statistics["success_rate"], 1.0)
	var untyped: Variant = client
	check_equal(untyped.get_statistics()["messages_sent"], 2)
	check_equal(last_peer(server).get_statistics()["messages_received"], 2)
	client.close(4000)
	await until(func() -> bool: return server.get_peer_count() == 0)
	check_equal(server.get_statistics()["connections_closed"], {4000: 1})


func test_monitors_count_all_nodes_and_those_that_are_gone() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	await frames(1)
	check(Performance.has_custom_monitor("WebSocket/messages_received"), "there are monitors")
	var before: int = Performance.get_custom_monitor("WebSocket/messages_received")
	check(Performance.get_custom_monitor("WebSocket/connections_open") >= 2, "both ends are open")
	client.send("one")
	await until(func() -> bool: return Performance.get_custom_monitor("WebSocket/messages_received") == before + 1)
	server.free()
	client.free()
	await frames(2)
	check_equal(Performance.get_custom_monitor("WebSocket/messages_received"), before + 1)


func _failed(client: WebSocketClient, url: String) -> Dictionary:
	var log := record(client)
	check_equal(client.connect_to_url(url), OK)
	await until(func() -> bool: return named(log, "connection_failed").size() == 1, "connection_failed")
	return client.get_statistics()


func test_failures_are_counted_by_their_causes() -> void:
	var server := start_server()
	server.authorizer = func(_request: WebSocketRequest) -> int: return 430
	var client := WebSocketClient.new()
	add_child(client)
	var statistics: Dictionary = await _failed(client, url_of(server))
	check_equal(statistics["handshakes_failed"], {430: 1})
	check_equal(statistics["counts"], {"refused_by_status": 1})
	check_equal(server.get_statistics()["counts"], {"refused_by_authorizer": 1})
	check_equal(server.get_statistics()["handshakes_failed"], {430: 1})
	var url := url_of(server)
	server.stop()
	statistics = await _failed(client, url)
	check_equal(statistics["counts"], {"refused_by_status": 1, "connection_refused": 1})
	check_equal(statistics["handshakes_failed"], {430: 1, 0: 1})
	check_equal([statistics["counts_total"], statistics["handshakes_failed_total"]], [2, 2])
	check(Performance.get_custom_monitor("WebSocket/counts_total") >= 3, "a monitor")
	check(Performance.has_custom_monitor("WebSocket/connections_closed_total"), "another one")


func test_who_does_not_answer_a_close_is_counted() -> void:
	var server := start_server()
	server.close_timeout = 0.2
	var raw: StreamPeerTCP = await _say(server, REQUEST.to_ascii_buffer())
	await until(func() -> bool: return server.get_peer_count() == 1)
	check_equal(last_peer(server).get_statistics()["inbound_buffered_amount"], 0)
	last_peer(server).close()
	await until(func() -> bool: return server.get_peer_count() == 0)
	check_equal(server.get_statistics()["counts"], {"closed_without_answer": 1})
	check_equal(server.get_statistics()["connections_closed_total"], 1)
	raw.disconnect_from_host()


## Connects to the server, and says something.
func _say(server: WebSocketServer, data: PackedByteArray) -> StreamPeerTCP:
	var raw := StreamPeerTCP.new()
	check_equal(raw.connect_to_host("127.0.0.1", server.get_local_port()), OK)
	await until(func() -> bool: return raw.poll() == OK and raw.get_status() == StreamPeerTCP.STATUS_CONNECTED)
	if not data.is_empty():
		check_equal(raw.put_data(data), OK)
	return raw


## Connects to the server, says something and hangs up. What the server has counted then.
func _counts_after(server: WebSocketServer, data: PackedByteArray) -> Dictionary:
	var failed: int = server.get_statistics()["handshakes_failed_total"]
	var raw: StreamPeerTCP = await _say(server, data)
	raw.disconnect_from_host()
	await until(func() -> bool: return server.get_statistics()["handshakes_failed_total"] == failed + 1)
	return server.get_statistics()["counts"]


func test_who_does_not_shake_hands_properly_is_counted_by_what_it_did() -> void:
	var upgrade := "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
	var server := start_server()
	var expected := {}
	for what: Array in [
		[PackedByteArray([0x16, 0x03, 0x01, 0x00, 0xc8]), "refused_tls_hello"],
		[PackedByteArray(), "left_in_handshake"],
		["GET / HTTP/1.1\r\nHost: x\r\n", "left_in_handshake"],
		["POST / HTTP/1.1\r\nHost: x\r\n\r\n", "refused_method_not_allowed"],
		["HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "refused_method_not_allowed"],
		["nonsense\r\n\r\n", "refused_bad_request"],
		["GET / HTTP/1.1\r\nHost: x\r\n" + upgrade + "13\r\n\r\n", "refused_bad_request"],
		["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "refused_upgrade_required"],
		[
			"GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + upgrade + "8\r\n\r\n",
			"refused_upgrade_required"
		],
		["GET / HTTP/1.0\r\n\r\n", "refused_http_version"],
		["GET / HTTP/1.1\r\nX: %s\r\n\r\n" % "x".repeat(20_000), "refused_header_fields_too_large"],
		["GET /%s" % "x".repeat(20_000), "refused_uri_too_long"],
	]:
		var data: PackedByteArray = what[0] if what[0] is PackedByteArray else str(what[0]).to_ascii_buffer()
		expected[what[1]] = expected.get(what[1], 0) + 1
		check_equal(await _counts_after(server, data), expected, str(what[0]).left(60))


func test_no_common_subprotocol_is_an_improper_request() -> void:
	var server := start_server()
	server.supported_protocols = ["a"]
	var client := start_client(server)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	await until(func() -> bool: return server.get_statistics()["handshakes_failed"] == {400: 1})
	check_equal(server.get_statistics()["counts"], {"refused_bad_request": 1})


func test_what_the_authorizer_refuses_is_no_improper_request() -> void:
	var server := start_server()
	server.authorizer = func(_request: WebSocketRequest) -> int: return 400
	var client := start_client(server)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	await until(func() -> bool: return server.get_statistics()["handshakes_failed"] == {400: 1})
	check_equal(server.get_statistics()["counts"], {"refused_by_authorizer": 1})


func test_who_hangs_up_while_the_authorizer_takes_its_time() -> void:
	var server := start_server()
	var asked: Array = []
	server.authorizer = func(request: WebSocketRequest) -> bool:
		asked.append(request)
		return await server.handshake_failed == ""
	var raw: StreamPeerTCP = await _say(server, REQUEST.to_ascii_buffer())
	await until(func() -> bool: return asked.size() == 1)
	raw.disconnect_from_host()
	await until(func() -> bool: return server.get_statistics()["handshakes_failed"] == {0: 1})
	check_equal(server.get_statistics()["counts"], {"left_in_handshake": 1})
