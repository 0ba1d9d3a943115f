## Plays demo/multiplayer by chance, and tells what becomes of it, for test_arena.py.
##
## Arguments: those of the demo, `--seed=ANYTHING`, `--no-session`, and `--rest=FILE`: when that file is there, the keys
## are released, and the state is told whenever it changes; when it is gone again, the game ends.
extends SceneTree

## They begin when all are there.
const PLAYERS := 3
const KEYS: Array[StringName] = [&"ui_left", &"ui_right", &"ui_up", &"ui_down"]
## In frames: how long a player goes one way at most, and how long a rest is until it is told.
const LONGEST := 60
const PAUSE := 30
## How often something is said, in frames.
const LINE_PERIOD := 20

var _arena: Node
var _field: Panel
var _random := RandomNumberGenerator.new()
var _rest_file := ""
var _frames_left := 0
var _frames_of_rest := 0
var _lines := 0
var _told := ""


func _initialize() -> void:
	for argument: String in OS.get_cmdline_user_args():
		if argument.begins_with("--seed="):
			_random.seed = hash(argument)
		elif argument.begins_with("--rest="):
			_rest_file = argument.trim_prefix("--rest=")
	await process_frame  # Before it the root is not in the tree.
	_arena = (load("res://demo/multiplayer/arena.tscn") as PackedScene).instantiate()
	_field = _arena.get_node("%Field")
	var client: WebSocketClient = _arena.get_node("Client")
	# Who is cut off is back soon, however often it is.
	client.reconnect_delay = 0.05
	client.reconnect_delay_max = 0.1
	client.session = not "--no-session" in OS.get_cmdline_user_args()
	_field.get_node("Players").child_exiting_tree.connect(func(player: Node) -> void: print("despawned ", player.name))
	var api := get_multiplayer()
	api.peer_connected.connect(func(id: int) -> void: print("came ", id))
	api.peer_disconnected.connect(func(id: int) -> void: print("gone ", id))
	api.server_disconnected.connect(func() -> void: print("gone 1"))
	root.add_child(_arena)


func _process(_delta: float) -> bool:
	if _arena == null or not _arena.is_node_ready():
		return false
	if FileAccess.file_exists(_rest_file):
		_rest()
	elif _frames_of_rest > 0:
		return true
	elif _plays() and _field.get_node("Players").get_child_count() == PLAYERS:
		_play()
	return false


## Whether there is a player of this game on the field.
func _plays() -> bool:
	return _field.call("has_player", get_multiplayer().get_unique_id())


func _play() -> void:
	_frames_left -= 1
	if _frames_left <= 0:
		_frames_left = _random.randi_range(1, LONGEST)
		_head_for(_field.get_node("Gems").get_child(_random.randi() % 5))
	if _random.randi_range(1, LINE_PERIOD) == 1:
		_lines += 1
		_say(str(_lines))
		print("said ", _lines)


func _head_for(gem: Node2D) -> void:
	var player: Node2D = _field.get_node("Players/%d" % get_multiplayer().get_unique_id())
	var way := gem.position - player.position
	var strengths: Array[float] = [-way.x, way.x, -way.y, way.y]
	for index in KEYS.size():
		if strengths[index] > 0.0:
			Input.action_press(KEYS[index])
		else:
			Input.action_release(KEYS[index])


func _rest() -> void:
	_frames_of_rest += 1
	for key: StringName in KEYS:
		Input.action_release(key)
	if _frames_of_rest == PAUSE and _plays():
		_say("rests after %d" % _lines)
	var state := JSON.stringify(_state(), "", true, true)
	if state != _told:
		_told = state
		print("state ", state)


func _say(text: String) -> void:
	(_arena.get_node("%Chat/Line") as LineEdit).text_submitted.emit(text)


func _state() -> Dictionary:
	var players := {}
	for player: Node2D in _field.get_node("Players").get_children():
		players[player.name] = [player.get("player_name"), player.get("score"), player.position.x, player.position.y]
	var gems := {}
	for gem: Node2D in _field.get_node("Gems").get_children():
		gems[gem.name] = [gem.position.x, gem.position.y]
	var lines := (_arena.get_node("%Chat/Log") as RichTextLabel).get_parsed_text().split("\n", false)
	return {"players": players, "gems": gems, "lines": lines, "id": get_multiplayer().get_unique_id()}
