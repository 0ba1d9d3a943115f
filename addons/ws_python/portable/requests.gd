## Requests: one side asks, a function of the other side's answers, at once or later, and nothing waits for ever.
##
## As python/ws_python/features/requests.py, for the core of one server or client.
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Dialogue := preload("res://addons/ws_python/portable/dialogue.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Payloads := preload("res://addons/ws_python/portable/payloads.gd")
const Reply := preload("res://addons/ws_python/portable/websocket_reply.gd")

## Why something cannot be sent that only the session layer can.
const NO_SESSION := (
	"there is no session with the other side; "
	+ "turn them on, session_timeout of the server and session of the client"
)
const _NOT_CONNECTED := "there is no connection, or its session has ended"
const _ENDED := "the session has ended before the reply came"
const _REFUSED_HERE := "outgoing_supervisor has refused it"
const _REFUSED_THERE := "the other side's supervisor has refused it"
# Seconds until an answer that found no room is tried again, and between two looks for handlers that never answer.
const _TRIED_AGAIN_AFTER := 0.05
const _LOOK_PERIOD := 1.0
const _LONGEST_MESSAGE := 1024  # characters
# Errors of the engine are numbered up to here.
const _LAST_ERROR := ERR_PRINTER_ON_FIRE
const _JSON := 0

var _core: RefCounted
var _handlers: Dictionary[String, Callable] = {}
# What waits for a reply, in the order of asking, and when the first of it has waited for too long.
var _waiting: Dictionary[RefCounted, bool] = {}
var _next_deadline := INF
# Answers that found no room, and questions whose handler awaits something: each with the signal that tells its answer.
var _unsent: Array[Answer] = []
var _unsure: Dictionary[RefCounted, Variant] = {}
var _try_again_at := INF
var _next_look := 0.0


## Who asks and is asked: a client, or the client of a server's peer, with its connection of the moment.
class End:
	extends RefCounted

	var dialogue := Dialogue.new()
	## Null where it is gone: who has it knows this one, too.
	var connection: RefCounted:
		get = get_connection,
		set = set_connection
	var _connection := WeakRef.new()

	func get_connection() -> RefCounted:
		return _connection.get_ref()

	func set_connection(value: RefCounted) -> void:
		_connection = weakref(value)


## A request that was sent.
class Waiting:
	extends RefCounted

	var end: End
	var reply: WebSocketReply
	var number := 0
	var deadline := 0.0


## A request of the other side that is being handled.
class Question:
	extends RefCounted

	var end: End
	var dialogue: Dialogue
	var number := 0
	var method := ""
	var is_text := false
	var _requests: RefCounted

	func _init(requests: RefCounted, of_end: End, heard: Dialogue.Heard, as_text: bool) -> void:
		_requests = requests
		end = of_end
		dialogue = of_end.dialogue
		number = heard.number
		method = heard.method
		is_text = as_text

	## The handler has answered, on whatever thread.
	func settle(value: Variant) -> void:
		if not Checks.is_main_thread():
			settle.call_deferred(value)
		elif _requests != null:
			var requests := _requests
			_requests = null
			requests.answer(self, value)


## What waits for room.
class Answer:
	extends RefCounted

	var question: Question
	var letter: String
	var rest: String
	var payload: Variant

	func _init(to: Question, its_letter: String, its_rest: String, its_payload: Variant) -> void:
		question = to
		letter = its_letter
		rest = its_rest
		payload = its_payload


func _init(core: RefCounted) -> void:
	_core = core


# --- asking


## Asks at one end; null for one that has no connection.
func start(end: End, method: String, data: Variant, timeout: float) -> WebSocketReply:
	var reply: WebSocketReply = Reply.new()
	var failed := _start(end, reply, method, data, timeout)
	if failed:
		if failed[0] in [ERR_INVALID_PARAMETER, ERR_UNAVAILABLE] and Checks.is_main_thread():
			push_error("request: " + failed[1])
		reply._ws_complete_later(failed[0], failed[1] as String)
	return reply


## A reply that has failed, and tells so when whoever calls this is done.
static func failed_reply(error: Error, message: String = _NOT_CONNECTED) -> WebSocketReply:
	var reply: WebSocketReply = Reply.new()
	reply._ws_complete_later(error, message)
	return reply


## Why it cannot be asked, as [error, why]; [] where nothing is known to be in the way.
func _refusal(end: End, method: String, timeout: float) -> Array:
	if Checks.is_elsewhere("request"):
		return [ERR_UNAVAILABLE, "only the thread that polls may call it"]
	if _core == null or end == null:
		return [ERR_CONNECTION_ERROR, _NOT_CONNECTED]
	if not Dialogue.is_method(method):
		return [ERR_INVALID_PARAMETER, _bad_method()]
	if is_nan(timeout) or timeout < 0.0 or is_inf(timeout):
		return [ERR_INVALID_PARAMETER, "timeout must be a number of seconds, or 0 for request_timeout"]
	if end.dialogue.is_full():
		return [ERR_BUSY, "too many requests wait for their replies; wait for some of them"]
	return []


## [error, why], or [] where it is asked.
func _start(end: End, reply: WebSocketReply, method: String, data: Variant, timeout: float) -> Array:
	var refusal := _refusal(end, method, timeout)
	if refusal:
		return refusal
	var encoded := Payloads.encode(data, _core.node.request_encoding == _JSON)
	if encoded[1]:
		return [ERR_INVALID_PARAMETER, encoded[1]]
	var payload: Variant = _supervised(end, encoded[0])
	if payload == null:
		return [ERR_UNAUTHORIZED, _REFUSED_HERE]
	if _core == null:
		return [ERR_CONNECTION_ERROR, _NOT_CONNECTED]
	var waiting := Waiting.new()
	waiting.end = end
	waiting.reply = reply
	waiting.number = end.dialogue.ask(waiting)
	var error := send(end, Dialogue.REQUEST, "%d %s" % [waiting.number, method], payload)
	if error:
		end.dialogue.take_back(waiting.number)
		return [error, _why_unsent(error)]
	reply._ws_give_up = _cancel.bind(waiting)
	waiting.deadline = _core.now + (timeout if timeout else _core.node.request_timeout as float)
	_waiting[waiting] = true
	_next_deadline = minf(_next_deadline, waiting.deadline)
	return []


## Sends a message of the layer, or says why not.
func send(end: End, letter: String, head: String, payload: Variant) -> Error:
	if end == null or end.connection == null:
		return ERR_CONNECTION_ERROR
	var error: Error = end.connection.send_layer(LayerMessage.of(letter, head, payload))
	if error == ERR_UNAVAILABLE and end.connection.get_ready_state() != WebSocketPeer.STATE_OPEN:
		return ERR_CONNECTION_ERROR
	return error


## Sends a value of the engine, or says why not. ERR_CONNECTION_ERROR is for the caller to explain.
func send_value(end: End, value: Variant) -> Error:
	var encoded := Payloads.encode(value, false)
	if encoded[1]:
		push_error("send_var: " + encoded[1])
		return ERR_INVALID_PARAMETER
	var payload: Variant = _supervised(end, encoded[0])
	return ERR_UNAUTHORIZED if payload == null else send_packed(end, payload)


## As send_value(), of a value that is packed, and that the supervisor has let through.
func send_packed(end: End, payload: Variant) -> Error:
	var error := send(end, LayerMessage.VALUE, "", payload)
	if error == ERR_UNAVAILABLE:
		push_error("send_var: " + NO_SESSION)
	elif error != OK and error != ERR_CONNECTION_ERROR:
		end.connection.explain(error, "send_var", payload)
	return error


## What to send in place of what a message of the layer holds for the other side's game; null for nothing.
func _supervised(end: End, payload: Variant) -> Variant:
	var connection := null if end == null else end.connection
	if connection == null or _core == null or not _core.has_outgoing_supervisor():
		return payload
	if not connection.outbox.takes() or (connection.layer == null and not connection.outbox.lasts):
		return payload  # It cannot be sent.
	return _core.supervised_outgoing(connection.whom(), payload)


func _why_unsent(error: Error) -> String:
	match error:
		ERR_BUSY:
			return "there is no room to send it; send less, or wait for drained"
		ERR_CONNECTION_ERROR:
			return _NOT_CONNECTED
		ERR_OUT_OF_MEMORY:
			return "it is longer than session_buffer_size or outbound_buffer_size; raise them, or send less"
		ERR_UNAVAILABLE:
			return NO_SESSION
	return "it could not be sent"


func _cancel(waiting: Waiting) -> void:
	if not Checks.is_main_thread():
		_cancel.bind(waiting).call_deferred()
	else:
		_give_up(waiting, ERR_SKIP, "it was cancelled")


## Waits for a reply no more, and tells the other side.
func _give_up(waiting: Waiting, error: Error, message: String) -> void:
	if not waiting.reply.is_completed and waiting.end.dialogue.give_up(waiting.number):
		send(waiting.end, Dialogue.CANCEL, str(waiting.number), "")  # Without room: an answer that comes is ignored.
		_complete(waiting, error, message)


func _complete(waiting: Waiting, error: Error, message: String, data: Variant = null) -> void:
	_waiting.erase(waiting)
	waiting.reply._ws_complete(error, message, data)


# --- hearing


## A message of the layer with one of LETTERS came.
func hear(connection: RefCounted, message: LayerMessage) -> void:
	var end: End = connection.end
	if end == null:
		return
	var heard := end.dialogue.receive(message.letter, message.head, _core.node.max_requests as int)
	match heard.kind:
		Dialogue.Kind.BROKEN:
			_core.statistics.count("closed_bad_request")
			connection.give_up(Codec.PROTOCOL_ERROR, heard.problem)
		Dialogue.Kind.ASKED:
			_ask(Question.new(self, end, heard, message.payload is String), connection, message.payload)
		Dialogue.Kind.TOO_MANY:
			_core.statistics.count("requests_refused_busy")
			_core.warn(connection.who(), "a request is refused, for max_requests are being handled")
			send(end, Dialogue.ERROR, "%d %d" % [heard.number, ERR_BUSY], "too many requests are being handled")
		Dialogue.Kind.REPLIED:
			_hear_reply(heard.waiter as Waiting, connection, message.payload)
		Dialogue.Kind.FAILED:
			var code := heard.code if heard.code > 0 and heard.code <= _LAST_ERROR else FAILED as int
			var said: Variant = message.payload
			if not said.is_empty():
				said = _core.supervised_payload(connection, said)
			_complete(heard.waiter as Waiting, code as Error, said if said is String else "")


func _hear_reply(waiting: Waiting, connection: RefCounted, came: Variant) -> void:
	var core := _core  # The supervisor may free the node.
	var payload: Variant = core.supervised_payload(connection, came)
	if payload == null:
		if not core.is_alive() or core.has_left(connection):
			_complete(waiting, ERR_CONNECTION_ERROR, _ENDED)
		else:
			_complete(waiting, ERR_UNAUTHORIZED, "the supervisor has refused the reply")
		return
	var decoded := Payloads.decode(payload)
	if decoded[1]:
		_complete(waiting, ERR_INVALID_DATA, "the reply cannot be read: %s" % decoded[1])
	else:
		_complete(waiting, OK, "", decoded[0])


## The session of that end is over: nothing of what was asked is answered any more, on either side.
func session_over(end: End, error: Error = ERR_CONNECTION_ERROR) -> void:
	if end == null:
		return
	var before := end.dialogue
	end.dialogue = Dialogue.new()
	for waiting: Waiting in before.end():
		_complete(waiting, error, NO_SESSION if error == ERR_UNAVAILABLE else _ENDED)


# --- answering


func handle(method: String, handler: Callable) -> Error:
	if not Dialogue.is_method(method):
		push_error("handle: " + _bad_method())
		return ERR_INVALID_PARAMETER
	if handler.is_null():
		_handlers.erase(method)
	else:
		_handlers[method] = handler
	return OK


func _ask(question: Question, connection: RefCounted, came: Variant) -> void:
	var payload: Variant = _core.supervised_payload(connection, came)
	if not _is_alive() or question.dialogue != question.end.dialogue:
		return  # The supervisor has ended the session.
	if payload == null:
		_send_error(question, ERR_UNAUTHORIZED, _REFUSED_THERE)
		return
	if not _handlers.has(question.method):
		_core.statistics.count("requests_without_handler")
		_send_error(question, ERR_METHOD_NOT_FOUND, 'nobody handles "%s"' % question.method)
		return
	var decoded := Payloads.decode(payload)
	if decoded[1]:
		_core.statistics.count("requests_unreadable")
		_send_error(question, ERR_INVALID_DATA, "the data of the request cannot be read: %s" % decoded[1])
		return
	var handler := _handlers[question.method]
	var arguments: Array = connection.whom() + [decoded[0]]
	if not handler.is_valid():
		_tell_failed(question, "its object was freed")
	elif handler.get_argument_count() < arguments.size():
		_tell_failed(question, "it takes %d arguments, not %d" % [handler.get_argument_count(), arguments.size()])
	else:
		_await(question, handler.callv(arguments))


## What a handler has returned: its answer, or what will have it.
func _await(question: Question, value: Variant) -> void:
	var told: Variant = null
	if value is WebSocketReply and not (value as WebSocketReply).is_completed:
		told = (value as WebSocketReply).completed
	elif value is Object and is_instance_valid(value) and (value as Object).get_class() == "GDScriptFunctionState":
		# What a function that awaits returns at first. What it awaits keeps it; the signal does not.
		told = Signal(value as Object, &"completed")
	if told == null:
		question.settle(value)
	elif _is_alive():
		(told as Signal).connect(question.settle, CONNECT_ONE_SHOT)
		_unsure[question] = told


## A handler has answered.
func answer(question: Question, value: Variant) -> void:
	_unsure.erase(question)
	if not _is_alive() or not question.dialogue.is_awaited(question.number):
		question.dialogue.answered(question.number)
		return
	var answered: Variant = value
	if value is WebSocketReply:
		var reply: WebSocketReply = value
		if reply.error:
			var said: Variant = _supervised(question.end, reply.message) if reply.message else ""
			_send_error(question, reply.error, said if said is String else "")
			return
		answered = reply.data
	var encoded := Payloads.encode(answered, question.is_text)
	if encoded[1]:
		_tell('what the handler of "%s" returned cannot be sent: %s' % [question.method, encoded[1]])
		_send_error(question, ERR_SCRIPT_FAILED, "the handler returned what cannot be sent")
		return
	var payload: Variant = _supervised(question.end, encoded[0])
	if payload == null:
		_send_error(question, ERR_UNAUTHORIZED, _REFUSED_THERE)
	else:
		_send_answer(Answer.new(question, Dialogue.REPLY, "", payload))


## A handler has failed, or will never answer.
func _tell_failed(question: Question, what: String) -> void:
	question._requests = null
	_unsure.erase(question)
	_core.statistics.count("handlers_failed")
	_tell('the handler of "%s" failed: %s' % [question.method, what])
	_send_error(question, ERR_SCRIPT_FAILED, "the handler failed")


func _tell(problem: String) -> void:
	if _core.is_new(problem):
		push_error("handle: " + problem)


func _send_error(question: Question, error: Error, message: String) -> void:
	_send_answer(Answer.new(question, Dialogue.ERROR, " %d" % error, message.left(_LONGEST_MESSAGE)))


func _send_answer(given: Answer) -> void:
	var question := given.question
	if question.dialogue != question.end.dialogue or not question.dialogue.is_awaited(question.number):
		question.dialogue.answered(question.number)
		return
	var error := send(question.end, given.letter, str(question.number) + given.rest, given.payload)
	if error == ERR_BUSY:
		_unsent.append(given)
		_try_again_at = minf(_try_again_at, _core.now + _TRIED_AGAIN_AFTER)
	elif error == ERR_OUT_OF_MEMORY and given.letter == Dialogue.REPLY:
		_send_error(question, error, "the reply is longer than what this side can send")
	elif error == ERR_INVALID_DATA and given.letter == Dialogue.ERROR and given.payload:
		given.payload = ""  # What a handler says in fail() is no Unicode.
		_send_answer(given)
	else:
		question.dialogue.answered(question.number)


# --- as time goes by


## To be called when all that came was delivered.
func look(now: float) -> void:
	if now >= _try_again_at:
		_try_again_at = INF
		var unsent := _unsent
		_unsent = []
		for given: Answer in unsent:
			_send_answer(given)
	if now >= _next_look and not _unsure.is_empty():
		_next_look = now + _LOOK_PERIOD
		for question: Question in _unsure.keys():
			if _unsure[question] is Signal and (_unsure[question] as Signal).get_object() == null:
				_tell_failed(question, "what it awaited is gone, or its object was freed")
	if now >= _next_deadline:
		_look_at_deadlines(now)


func _look_at_deadlines(now: float) -> void:
	var late: Array[Waiting] = []
	_next_deadline = INF
	for waiting: Waiting in _waiting:
		if waiting.deadline <= now:
			late.append(waiting)
		else:
			_next_deadline = minf(_next_deadline, waiting.deadline)
	for waiting: Waiting in late:
		_give_up(waiting, ERR_TIMEOUT, "no reply came in time")


## The node is being freed: nobody is told anything but that nothing comes, and that when it is gone.
func forget() -> void:
	_handlers.clear()
	_unsure.clear()
	_unsent.clear()
	for waiting: Waiting in _waiting:
		waiting.end.dialogue.give_up(waiting.number)
		waiting.reply._ws_complete_later(ERR_CONNECTION_ERROR, "the node was freed")
	_waiting.clear()
	_next_deadline = INF
	_try_again_at = INF
	_core = null


func _is_alive() -> bool:
	return _core != null and _core.is_alive()


static func _bad_method() -> String:
	return "a method is a name of 1 to %d characters of ASCII, without spaces" % Dialogue.LONGEST_METHOD
