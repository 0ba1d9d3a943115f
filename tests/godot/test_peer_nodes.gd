## The peers as children of their server: also those that come while it is busy with its children, but not as copies.
extends "res://tests/godot/suite.gd"


## Polls its parent when that is busy with its children.
class Poller:
	extends Node

	func _ready() -> void:
		(get_parent() as WebSocketServer).poll()

	func _exit_tree() -> void:
		(get_parent() as WebSocketServer).poll()


## A server outside of the tree, and a client whose connection it will find with its next poll().
func _server_to_be_polled() -> WebSocketServer:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	server.process_callback = WebSocketServer.PROCESS_MANUAL
	server.add_child(Poller.new())
	check_equal(server.listen(0), OK)
	await _client_of(server)
	return server


func _client_of(server: WebSocketServer) -> void:
	var client := start_client(server)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)


func test_a_peer_that_comes_while_the_server_enters_the_tree() -> void:
	var server: WebSocketServer = await _server_to_be_polled()
	add_child(server)
	check_equal(server.get_peer_count(), 1)
	await frames(1)
	check(last_peer(server).get_parent() == server, "a child of the server")


func test_a_peer_that_comes_while_the_server_leaves_the_tree() -> void:
	var server: WebSocketServer = await _server_to_be_polled()
	add_child(server)
	await _client_of(server)
	expect_error("ERROR: Parent node is busy")
	remove_child(server)
	check_equal(server.get_peer_count(), 2)
	await frames(1)
	check(last_peer(server).get_parent() == server, "a child of the server")
	server.free()


func test_duplicating_a_server_with_peers() -> void:
	var server := start_server()
	await open_client(server)
	var copy := server.duplicate() as WebSocketServer
	add_child(copy)
	await frames(2)
	check_equal(copy.get_child_count(), 0, "peers of the copy")
	check_equal(server.get_child_count(), 1, "peers of the server")
	check_equal(copy.get_peer_count(), 0)


func test_duplicating_a_server_outside_of_the_tree() -> void:
	var server := start_server()
	await open_client(server)
	var copy := server.duplicate() as WebSocketServer
	await frames(2)
	check_equal(copy.get_child_count(), 0, "peers of the copy")
	copy.free()
