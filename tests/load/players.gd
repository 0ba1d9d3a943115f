## A game with many clients, each of which sends a numbered text ten times a second and gets it back; what became of them.
##
## Arguments: a URL, `count=CLIENTS`, and `name=value` as JSON, a property of all clients. With `stall=SECONDS` and
## `stall_every=SECONDS` the main thread does nothing for so long again and again, and tells "stalled" and how often.
## Prints "players " and a dictionary as JSON twice a second.
extends SceneTree

const PERIOD := 0.1
const TOLD_EVERY := 5

var _clients: Array[WebSocketClient] = []
var _stall := 0.0
var _stall_every := 0.0
var _sent := 0
var _received := 0
var _closed := {}
var _reconnected := 0
var _gave_up := 0


func _initialize() -> void:
	var properties := {}
	var url := ""
	var count := 1
	for argument: String in OS.get_cmdline_user_args():
		var name := argument.get_slice("=", 0)
		if argument.begins_with("ws://"):
			url = argument
			continue
		var value: Variant = JSON.parse_string(argument.substr(name.length() + 1))
		match name:
			"count":
				count = value
			"stall":
				_stall = value
			"stall_every":
				_stall_every = value
			_:
				properties[name] = value
	for _i: int in count:
		_add_client(url, properties)
	_go_on()
	if _stall > 0.0:
		_stall_again(1)


func _add_client(url: String, properties: Dictionary) -> void:
	var client := WebSocketClient.new()
	_clients.append(client)
	for property: String in properties:
		client.set(property, properties[property])
	client.message_received.connect(func(_message: Variant) -> void: _received += 1)
	client.reconnected.connect(func() -> void: _reconnected += 1)
	client.connection_closed.connect(
		func() -> void: _closed[client.get_close_code()] = _closed.get(client.get_close_code(), 0) + 1
	)
	client.connection_failed.connect(
		func(_reason: String) -> void: _gave_up += int(client.status == WebSocketClient.STATUS_IDLE)
	)
	root.add_child(client)
	client.connect_to_url(url)


func _go_on() -> void:
	var turn := 0
	while true:
		await create_timer(PERIOD).timeout
		for client: WebSocketClient in _clients:
			if client.status == WebSocketClient.STATUS_ACTIVE and client.send("message %d" % turn) == OK:
				_sent += 1
		turn += 1
		if turn % TOLD_EVERY == 0:
			_tell()


func _stall_again(number: int) -> void:
	await create_timer(_stall_every).timeout
	OS.delay_msec(int(1000 * _stall))
	print("stalled %d" % number)
	_stall_again(number + 1)


func _tell() -> void:
	var active := 0
	var now := {}
	for client: WebSocketClient in _clients:
		active += int(client.status == WebSocketClient.STATUS_ACTIVE)
	for name: String in ["operations", "success_rate", "errors", "error_recovery_rate", "messages_lost", "messages_refused"]:
		now[name] = Performance.get_custom_monitor("WebSocket/" + name)
	now.merge(
		{
			"active": active,
			"sent": _sent,
			"received": _received,
			"closed": _closed,
			"reconnected": _reconnected,
			"gave_up": _gave_up,
		}
	)
	print("players ", JSON.stringify(now))
