## Authorisation: a function of the user's says who may connect, at once, or after it has awaited something.
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const HandshakeSettings := preload("res://addons/ws_python/portable/handshake_settings.gd")
const Quoting := preload("res://addons/ws_python/portable/quoting.gd")
const Status := preload("res://addons/ws_python/portable/http_status.gd")

const _ADVICE := "return true, false, an HTTP status from 300 to 599, or WebSocketRequest.refuse(...)"
const _KEYS: PackedStringArray = ["status", "text", "headers"]

var _core: Object


## What the authorizer is asked of one connection.
class Question:
	extends RefCounted

	var _authorization: RefCounted
	# Null: it is answered, or nobody waits for the answer any more.
	var _connection: RefCounted

	func _init(authorization: RefCounted, connection: RefCounted) -> void:
		_authorization = authorization
		_connection = connection

	## The authorizer has answered, on whatever thread.
	func settle(verdict: Variant) -> void:
		if not Checks.is_main_thread():
			settle.call_deferred(verdict)
		elif _connection != null:
			_authorization.answer(_connection, verdict)

	## What to answer once the time is over.
	func timed_out() -> Array:
		return _authorization.too_late()

	## It is answered, or nobody waits for the answer any more.
	func over() -> void:
		_connection = null
		_authorization = null


func _init(core: Object) -> void:
	_core = core


## Asks the authorizer, whose turn in the poll it is. It may end the connection, the server, and the authorizer itself.
func ask(connection: RefCounted) -> void:
	var authorizer: Callable = _core.node.authorizer
	if authorizer.is_null():  # Not any more.
		connection.answer([])
		return
	var question := Question.new(self, connection)
	connection.later = question
	if not authorizer.is_valid():
		refuse_for(connection, "the object of the Callable was freed; set another one, or null")
	elif authorizer.get_argument_count() < 1:
		refuse_for(connection, "it raised TypeError: it takes at most 0 arguments, not the request")
	else:
		_call(authorizer, _core.request_of(connection), question)


## Static, for nothing of the server may be gone when an authorizer that awaits goes on.
static func _call(authorizer: Callable, request: RefCounted, question: Question) -> void:
	question.settle(await authorizer.call(request))


func answer(connection: RefCounted, verdict: Variant) -> void:
	var read := _read(verdict)
	if read[1]:
		refuse_for(connection, read[1])
		return
	if read[0]:
		_core.statistics.count("refused_by_authorizer")
	connection.answer(read[0])


## The authorizer has not decided: nobody is let in by a mistake.
func refuse_for(connection: RefCounted, problem: String) -> void:
	_core.statistics.count("refused_authorizer_failed")
	if _core.is_new(problem):
		push_error("authorizer: %s; until then clients are refused with HTTP 500" % problem)
	connection.answer(
		[
			Status.INTERNAL_SERVER_ERROR,
			"This server could not decide whether you may connect.",
			PackedStringArray(),
			"the authorizer failed, see the log"
		]
	)


func too_late() -> Array:
	_core.statistics.count("refused_authorizer_too_late")
	return [
		Status.SERVICE_UNAVAILABLE,
		"This server took too long to decide whether you may connect; try again later.",
		PackedStringArray(),
		"the authorizer did not answer within handshake_timeout"
	]


## What an authorizer has returned, as [what answer() of a connection takes, what is wrong with it].
func _read(verdict: Variant) -> Array:
	if verdict is bool:
		return [[], ""] if verdict else _refusal(Status.FORBIDDEN, "You may not connect here.", [])
	if verdict is int:
		return _refusal(verdict, "", [])
	if verdict is Dictionary:
		for key: Variant in verdict:
			if not (Checks.is_text(key) and str(key) in _KEYS):
				var shown := Quoting.one_line(str(key), 40)
				return [[], 'it returned a dictionary with the key "%s", which says nothing; %s' % [shown, _ADVICE]]
		return _refusal(verdict.get("status"), verdict.get("text", ""), verdict.get("headers", []))
	return [[], "it returned %s; %s" % [Checks.type_name(verdict), _ADVICE]]


func _refusal(status: Variant, text: Variant, headers: Variant) -> Array:
	if not (status is int and status >= 300 and status <= 599):
		var shown := str(status) if status is int else Checks.type_name(status)
		return [[], "it returned %s as an HTTP status; %s" % [shown, _ADVICE]]
	if not Checks.is_text(text):
		return [[], "it returned %s as the text of a refusal; use a String" % Checks.type_name(text)]
	if not (headers is Array or headers is PackedStringArray):
		var what := Checks.type_name(headers)
		return [[], 'it returned %s as headers; use an array of strings, each "Name: value"' % what]
	if not Array(headers).all(Checks.is_text):
		return [[], 'it returned headers that are no strings; write each like "Name: value"']
	var lines := PackedStringArray(headers)
	var problem := HandshakeSettings.headers_problem(lines)
	var phrase := Status.phrase_of(status as int)
	var told := Quoting.reason("the authorizer refused it (HTTP %d: " % status, str(text) if text else phrase, ")")
	var body := str(text) if text else phrase + "."
	return [[status, body, HandshakeSettings.written(lines), told] if not problem else [], problem]
