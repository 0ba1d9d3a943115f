## An arena: one game hosts it and keeps its rules, the others join, from another window or from a page in a browser.
##
## Arguments behind `--`: `--server` hosts and does not play, `--host` hosts and plays, `--join=URL` joins;
## `--port=8080` says where to host (0: on a free port), `--name=Ann` who plays. `--engine` does without the nodes of
## this addon, for comparison: the others notice nothing, but who is cut off is out of the game.
extends MarginContainer

const Chat := preload("chat.gd")
const Field := preload("field.gd")
const LONGEST_NAME := 12

@onready var _server: WebSocketServer = $Server
@onready var _client: WebSocketClient = $Client
@onready var _name: LineEdit = %Name
@onready var _port: SpinBox = %Port
@onready var _host: Button = %Host
@onready var _url: LineEdit = %Url
@onready var _join: Button = %Join
@onready var _leave: Button = %Leave
@onready var _status: Label = %Status
@onready var _field: Field = %Field
@onready var _chat: Chat = %Chat


func _ready() -> void:
	multiplayer.peer_disconnected.connect(_on_peer_disconnected)
	multiplayer.connected_to_server.connect(_on_connected_to_server)
	multiplayer.connection_failed.connect(_end.bind("The arena cannot be reached."))
	multiplayer.server_disconnected.connect(_end.bind("The arena was closed."))
	_show_buttons()
	_obey(OS.get_cmdline_user_args())


## Keep the arena here; false where it cannot be.
func host() -> bool:
	var peer := _make_peer("")
	if peer == null:
		_show("Cannot listen on port %d." % int(_port.value))
		return false
	_begin(peer)
	_field.open()
	_show("The arena is open on port %d." % int(_port.value))
	return true


## Play in an arena that is hosted elsewhere.
func join() -> void:
	var peer := _make_peer(_url.text)
	if peer == null:
		_show("Cannot connect to %s." % _url.text)
		return
	_begin(peer)
	_show("Connecting to %s ..." % _url.text)


## Sent by who has joined; where it is hosted the player is put on the field, and so on all others.
@rpc("any_peer", "call_local", "reliable")
func enter(player_name: String) -> void:
	var id := multiplayer.get_remote_sender_id()
	if not multiplayer.is_server() or _field.has_player(id):
		return
	_field.add_player(id, player_name.strip_edges().left(LONGEST_NAME))
	_chat.announce("%s joins." % _field.name_of(id))


## A peer for the arena at this URL, or for one that is hosted here if there is none; null where that cannot be.
func _make_peer(url: String) -> MultiplayerPeer:
	if "--engine" in OS.get_cmdline_user_args():
		return _make_engine_peer(url)
	if not url.is_empty():
		return _client.get_multiplayer_peer() if _client.connect_to_url(url) == OK else null
	if _server.listen(int(_port.value)) != OK:
		return null
	_port.value = _server.get_local_port()
	return _server.get_multiplayer_peer()


## The same, as it is done with the engine's own peer.
func _make_engine_peer(url: String) -> MultiplayerPeer:
	var peer := WebSocketMultiplayerPeer.new()
	var error := peer.create_server(int(_port.value)) if url.is_empty() else peer.create_client(url)
	return peer if error == OK else null


func _begin(peer: MultiplayerPeer) -> void:
	multiplayer.multiplayer_peer = peer
	_show_buttons()
	# Keys are for the field now.
	get_viewport().gui_release_focus()


func _end(why: String) -> void:
	multiplayer.multiplayer_peer.close()
	multiplayer.multiplayer_peer = OfflineMultiplayerPeer.new()
	_field.close()
	_show_buttons()
	_show(why)


func _obey(arguments: PackedStringArray) -> void:
	for argument in arguments:
		var value := argument.get_slice("=", 1)
		match argument.get_slice("=", 0):
			"--name":
				_name.text = value
			"--port":
				_port.value = value.to_int()
			"--join":
				_url.text = value
	if "--server" in arguments:
		host()
	elif "--host" in arguments:
		_on_host_pressed()
	elif "--join=" + _url.text in arguments:
		join()


func _on_host_pressed() -> void:
	if host():
		enter.rpc_id(1, _name.text)


func _on_connected_to_server() -> void:
	_show("Playing at %s." % _url.text)
	enter.rpc_id(1, _name.text)


func _on_client_connection_interrupted() -> void:
	_show("The link is cut. It comes back by itself, and nothing is lost.")


func _on_client_connection_resumed() -> void:
	_show("Playing at %s, as before." % _url.text)


func _on_peer_disconnected(id: int) -> void:
	if multiplayer.is_server() and _field.has_player(id):
		_field.remove_player(id)
		_chat.announce("%s leaves." % _field.name_of(id))


func _on_leave_pressed() -> void:
	_end("You have left.")


func _show_buttons() -> void:
	var is_playing := multiplayer.multiplayer_peer is not OfflineMultiplayerPeer
	# A page in a browser cannot listen.
	_host.disabled = is_playing or OS.has_feature("web")
	# Who has just left may still be saying goodbye.
	_join.disabled = is_playing or _client.status != WebSocketClient.STATUS_IDLE
	_leave.disabled = not is_playing
	_chat.is_open = is_playing


func _show(status: String) -> void:
	_status.text = status
	print(status)
