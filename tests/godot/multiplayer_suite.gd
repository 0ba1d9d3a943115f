## For suites of multiplayer: sides of a game, each with a MultiplayerAPI of its own, in one process.
extends "res://tests/godot/suite.gd"


## What each side has at the same path.
class Game:
	extends Node

	## [sender, value] of each call.
	var heard: Array[Array] = []
	## Process frames in which they came.
	var heard_in: Array[int] = []
	var by_authority: Array = []
	## RPCs of each mode of transfer.
	var states: Array = []

	@rpc("any_peer", "call_remote", "reliable")
	func hear(value: Variant) -> void:
		heard.append([multiplayer.get_remote_sender_id(), value])
		heard_in.append(Engine.get_process_frames())

	@rpc("any_peer", "call_local", "reliable")
	func hear_all(value: Variant) -> void:
		heard.append([multiplayer.get_remote_sender_id(), value])

	@rpc("authority", "call_remote", "reliable")
	func hear_authority(value: Variant) -> void:
		by_authority.append(value)

	@rpc("any_peer", "call_remote", "unreliable")
	func hear_unreliable(value: Variant) -> void:
		states.append(value)

	@rpc("any_peer", "call_remote", "unreliable_ordered", 3)
	func hear_ordered(value: Variant) -> void:
		states.append(value)

	func values() -> Array:
		return heard.map(func(entry: Array) -> Variant: return entry[1])


## One side: a branch of the tree with its own multiplayer.
class Branch:
	extends Node

	var api := SceneMultiplayer.new()
	var game := Game.new()
	## What `api` told: [signal, arguments...].
	var told: Array[Array] = []

	func _init() -> void:
		game.name = "Game"
		api.peer_connected.connect(func(id: int) -> void: told.append(["peer_connected", id]))
		api.peer_disconnected.connect(func(id: int) -> void: told.append(["peer_disconnected", id]))
		api.connected_to_server.connect(func() -> void: told.append(["connected_to_server"]))
		api.connection_failed.connect(func() -> void: told.append(["connection_failed"]))
		api.server_disconnected.connect(func() -> void: told.append(["server_disconnected"]))

	func _enter_tree() -> void:
		get_tree().set_multiplayer(api, get_path())

	func _ready() -> void:
		add_child(game)

	func _exit_tree() -> void:
		api.multiplayer_peer = null
		get_tree().set_multiplayer(null, get_path())

	func count(what: String) -> int:
		return told.filter(func(entry: Array) -> bool: return entry[0] == what).size()

	func is_in() -> bool:
		return api.multiplayer_peer.get_connection_status() == MultiplayerPeer.CONNECTION_CONNECTED


var server: WebSocketServer
var host: Branch


func new_side() -> Branch:
	var side := Branch.new()
	add_child(side)
	return side


## `server` listens, and `host` plays over it.
func start_game(path: String = "") -> void:
	server = WebSocketServer.new()
	server.bind_address = "localhost"
	server.multiplayer_path = path
	add_child(server)
	check_equal(server.listen(0), OK)
	host = new_side()
	host.api.multiplayer_peer = server.get_multiplayer_peer()


## A side that plays over a client of ours; it is in when its peers know it. `side`: one that new_side() made.
func join(path: String = "/", side: Branch = new_side()) -> Branch:
	var client := WebSocketClient.new()
	client.name = "Client"
	side.add_child(client)
	check_equal(client.connect_to_url(url_of(server, path)), OK)
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	await wait_until_in(side)
	return side


## As join(), over the engine's own peer.
func join_with_engine(path: String = "/", side: Branch = new_side()) -> Branch:
	var peer := WebSocketMultiplayerPeer.new()
	check_equal(peer.create_client(url_of(server, path)), OK)
	side.api.multiplayer_peer = peer
	await wait_until_in(side)
	return side


func wait_until_in(side: Branch) -> void:
	await until(func() -> bool: return side.is_in(), "the client is connected")
	await until(
		func() -> bool: return host.api.get_peers().has(side.api.get_unique_id()), "the server knows the client"
	)
	await until(func() -> bool: return side.api.get_peers().has(1), "the client knows the server")


func client_of(side: Branch) -> WebSocketClient:
	return side.get_node("Client") as WebSocketClient
