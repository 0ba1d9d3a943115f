## The field: where it is hosted it has the rules; on all others the spawners and synchronizers keep it the same.
extends Panel

const Gem := preload("gem.gd")
const Player := preload("player.gd")
const GemScene := preload("gem.tscn")
const PlayerScene := preload("player.tscn")
const GEMS := 5

@onready var _gems: Node2D = $Gems
@onready var _players: Node2D = $Players


func _ready() -> void:
	set_physics_process(false)


## Begin a game here.
func open() -> void:
	for _index in GEMS:
		_add_gem()
	set_physics_process(true)


## End it: whatever is on the field goes.
func close() -> void:
	set_physics_process(false)
	for node: Node in _gems.get_children() + _players.get_children():
		node.queue_free()


func has_player(id: int) -> bool:
	return _players.has_node(str(id))


func name_of(id: int) -> String:
	var player: Player = _players.get_node(str(id))
	return player.player_name


func add_player(id: int, player_name: String) -> void:
	var player: Player = PlayerScene.instantiate()
	player.name = str(id)
	player.player_name = player_name if player_name else "Nobody"
	player.position = _somewhere()
	_players.add_child(player)


func remove_player(id: int) -> void:
	_players.get_node(str(id)).queue_free()


func _physics_process(delta: float) -> void:
	for player: Player in _players.get_children():
		player.move(delta, size)
		for gem: Gem in _gems.get_children():
			if gem.is_taken_by(player):
				player.score += 1
				gem.free()
				_add_gem()


func _add_gem() -> void:
	var gem: Gem = GemScene.instantiate()
	gem.position = _somewhere()
	# With a name that can be read, which the spawner needs to use it on the others.
	_gems.add_child(gem, true)


func _somewhere() -> Vector2:
	var margin := Vector2.ONE * 2.0 * Player.RADIUS
	return margin + Vector2(randf(), randf()) * (size - 2.0 * margin)
