## Takes all cases of the fuzzing server at --url=ws://..., one connection each, and sends back every message of it.
## The server names its cases by numbers from 1, and takes this client's as those of "client".
extends WebSocketClient

const AGENT := "client"

var _fuzzing_server := ""
var _cases := 0
var _case := 0


func _ready() -> void:
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--url="):
			_fuzzing_server = argument.trim_prefix("--url=")
	message_received.connect(_on_message_received)
	connection_closed.connect(_on_connection_closed)
	connection_failed.connect(_on_connection_failed)
	_request("/getCaseCount")


func _request(path: String) -> void:
	if connect_to_url(_fuzzing_server + path) != OK:
		get_tree().quit(1)


func _on_message_received(message: Variant) -> void:
	if _case > 0:
		send(message)
	else:
		_cases = (message as String).to_int()


func _on_connection_closed() -> void:
	_case += 1
	if _case <= _cases:
		_request("/runCase?case=%d&agent=%s" % [_case, AGENT])
	elif _case == _cases + 1:
		_request("/updateReports?agent=%s" % AGENT)
	else:
		get_tree().quit()


func _on_connection_failed(reason: String) -> void:
	push_error("case %d of %d: %s" % [_case, _cases, reason])
	get_tree().quit(1)
