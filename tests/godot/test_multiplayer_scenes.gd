## Multiplayer over our nodes: MultiplayerSpawner and MultiplayerSynchronizer, also while the link is cut.
extends "res://tests/godot/multiplayer_suite.gd"

const Relay := preload("res://tests/godot/tcp_relay.gd")


## What is spawned: a position that is sent all the time, and a label that is sent when it changes.
class Thing:
	extends Node2D

	var label := ""

	func _init() -> void:
		var config := SceneReplicationConfig.new()
		config.add_property(^".:position")
		config.property_set_replication_mode(^".:position", SceneReplicationConfig.REPLICATION_MODE_ALWAYS)
		config.add_property(^".:label")
		config.property_set_replication_mode(^".:label", SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE)
		var synchronizer := MultiplayerSynchronizer.new()
		synchronizer.name = "Synchronizer"
		synchronizer.replication_config = config
		add_child(synchronizer)


## The same below each side: where things are, and what spawns them.
func furnish(side: Branch) -> MultiplayerSpawner:
	var things := Node.new()
	things.name = "Things"
	side.game.add_child(things)
	var spawner := MultiplayerSpawner.new()
	spawner.name = "Spawner"
	spawner.spawn_function = func(data: Variant) -> Node:
		var thing := Thing.new()
		thing.name = "Thing%s" % data
		return thing
	side.game.add_child(spawner)
	spawner.spawn_path = ^"../Things"
	return spawner


func things_of(side: Branch) -> Array[Node]:
	return side.game.get_node("Things").get_children()


func thing_of(side: Branch, number: int) -> Thing:
	return side.game.get_node_or_null("Things/Thing%d" % number) as Thing


func test_spawned_synchronized_and_despawned() -> void:
	await start_game()
	var spawner := furnish(host)
	var early := new_side()
	furnish(early)
	await join("/", early)
	for number: int in 5:
		spawner.spawn(number)
	await until(func() -> bool: return things_of(early).size() == 5, "spawned where it is known")
	var late := new_side()
	furnish(late)
	await join_with_engine("/", late)
	await until(func() -> bool: return things_of(late).size() == 5, "spawned for who comes later")
	for number: int in 5:
		thing_of(host, number).position = Vector2(number, 10)
		thing_of(host, number).label = "label %d" % number
	for side: Branch in [early, late]:
		await until(
			func() -> bool:
				return range(5).all(
					func(number: int) -> bool:
						return (
							thing_of(side, number).position == Vector2(number, 10)
							and thing_of(side, number).label == "label %d" % number
						)
				),
			"synchronized"
		)
	thing_of(host, 2).free()
	for side: Branch in [early, late]:
		await until(func() -> bool: return things_of(side).size() == 4, "despawned")
	early.api.multiplayer_peer.close()
	await until(func() -> bool: return things_of(early).is_empty(), "despawned with the connection")


func test_a_cut_is_not_seen_by_the_game() -> void:
	await start_game()
	server.session_timeout = 20.0
	var spawner := furnish(host)
	var relay := Relay.new(server.get_local_port())
	add_child(relay)
	var client := WebSocketClient.new()
	client.session = true
	client.reconnect_delay = 0.02
	client.name = "Client"
	var side := new_side()
	side.add_child(client)
	furnish(side)
	client.connect_to_url("ws://127.0.0.1:%d/" % relay.port)
	side.api.multiplayer_peer = client.get_multiplayer_peer()
	await wait_until_in(side)
	var id := side.api.get_unique_id()
	for number: int in 3:
		spawner.spawn(number)
	await until(func() -> bool: return things_of(side).size() == 3)
	var before := things_of(side)
	var calls := 0
	for cut: int in 5:
		relay.cut()
		for _i: int in 20:
			side.game.hear.rpc_id(1, calls)
			host.game.hear.rpc_id(id, calls)
			calls += 1
			await get_tree().process_frame
		thing_of(host, 0).label = "after cut %d" % cut
		thing_of(host, 1).position = Vector2(cut, cut)
		await until(func() -> bool: return thing_of(side, 0).label == "after cut %d" % cut, "the delta came")
		await until(func() -> bool: return thing_of(side, 1).position == Vector2(cut, cut), "the state came")
	await until(func() -> bool: return side.game.heard.size() == calls and host.game.heard.size() == calls)
	check_equal(side.game.values(), range(calls))
	check_equal(host.game.values(), range(calls))
	check_equal(side.api.get_unique_id(), id)
	check_equal(things_of(side), before)
	check_equal(side.told, [["connected_to_server"], ["peer_connected", 1]])
	check_equal(host.told, [["peer_connected", id]])
	check(client.get_statistics()["counts"].get("session_cuts", 0) >= 5, "it was not cut")
	server.session_timeout = 0.1
	client.reconnect_delay = 20.0
	relay.cut()
	await until(func() -> bool: return host.told.back() == ["peer_disconnected", id], "gone when the session is over")
