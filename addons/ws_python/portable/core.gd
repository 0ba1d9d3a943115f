## What client and server share: a clock of polled time, events that wait for delivery, supervisors, bounded log lines.
##
## It lives beside its node and not in it: a handler may free the node at any time, and a function of a freed node's
## script must not go on. Hence, after each signal: is_alive().
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Connection := preload("res://addons/ws_python/portable/connection.gd")
const ConnectionWatch := preload("res://addons/ws_python/portable/connection_watch.gd")
const Lingering := preload("res://addons/ws_python/portable/lingering.gd")
const Members := preload("res://addons/ws_python/portable/members/pollable.gd")
const Meter := preload("res://addons/ws_python/portable/meter.gd")
const Monitors := preload("res://addons/ws_python/portable/monitors.gd")
const Endpoint := preload("res://addons/ws_python/portable/endpoint.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Rates := preload("res://addons/ws_python/portable/rates.gd")
const Requests := preload("res://addons/ws_python/portable/requests.gd")
const Statistics := preload("res://addons/ws_python/portable/statistics.gd")

## How deep polls in handlers may nest in one another.
const MOST_NESTED := 16
const EVENTS_PER_CLOCK := 32
## Seconds between two polls that always count, that may become usual, and that are those of one poll.
const UNNOTICED := 0.1
const MOST_USUAL := 1.25
const ONE_POLL := 0.002
## Lines about strangers that may come at once; one more in each second, and one a second about each of them.
const MOST_LINES := 10.0
# Within so many polled seconds each cause is told once, and so many causes in all.
const _PERIOD_OF_CAUSES := 60.0
const _MOST_CAUSES := 8

var node: Members
var statistics := Statistics.new()
var requests := Requests.new(self)
## Seconds in which somebody polled: from one poll to the next by twice the usual at the most, for what comes while a
## level is loaded is there, and unread.
var now := 0.0
## The node is being freed: nothing can be started any more.
var is_going := false

var _polled_at := -1.0
var _usual := 0.0
var _events: Array = []
var _next := 0
var _nested := 0
var _is_held := false
var _asks_outgoing := false
var _told := {}
var _causes := {}
var _causes_until := 0.0
var _lines := MOST_LINES
var _lines_at := 0.0


func _init(of_node: Members) -> void:
	node = of_node


# --- for the derived class


## Does what the node is to do by itself.
func begin() -> void:
	pass


## Reads and writes all connections, until a time in Time.get_ticks_usec(); emits nothing.
func poll_network(_until: int) -> void:
	pass


## Emits what an event means.
func tell(_kind: Connection.Event, _connection: RefCounted, _payload: Variant) -> void:
	pass


## Writes what waits to be sent, after a poll.
func flush_network() -> void:
	for connection: RefCounted in open_connections():
		connection.flush()


## Says goodbye to whoever is connected, without a word to the game.
func end_all() -> void:
	pass


func open_connections() -> Array[RefCounted]:
	return []


## The status of the node is about to change: something is open now, or was.
func note_status() -> void:
	Monitors.watch(self)


# --- polling


func poll() -> void:
	if Checks.is_elsewhere("poll") or not is_alive():
		return
	var begun := Time.get_ticks_usec()
	_advance(begun / 1e6)
	var budget := int(node.max_poll_time * 1e6)
	poll_network(begun + budget / 2)
	deliver(begun + budget)
	if not _is_held:
		look_at_requests()
	if is_alive():
		flush_network()


func _advance(at: float) -> void:
	var seconds := at - _polled_at if _polled_at >= 0.0 else 0.0
	_polled_at = at
	now += minf(seconds, maxf(UNNOTICED, 2.0 * _usual))
	if seconds > ONE_POLL:
		_usual = minf(seconds, MOST_USUAL)


## Has `tell` called for it, after what is waiting already.
func put(kind: Connection.Event, connection: RefCounted, payload: Variant = null) -> void:
	_events.append([kind, connection, payload])


func deliver(until: int) -> void:
	if _nested == MOST_NESTED or _is_held:
		return
	_nested += 1
	var left := EVENTS_PER_CLOCK
	while _next < _events.size() and not is_going:
		var event: Array = _events[_next]
		_events[_next] = null
		_next += 1
		var connection: RefCounted = event[1]
		if connection == null or not connection.is_ignored:
			if event[0] == Connection.Event.MESSAGE:
				connection.delivered(event[2])
			tell(event[0], connection, event[2])
		left -= 1
		if left == 0:
			left = EVENTS_PER_CLOCK
			if Time.get_ticks_usec() >= until:
				break
	if _next >= _events.size():
		_events.clear()
		_next = 0
	elif _next > 1024:
		_events = _events.slice(_next)
		_next = 0
	_nested -= 1


func has_events() -> bool:
	return _next < _events.size()


# --- requests. A handler may free the node: then nobody else keeps what it is called by.


func look_at_requests() -> void:
	if is_alive():
		var asking := requests
		asking.look(now)


func hear_request(connection: RefCounted, message: LayerMessage) -> void:
	var asking := requests
	asking.hear(connection, message)


func end_requests(end: Requests.End, error: Error = ERR_CONNECTION_ERROR) -> void:
	var asking := requests
	asking.session_over(end, error)


# --- the life of the node


func is_alive() -> bool:
	return not is_going and is_instance_valid(node)


## Why `method` cannot start anything now is told in a line.
func refuses(method: String) -> bool:
	if Checks.is_elsewhere(method):
		return true
	if is_going:
		push_error("%s: this node is being freed; use another one" % method)
	return is_going


## The node is being freed, or no longer has this script. Parts of the core hold it until then.
func shut_down() -> void:
	if is_going:
		return
	is_going = true
	end_all()
	if Checks.is_main_thread():
		Lingering.finish_if_quitting()
	Monitors.release(self)
	_events.clear()
	_next = 0
	node = null


# --- supervisors


## What to deliver in place of a message that came; null for nothing. `peer` is [peer_id] of a server, [] of a client.
func supervised(peer: Array, message: Variant) -> Variant:
	var supervisor := node.supervisor
	if supervisor.is_null():
		return message
	# Of what it polls for, nothing may overtake the message that it is asked about.
	_is_held = true
	var passed: Variant = _ask("supervisor", supervisor, peer, message)
	_is_held = false
	return passed


## As supervised(), of what a message of the session layer holds for the game. Null also where nobody is told any more.
func supervised_payload(connection: RefCounted, payload: Variant) -> Variant:
	if node.supervisor.is_null():
		return payload
	var passed: Variant = supervised(connection.whom() as Array, payload)
	return passed if is_alive() and not has_left(connection) else null


## Whether nothing more is told of a connection.
func has_left(_connection: RefCounted) -> bool:
	return false


func has_outgoing_supervisor() -> bool:
	return is_alive() and not node.outgoing_supervisor.is_null()


## What to send in place of a message; null for nothing.
func supervised_outgoing(peer: Array, message: Variant) -> Variant:
	var supervisor := node.outgoing_supervisor
	if supervisor.is_null() or _asks_outgoing:
		return message
	_asks_outgoing = true
	var shown: Variant = message if message is PackedByteArray else str(message)
	var passed: Variant = _ask("outgoing_supervisor", supervisor, peer, shown)
	_asks_outgoing = false
	return passed


func _ask(name: String, function: Callable, peer: Array, message: Variant) -> Variant:
	var arguments := peer + [message]
	var answer: Array = []
	var problem := ""
	if not function.is_valid():
		problem = "its object was freed"
	elif function.get_argument_count() < arguments.size():
		problem = "it takes %d arguments, not %d" % [function.get_argument_count(), arguments.size()]
	else:
		_call_now(function, arguments, answer)
		problem = _problem_of(answer)
	if problem:
		statistics.count("failed_%s" % name)
		warn(name, "a message is refused, for %s" % problem)
		return null
	var verdict: Variant = answer[0]
	if not verdict is bool:
		return verdict if verdict is PackedByteArray else str(verdict)
	if not verdict:
		statistics.count("refused_by_%s" % name)
	return message if verdict else null


## Puts what a function returns into `answer`; nothing yet, where it waits for something.
static func _call_now(function: Callable, arguments: Array, answer: Array) -> void:
	answer.append(await function.callv(arguments))


static func _problem_of(answer: Array) -> String:
	if answer.is_empty():
		return "it waits: a supervisor must not (await)"
	if answer[0] is bool or Checks.is_message(answer[0]):
		return ""
	var advice := "return true, false, a String or a PackedByteArray"
	return "it returned %s: %s" % [Checks.type_name(answer[0]), advice]


# --- what strangers cause


func note_stalled() -> void:
	statistics.count("outbound_buffer_full")


## More came than is allowed: reading pauses, or the connection is closed.
func slow_down(connection: RefCounted, rates: Rates, verdict: Rates.Verdict) -> void:
	var beyond := "%.0f %s beyond %s, %d" % [rates.beyond, rates.what, rates.emptiest, int(rates.rate)]
	if verdict == Rates.Verdict.CLOSE:
		statistics.count("closed_" + rates.emptiest)
		warn(connection.who(), beyond + ", in more than rate_timeout: closed with 1008")
		connection.give_up(Codec.POLICY_VIOLATION, "more %s than %s allows" % [rates.what, rates.emptiest])
		return
	statistics.count("paused_" + rates.emptiest)
	warn(connection.who(), "%s: not read for %.1f s" % [beyond, rates.paused_until - now])
	connection.throttle()


## Whether a cause that strangers bring about is to be told now; then it counts as told.
func is_new(cause: String) -> bool:
	if now >= _causes_until:
		_causes_until = now + _PERIOD_OF_CAUSES
		_causes.clear()
	if _causes.has(cause) or _causes.size() == _MOST_CAUSES:
		return false
	_causes[cause] = true
	return true


## Logs a line about somebody, or leaves it out where too much was told.
func warn(whom: String, text: String) -> void:
	_lines = minf(MOST_LINES, _lines + now - _lines_at)
	_lines_at = now
	if _lines < 1.0 or now - _told.get(whom, -INF) < 1.0:
		return
	_lines -= 1.0
	if _told.size() > MOST_LINES:
		_told.clear()
	_told[whom] = now
	push_warning("%s: %s" % [whom, text])
