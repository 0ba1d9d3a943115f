## A server that is restarted again and again (tests/chaos/restarts.py): each process of it goes on with what the one
## before had, numbers of messages among it, and with its history, in a file of its own.
##
## The path of who only looks whether the server is there is "/probe". Further lines of the history:
##   handed_over   the last one of this process, with `took`: for how long the game stood still, in µs
##   taken_over    with `took`, as long as listen(), and `peers`
extends "res://tests/chaos/run_server.gd"

const PROBE := "/probe"

var _numbers := {}
var _asked_usec := 0


func _begin() -> void:
	_server = WebSocketServer.new()
	_set_properties(_server)
	_server.bind_address = "127.0.0.1"
	_server.handover_data = _hand_over
	_server.taken_over.connect(func(data: Dictionary) -> void: _numbers = data)
	_server.handed_over.connect(_on_handed_over)
	_server.client_connected.connect(_on_client_connected)
	_server.client_disconnected.connect(_on_client_disconnected)
	_server.client_interrupted.connect(func(id: int) -> void: tell("interrupted", _name_of(id)))
	_server.client_resumed.connect(func(id: int) -> void: tell("resumed", _name_of(id)))
	_server.message_received.connect(_on_message_received)
	root.add_child(_server)
	var begin := Time.get_ticks_usec()
	var error := _server.listen(int(_plan["port"]))
	var took := Time.get_ticks_usec() - begin
	if error != OK:
		quit(1)
		return
	tell("taken_over", "", {"took": took, "peers": _server.get_peer_count()})
	tell("listening", "", {"port": _server.get_local_port()})
	_is_quiet = false
	_may_send = true


func _hand_over() -> Dictionary:
	_asked_usec = Time.get_ticks_usec()
	var numbers := {}
	for id: int in _streams:
		numbers[id] = (_streams[id] as Stream).number
	return numbers


func _on_handed_over() -> void:
	_streams.clear()
	_tell_statistics()
	tell("handed_over", "", {"took": Time.get_ticks_usec() - _asked_usec})
	_history = null
	quit()


func _is_probe(id: int) -> bool:
	return _server.get_peer(id).request.path == PROBE


func _on_client_connected(id: int) -> void:
	if _is_probe(id):
		return
	if id not in _numbers:
		super(id)
		return
	var stream := Stream.new(_name_of(id), hash([_plan["seed"], _plan["process"], _streams.size()]))
	stream.number = _numbers[id]
	_streams[id] = stream


func _on_client_disconnected(id: int) -> void:
	if not _is_probe(id):
		super(id)
