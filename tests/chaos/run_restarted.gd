## A server that is restarted again and again (tests/chaos/restarts.py): each process of it goes on with what the one
## before had, numbers of messages among it, and with its history, in a file of its own.
##
## The order "slow", with milliseconds: each message takes as long from then on, and a frame has time for one.
##
## The path of who only looks whether the server is there is "/probe". Further lines of the history, of which
## tests/chaos/history.py has more:
##   handing_over  the next process is told everything now
##   handed_over   the last one of this process, with `took`: for how long the game stood still, in µs
##   taken_over    with `took`, as long as listen(), and `peers`
extends "res://tests/chaos/run_server.gd"

const PROBE := "/probe"

var _numbers := {}
var _asked_usec := 0
## Requests that are being handled: also by a process that has handed over, where nobody hears the answer.
var _handling := 0
var _slow_usec := 0


func _begin() -> void:
	_add_server()
	_server.handover_data = _hand_over
	_server.taken_over.connect(func(data: Dictionary) -> void: _numbers = data)
	_server.handed_over.connect(_on_handed_over)
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


func _obey(command: String, arguments: Array) -> void:
	if command == "slow":
		_slow_usec = int(1e3 * arguments[0])
		_server.max_poll_time = _slow_usec / 1e6
	else:
		await super(command, arguments)


func _tell_received(stream: String, message: Variant) -> void:
	OS.delay_usec(_slow_usec)
	super(stream, message)


func _hand_over() -> Dictionary:
	_asked_usec = Time.get_ticks_usec()
	tell("handing_over")
	var numbers := {}
	for id: int in _streams:
		numbers[id] = (_streams[id] as Stream).number
	return numbers


func _on_handed_over() -> void:
	_streams.clear()
	_tell_statistics()
	tell("handed_over", "", {"took": Time.get_ticks_usec() - _asked_usec})
	_history = null
	# The engine leaks what a function that waits for a timer has, where it quits meanwhile.
	while _handling > 0:
		await process_frame
	quit()


func _answer(stream: String, message: String) -> int:
	_handling += 1
	var answer := await super(stream, message)
	_handling -= 1
	return answer


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
