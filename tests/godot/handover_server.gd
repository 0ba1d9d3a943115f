## A game with a server that hands over and takes over, in a process of its own: for the suites of this folder.
##
## Arguments: the handover_path, a port, and a file into which it writes its port when it listens. It sends everybody
## what it was handed over, as a value, hands over a list of what it was handed over, and quits when it has handed over.
extends SceneTree

var _server := WebSocketServer.new()
var _data: Variant


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	_server.bind_address = "127.0.0.1"
	_server.session_timeout = 60.0
	_server.handover_path = arguments[0]
	_server.handover_timeout = 60.0
	_server.handover_data = func() -> Variant: return [_data, Vector2(3, 4)]
	_server.taken_over.connect(func(data: Variant) -> void: _data = data)
	_server.client_connected.connect(func(id: int) -> void: _server.send_var(id, _data))
	_server.handed_over.connect(quit)
	# Who has died before it quits lets this one quit, too.
	create_timer(60.0).timeout.connect(quit)
	root.add_child(_server)
	if _server.listen(int(arguments[1])) != OK:
		quit(1)
		return
	var file := FileAccess.open(arguments[2] + ".new", FileAccess.WRITE)
	file.store_string(str(_server.get_local_port()))
	file.close()
	DirAccess.rename_absolute(arguments[2] + ".new", arguments[2])
