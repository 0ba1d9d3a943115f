extends "program.gd"
## A game over WebSocketServer, or with `over=engine` over the engine's own peer; `work` says what it does in a frame.
##
##     broadcast   RPCs to all peers, 20 of 32 B in each frame; counts packets
##     receive     takes the RPCs of its peers; counts these
##     synchronize moves 200 nodes, each with a MultiplayerSynchronizer; counts frames
##     packets     puts what these come to, 3 packets of 1,350 B for each peer, by itself; counts frames
##
## When `peers` are there it says "idle", and `seconds` later "idled" and its frames. Then it works, says "measuring",
## and `seconds` later "measured" and its count.

const CALLS := 20
const NODES := 200
const PACKETS := 3

var _game := Game.new()
var _count := 0


class Game:
	extends Node

	var calls := 0

	@rpc("any_peer", "call_remote", "reliable")
	func say(_what: Variant) -> void:
		calls += 1


class Thing:
	extends Node2D

	func _init() -> void:
		var config := SceneReplicationConfig.new()
		config.add_property(^".:position")
		config.property_set_replication_mode(^".:position", SceneReplicationConfig.REPLICATION_MODE_ALWAYS)
		var synchronizer := MultiplayerSynchronizer.new()
		synchronizer.name = "S"
		synchronizer.replication_config = config
		add_child(synchronizer)


func _initialize() -> void:
	super()
	_run.call_deferred()


func _run() -> void:
	if option("over") == "ours":
		var server := WebSocketServer.new()
		root.add_child(server)
		report_listening(server.listen(0), server.get_local_port())
		get_multiplayer().multiplayer_peer = server.get_multiplayer_peer()
	else:
		var port := _free_port()
		var peer := WebSocketMultiplayerPeer.new()
		report_listening(peer.create_server(port), port)
		get_multiplayer().multiplayer_peer = peer
	_game.name = "N"
	root.add_child(_game)
	if option("work") == "synchronize":
		for number: int in NODES:
			var thing := Thing.new()
			thing.name = "T%d" % number
			_game.add_child(thing)
	var peers := int(option("peers"))
	while get_multiplayer().get_peers().size() < peers:
		await process_frame
	await _measure("idle", "idled", "")
	# Paths are told and confirmed, and what comes is on its way.
	await _work(option("work"), 1.0)
	await _measure("measuring", "measured", option("work"))
	get_multiplayer().multiplayer_peer = null  # What the players do next is no matter.


func _measure(begun: String, done: String, work: String) -> void:
	print(begun)
	_count = 0
	_game.calls = 0
	await _work(work, float(option("seconds")))
	print(done, " ", _game.calls if work == "receive" else _count)


func _work(work: String, seconds: float) -> void:
	var payload := PackedByteArray()
	payload.resize(32 if work == "broadcast" else 1350)
	payload.fill(3)  # RAW, for those that know it.
	var peer := get_multiplayer().multiplayer_peer
	var end := Time.get_ticks_msec() + int(seconds * 1000)
	while Time.get_ticks_msec() < end:
		match work:
			"":
				_count += 1
			"broadcast":
				for _i: int in CALLS:
					_game.say.rpc(payload)
				_count += CALLS * get_multiplayer().get_peers().size()
			"synchronize":
				for thing: Thing in _game.get_children():
					thing.position += Vector2.ONE
				_count += 1
			"packets":
				for id: int in get_multiplayer().get_peers():
					peer.set_target_peer(id)
					for _i: int in PACKETS:
						peer.put_packet(payload)
				_count += 1
		await process_frame


func _free_port() -> int:
	var taken := TCPServer.new()
	taken.listen(0, "127.0.0.1")
	return taken.get_local_port()
