## What one connection says and hears of the session layer (docs/sessions.md), sans-I/O.
##
## As Layer of python/ws_python/protocol/session.py: messages go in, and what is to be delivered comes out; `outgoing`
## is what is to be put on the wire. Where the other side breaks the rules, `error` says how, and what came before is
## delivered.
extends RefCounted

const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Greetings := preload("res://addons/ws_python/portable/greetings.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Session := preload("res://addons/ws_python/portable/session.gd")

const _MOST_DIGITS := 16

var session: Session
## Whole frames.
var outgoing: Array[PackedByteArray] = []
var error := ""
## Told of clock samples when they arrive, with the LayerMessage; without one they are delivered as other messages.
var sampler := Callable()
## Whether both ends speak it.
var is_on := false
## The other end turned out not to speak it.
var is_off := false
## The other end has acknowledged something on this connection: so it has heard the greeting.
var is_confirmed := false
## A server has been greeted and has not answered: what comes meanwhile waits.
var is_greeted := false

var _is_server := false
var _has_left := false
var _is_resuming := false
var _hello := ""
var _waiting: Array = []


## Of a client: its session, and what it says first. Of a server: nothing.
func _init(of_session: Session = null, hello: Greetings.Hello = null) -> void:
	session = of_session
	_is_server = of_session == null
	if hello == null:
		return
	_hello = hello.pack()
	_is_resuming = hello.resumes
	_say(_hello)
	# A session that is new begins at once: where the other side does not know the layer, nothing is different.
	session.is_attached = not _is_resuming
	session.is_tentative = not _is_resuming


# --- in


## What to deliver of what came: messages of the user's, LayerMessage, Hello, Welcome, and once NotLayered. What is no
## message is delivered as it is.
func receive(messages: Array) -> Array:
	var events: Array = []
	for message: Variant in messages:
		if error:
			break
		_receive(message, events)
	if is_on and session.must_tell():
		tell_received()
	return events


func _receive(message: Variant, events: Array) -> void:
	if is_off or not (message is String or message is PackedByteArray):
		events.append(message)
	elif not is_on:
		_receive_first(message, events)
	elif LayerMessage.is_escaped(message):
		_receive_escaped(message, events)
	else:
		_count(message)
		events.append(message)


func _count(message: Variant) -> void:
	session.count(message.length() if message is String else message.size())


## Of a message that begins with DLE.
func _receive_escaped(message: Variant, events: Array) -> void:
	var rest: Variant = message.substr(1) if message is String else message.slice(1)
	if LayerMessage.is_escaped(rest):
		_count(message)
		events.append(rest)
		return
	var said: LayerMessage = LayerMessage.unpack(message)
	if said == null:
		error = "a message of the session layer has no line of ASCII before its payload"
	elif said.letter == LayerMessage.ACKNOWLEDGEMENT:
		_receive_acknowledgement(said.head)
	elif said.letter in [LayerMessage.HELLO, LayerMessage.WELCOME]:
		error = "a second greeting on one connection"
	elif said.letter == LayerMessage.CLOCK and sampler.is_valid():
		sampler.call(said)
	else:
		if said.is_counted():
			_count(message)
		events.append(said)


func _receive_acknowledgement(head: String) -> void:
	if not is_number(head, _MOST_DIGITS):
		error = "an acknowledgement without a number"
	elif not session.may_have(head.to_int()):
		error = session.mismatch(head.to_int())
	else:
		session.acknowledge(head.to_int())
		is_confirmed = true


## Until it is known whether the other end speaks the layer; on a server, until the hello is answered.
func _receive_first(message: Variant, events: Array) -> void:
	if is_greeted:
		_waiting.append(message)
		return
	var first: Variant = _greeting(message)
	if first is String:
		error = first
	elif not _is_server:
		_decide(first, message, events)
	elif first == null:
		error = "no hello, which a client of the session layer says first"
	else:
		is_greeted = true
		events.append(first)


## A client has the server's first message: null is no welcome.
func _decide(welcome: Greetings.Welcome, message: Variant, events: Array) -> void:
	if welcome == null:
		_turn_off()
		events.append(Greetings.NotLayered.new())
		if not (message is String and message == _hello):  # Some send back what they get.
			events.append(message)
		return
	if _is_resuming and welcome.is_resumed:
		if not session.may_have(welcome.received):
			error = session.mismatch(welcome.received)
			return
		session.resumes_at(welcome.received)
	elif _is_resuming:
		session = Session.new(session.buffer_size)
	session.use_buffer_of_other(welcome.buffer)
	events.append(welcome)
	_go_on()
	_acknowledge()  # It shows that the new token came.


## The other end's greeting; what is wrong with it; or null: it does not speak the layer.
func _greeting(message: Variant) -> Variant:
	if not (message is String and LayerMessage.is_escaped(message)):
		return null
	var said: LayerMessage = LayerMessage.unpack(message)
	if said == null or said.letter != (LayerMessage.HELLO if _is_server else LayerMessage.WELCOME):
		return null
	return Greetings.unpack_hello(said.head) if _is_server else Greetings.unpack_welcome(said.head)


func _turn_off() -> void:
	is_off = true
	if not _is_resuming:
		for frame: PackedByteArray in session.unwritten():
			var plain := LayerMessage.unescaped(frame)
			if not plain.is_empty():
				outgoing.append(plain)
	session = null


# --- a server's answer


## Answers a hello that came with this buffer size: from now on this connection carries the session. What to deliver
## that waited for it. Of a session that is resumed, resumes_at() was called before.
func welcome(of_session: Session, answer: Greetings.Welcome, buffer: int) -> Array:
	of_session.use_buffer_of_other(buffer)
	session = of_session
	is_greeted = false
	_say(answer.pack())
	_go_on()
	var waiting := _waiting
	_waiting = []
	return receive(waiting)


func _go_on() -> void:
	is_on = true
	session.attach()
	outgoing.append_array(session.unwritten())


## The connection takes no messages any more: what is sent from now on is kept for the next one.
func leave() -> void:
	if session != null and not _has_left:
		_has_left = true
		session.is_attached = false  # Once: by now another connection may have it.


# --- out


## Acknowledges what came.
func tell_received() -> void:
	if is_on and session.begin_telling():
		_acknowledge()


func _acknowledge() -> void:
	_say(LayerMessage.of(LayerMessage.ACKNOWLEDGEMENT, str(session.received)).pack() as String)


func _say(text: String) -> void:
	outgoing.append(Codec.encoded(text)[0])


static func is_number(text: String, most_digits: int) -> bool:
	if text.is_empty() or text.length() > most_digits:
		return false
	for at: int in text.length():
		var code := text.unicode_at(at)
		if code < 0x30 or code > 0x39:
			return false
	return true
