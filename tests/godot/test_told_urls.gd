## URLs in what a user and the log are told: who reads it does not learn a password.
extends "res://tests/godot/suite.gd"

const SECRETS: PackedStringArray = ["hunter2", "t0ken"]


func test_the_reason_of_a_failure_holds_no_secret() -> void:
	var listening := TCPServer.new()
	check_equal(listening.listen(0, "127.0.0.1"), OK)
	var port := listening.get_local_port()
	listening.stop()
	var client := WebSocketClient.new()
	add_child(client)
	var log := record(client)
	var url := "ws://user:hunter2@127.0.0.1:%d/chat?token=t0ken" % port
	check_equal(client.connect_to_url(url), OK)
	await until(func() -> bool: return named(log, "connection_failed").size() == 1)
	var reason: String = named(log, "connection_failed")[0][0]
	for secret: String in SECRETS:
		check(not reason.contains(secret), reason)
	check(reason.contains("127.0.0.1"), "it says where: %s" % reason)


func test_an_error_of_connect_to_url_holds_no_secret() -> void:
	var client := WebSocketClient.new()
	add_child(client)
	for url: String in [
		"ws://user:hunter2@:99999/?token=t0ken", "http://user:hunter2@localhost/", "ws://user:hunter2@localhost/#t0ken"
	]:
		expect_error("^ERROR: connect_to_url: (?!.*(hunter2|t0ken))")
		check_equal(client.connect_to_url(url), ERR_INVALID_PARAMETER, url)
