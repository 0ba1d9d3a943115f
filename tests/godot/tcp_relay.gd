## What lies between a client and a server, and breaks.
extends Node

var port := 0
var _target := 0
var _listening := TCPServer.new()
var _pairs: Array[Array] = []


func _init(target: int) -> void:
	_target = target
	_listening.listen(0, "127.0.0.1")
	port = _listening.get_local_port()
	process_priority = -1


func cut() -> void:
	_pairs.clear()


func _process(_delta: float) -> void:
	while _listening.is_connection_available():
		var there := StreamPeerTCP.new()
		there.connect_to_host("127.0.0.1", _target)
		_pairs.append([_listening.take_connection(), there])
	for pair: Array in _pairs:
		_pass_on(pair[0], pair[1])
		_pass_on(pair[1], pair[0])


func _pass_on(from: StreamPeerTCP, to: StreamPeerTCP) -> void:
	from.poll()
	to.poll()
	if from.get_status() != StreamPeerTCP.STATUS_CONNECTED or to.get_status() != StreamPeerTCP.STATUS_CONNECTED:
		return
	var size := from.get_available_bytes()
	if size > 0:
		to.put_data(from.get_data(size)[1])
