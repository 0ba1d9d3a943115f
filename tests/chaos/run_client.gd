## The clients of a seeded run: each sends numbered messages, comes back by itself, and keeps its history.
##
## Further commands: ["goodbye", INDEX], a client closes its connection and connects again; ["free", INDEX], it is freed
## and another one takes its place.
extends "res://tests/chaos/run_game.gd"

## How often each asks for an answer, to know how long one takes, in s.
const ASK_PERIOD := 0.2

var _players: Array[Player] = []
## Nodes that there were so far, and sessions, in this run.
var _nodes := 0
var _sessions := 0


## A client, and what it sends.
class Player:
	var client := WebSocketClient.new()
	var name: String
	var url: String
	## What it sends to: null while there is no connection.
	var stream: Stream
	## Numbers of messages that wait for an answer, and since when, in µs.
	var asked := {}
	var next_question := 0.0
	## The game has said goodbye, and wants to come back.
	var comes_again := false


func _begin() -> void:
	_nodes = 0
	_sessions = 0
	if _players.is_empty():
		for url: String in _plan["urls"]:
			_players.append(_new_player(url))
		return
	for player: Player in _players:
		if player.stream != null:
			_on_connected(player)


func _end() -> void:
	if _plan.get("goes_on", false):
		_tell_statistics()
		return
	for player: Player in _players:
		if player.stream != null:
			tell("closing", player.stream.name)
		player.client.close()
	for player: Player in _players:
		while player.client.status != WebSocketClient.STATUS_IDLE or player.stream != null:
			await process_frame
	_tell_statistics()
	for player: Player in _players:
		player.client.queue_free()
	_players.clear()


func _obey(command: String, arguments: Array) -> void:
	match command:
		"goodbye":
			var player := _players[int(arguments[0])]
			if player.stream != null and player.client.status == WebSocketClient.STATUS_ACTIVE:
				tell("closing", player.stream.name)
				player.comes_again = true
				player.client.close()
		"free":
			var index := int(arguments[0])
			var player := _players[index]
			_tell_statistics_of(player)
			if player.stream != null:
				tell("freed", player.stream.name)
				player.stream = null
			player.client.queue_free()
			_players[index] = _new_player(player.url)
		_:
			super(command, arguments)


func _new_player(url: String) -> Player:
	var player := Player.new()
	var client := player.client
	player.name = "c%d.%d" % [_plan["game"], _nodes]
	player.url = url
	_nodes += 1
	_set_properties(client)
	client.connected_to_server.connect(func() -> void: _on_connected(player))
	client.connection_closed.connect(func() -> void: _on_closed(player))
	client.message_received.connect(func(message: Variant) -> void: _on_received(player, message))
	client.handle(METHOD, func(data: String) -> Variant: return await _on_request(player, data))
	client.connection_failed.connect(
		func(reason: String) -> void: tell("failed", "", {"node": player.name, "reason": reason})
	)
	for event: String in ["interrupted", "resumed"]:
		if client.has_signal("connection_" + event):
			client.connect("connection_" + event, func() -> void: _on_cut_or_back(player, event))
	root.add_child(client)
	client.connect_to_url(url)
	return player


func _tell_statistics() -> void:
	for player: Player in _players:
		_tell_statistics_of(player)


func _tell_statistics_of(player: Player) -> void:
	tell("statistics", "", {"node": player.name, "statistics": player.client.get_statistics()})


func _open_streams() -> Array[Stream]:
	var streams: Array[Stream] = []
	var now := Time.get_ticks_msec() / 1000.0
	for player: Player in _players:
		if player.stream == null or player.comes_again:
			continue
		streams.append(player.stream)
		if not _is_quiet and player.stream.number > 0 and now >= player.next_question:
			player.next_question = now + float(_plan.get("ask_period", ASK_PERIOD))
			player.asked[str(player.stream.number + 1)] = Time.get_ticks_usec()
			_send_next(player.stream, "?")
	return streams


func _send(stream: Stream, message: Variant) -> Error:
	for player: Player in _players:
		if player.stream == stream:
			return player.client.send(message)
	return ERR_DOES_NOT_EXIST


func _start_request(stream: Stream, message: String) -> WebSocketReply:
	for player: Player in _players:
		if player.stream == stream:
			return player.client.start_request(METHOD, message, REQUEST_TIMEOUT)
	return WebSocketReply.fail(ERR_UNAVAILABLE)


func _on_request(player: Player, message: String) -> Variant:
	if player.client.is_queued_for_deletion():
		return WebSocketReply.fail()
	return await _answer(player.stream.name if player.stream != null else player.name, message)


func _on_connected(player: Player) -> void:
	if player.client.is_queued_for_deletion():
		return
	_sessions += 1
	player.stream = Stream.new("%s.%d" % [player.name, _sessions], hash([_plan["seed"], player.name, _sessions]))
	player.asked.clear()
	tell("connected", player.stream.name)


func _on_cut_or_back(player: Player, event: String) -> void:
	if not player.client.is_queued_for_deletion():
		tell(event, player.stream.name)


func _on_closed(player: Player) -> void:
	var client := player.client
	if player.stream != null:
		tell("closed", player.stream.name, {"code": client.get_close_code(), "reason": client.get_close_reason()})
		player.stream = null
	if player.comes_again:
		player.comes_again = false
		client.connect_to_url(player.url)


func _on_received(player: Player, message: Variant) -> void:
	if player.client.is_queued_for_deletion():
		return
	var name := player.stream.name if player.stream != null else player.name
	_tell_received(name, message)
	if message is String:
		var question := _head_of(message).get_slice("=", 1)
		if question in player.asked:
			tell("answered", name, {"took": Time.get_ticks_usec() - int(player.asked[question])})
			player.asked.erase(question)
