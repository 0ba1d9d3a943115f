extends SceneTree
## One process of a game over the network: `-- role=server|client over=ours|engine ...`, see test_games.py.
##
## The server tells numbers to everybody, spawns things and moves them; each client tells its own numbers to all others,
## through the server. Whoever has all that it is to have prints "result" and what it saw, as JSON.

const TICKS := 100
const NUMBERS := 60
const THINGS := 4

var _options: Dictionary[String, String] = {}
var _game := Game.new()
var _node: Node
var _peer: MultiplayerPeer
var _told: Array = []


class Game:
	extends Node

	## What came, in order, by its sender.
	var heard := {}
	var ticks: Array = []
	var states := 0
	var finished: Array = []

	@rpc("any_peer", "call_remote", "reliable")
	func say(number: int) -> void:
		var sender := multiplayer.get_remote_sender_id()
		if not heard.has(sender):
			heard[sender] = []
		heard[sender].append(number)

	@rpc("authority", "call_remote", "reliable", 2)
	func tick(number: int) -> void:
		ticks.append(number)

	@rpc("any_peer", "call_remote", "unreliable_ordered", 1)
	func state(_number: int) -> void:
		states += 1

	@rpc("any_peer", "call_remote", "reliable")
	func finish() -> void:
		finished.append(multiplayer.get_remote_sender_id())


class Thing:
	extends Node2D

	var label := ""

	func _init() -> void:
		var config := SceneReplicationConfig.new()
		config.add_property(^".:position")
		config.add_property(^".:label")
		config.property_set_replication_mode(^".:label", SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE)
		var synchronizer := MultiplayerSynchronizer.new()
		synchronizer.name = "Synchronizer"
		synchronizer.replication_config = config
		add_child(synchronizer)


func _initialize() -> void:
	for argument: String in OS.get_cmdline_user_args():
		_options[argument.get_slice("=", 0)] = argument.get_slice("=", 1)
	_run.call_deferred()


func _run() -> void:
	_furnish()
	var api := get_multiplayer() as SceneMultiplayer
	api.server_relay = _option("relay") != "off"
	api.peer_connected.connect(func(id: int) -> void: _told.append(["peer_connected", id]))
	api.peer_disconnected.connect(func(id: int) -> void: _told.append(["peer_disconnected", id]))
	api.server_disconnected.connect(func() -> void: _told.append(["server_disconnected"]))
	if _option("role") == "server":
		_listen()
		api.multiplayer_peer = _peer
		await _serve()
		if _option("over") == "ours":
			_peer.close()  # Else those in a session wait for another process.
	else:
		_connect()
		api.multiplayer_peer = _peer
		await _play()
	quit()


func _option(name: String) -> String:
	return _options.get(name, "")


func _furnish() -> void:
	_game.name = "Game"
	root.add_child(_game)
	var things := Node.new()
	things.name = "Things"
	_game.add_child(things)
	var spawner := MultiplayerSpawner.new()
	spawner.name = "Spawner"
	spawner.spawn_function = func(data: Variant) -> Node:
		var thing := Thing.new()
		thing.name = "Thing%s" % data
		return thing
	_game.add_child(spawner)
	spawner.spawn_path = ^"../Things"


func _listen() -> void:
	if _option("over") == "ours":
		var server := WebSocketServer.new()
		server.session_timeout = 30.0
		root.add_child(server)
		server.listen(0)
		_node = server
		_peer = server.get_multiplayer_peer()
		print("listening ", server.get_local_port())
		return
	var free_port := TCPServer.new()
	free_port.listen(0, "127.0.0.1")
	var port := free_port.get_local_port()
	free_port.stop()
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_server(port)
	_peer = peer
	print("listening ", port)


func _connect() -> void:
	if _option("over") == "ours":
		var client := WebSocketClient.new()
		client.session = _option("session") == "on"
		client.reconnect_delay = 0.05
		root.add_child(client)
		client.connect_to_url(_url())
		_node = client
		_peer = client.get_multiplayer_peer()
		return
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(_url())
	_peer = peer


func _url() -> String:
	return "ws://127.0.0.1:%s/" % _option("port")


func _clients() -> int:
	return int(_option("clients"))


func _serve() -> void:
	while get_multiplayer().get_peers().size() < _clients():
		await process_frame
	var spawner := _game.get_node("Spawner") as MultiplayerSpawner
	for number: int in THINGS:
		spawner.spawn(number)
	for number: int in TICKS:
		_game.tick.rpc(number)
		_game.state.rpc(number)
		for thing: Thing in _game.get_node("Things").get_children():
			thing.position = Vector2(number, number)
			thing.label = "label %d" % number
		if number % 20 == 0:
			print("tick ", number)
		await create_timer(0.01).timeout
	while _game.finished.size() < _clients():
		await process_frame
	_report()


func _play() -> void:
	while get_multiplayer().get_peers().size() < (_clients() if _option("relay") != "off" else 1):
		await process_frame
	for number: int in NUMBERS:
		if _option("relay") == "off":
			_game.say.rpc_id(1, number)
		else:
			_game.say.rpc(number)
		await create_timer(0.01).timeout
	while not _has_all():
		await process_frame
	_game.finish.rpc_id(1)
	_report()
	while not _told.has(["server_disconnected"]):
		await process_frame


func _has_all() -> bool:
	var others := _clients() - 1 if _option("relay") != "off" else 0
	if _game.ticks.size() < TICKS or _game.heard.size() < others:
		return false
	for numbers: Array in _game.heard.values():
		if numbers.size() < NUMBERS:
			return false
	var things := _game.get_node("Things").get_children()
	return things.size() == THINGS and things.all(_is_at_its_end)


func _is_at_its_end(thing: Thing) -> bool:
	return thing.label == "label %d" % (TICKS - 1) and thing.position == Vector2(TICKS - 1, TICKS - 1)


func _report() -> void:
	var counts: Dictionary = _node.get_statistics()["counts"] if _node != null else {}
	var things := _game.get_node("Things").get_children().map(func(thing: Thing) -> String: return thing.name)
	var result := {
		"id": get_multiplayer().get_unique_id(),
		"told": _told,
		"ticks": _game.ticks,
		"states": _game.states,
		"heard": _game.heard,
		"things": things,
		"counts": counts,
	}
	print("result ", JSON.stringify(result))
