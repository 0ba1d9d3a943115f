## Where to listen and what to connect to: localhost, IPv4, IPv6, all of them.
extends "res://tests/godot/suite.gd"


func _check_connects(bind_address: String, hosts: Dictionary[String, String]) -> void:
	var server := WebSocketServer.new()
	server.bind_address = bind_address
	add_child(server)
	check_equal(server.listen(0), OK, bind_address)
	for host: String in hosts:
		var client := WebSocketClient.new()
		add_child(client)
		client.connect_to_url("ws://%s:%d" % [host, server.get_local_port()])
		var connected := func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE
		await until(connected, "%s through %s" % [bind_address, host])
		await until(func() -> bool: return server.get_peer_count() == 1)
		if hosts[host]:
			check_equal(client.get_connected_host(), hosts[host])
			check_equal(last_peer(server).get_connected_host(), hosts[host])
		check_equal(client.get_connected_port(), server.get_local_port())
		client.close()
		await until(func() -> bool: return server.get_peer_count() == 0)


func _has_ipv6() -> bool:
	return IP.get_local_addresses().has("0:0:0:0:0:0:0:1")


func test_all_addresses() -> void:
	# Whether localhost is IPv4 or IPv6 is for the machine to say.
	await _check_connects("*", {"127.0.0.1": "127.0.0.1", "localhost": ""})
	if _has_ipv6():
		await _check_connects("*", {"[::1]": "::1"})


func test_localhost() -> void:
	await _check_connects("localhost", {"127.0.0.1": "127.0.0.1", "localhost": ""})
	if _has_ipv6():
		await _check_connects("localhost", {"[::1]": "::1"})


func test_ipv4() -> void:
	await _check_connects("127.0.0.1", {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1"})


func test_ipv6() -> void:
	if not _has_ipv6():
		print("skipped: this machine has no IPv6")
		check(true, "")
		return
	await _check_connects("::1", {"[::1]": "::1"})


func test_every_free_port_is_another_one() -> void:
	var ports := {}
	for _i: int in 20:
		ports[start_server().get_local_port()] = true
	check_equal(ports.size(), 20)


func test_a_port_can_be_used_again_at_once() -> void:
	var server := start_server()
	var port := server.get_local_port()
	await open_client(server)
	server.stop()
	check_equal(server.listen(port), OK)
	check_equal(server.get_local_port(), port)
