## What both games of a seeded run have: the commands of the runner, a history, and numbered messages.
##
## Argument: a file, to which the runner adds commands, one a line: a list as JSON of a name and its arguments.
##   ["begin", {…}]   a run begins, with what tests/chaos/world.py says: a file for its history, settings of nodes
##   ["go"]           messages are sent
##   ["stall", MSEC]  the main thread does nothing for so long
##   ["quiet"]        no more messages are sent
##   ["rest", COUNT]  so many more go to each, as fast as the frames; then the history has "rested"
##   ["end"]          connections are closed, statistics told, nodes freed: the history ends with "ended"
##   ["quit"]         the game ends
## What the lines of the history are, tests/chaos/history.py says.
extends SceneTree

## The longest message, in bytes or characters.
const LONGEST := 200_000
## How often a message is the first of many at once.
const BURSTS := 0.003
## How often it goes as a request, where there are sessions; and how often whoever answers one waits first: for a frame,
## or as long as `late_by` of the plan says, in s.
const REQUESTS := 0.1
const LATE_ANSWERS := 0.2
const METHOD := "note"
## Longer than any run, in s: what ends a request is a reply, or the end of its session.
const REQUEST_TIMEOUT := 3600.0
const REST_OF_A_FRAME := 20
## How often statistics go to the history, in s: those of a game that is killed are known from there.
const STATISTICS_PERIOD := 0.5
## No part of what fills messages: they end and begin the head of a message.
const HEAD_BEGIN := "#"
const HEAD_END := "|"
const LONGEST_HEAD := 64
## What fills messages comes again after so much: a prime number, which is no size of a buffer.
const BLOCK := 9973
## With this begins what the session layer says, so it has to hide where a message of a game begins so: U+0010, DLE.
const ESCAPE := 0x10
## Characters of one to four bytes.
const CHARACTERS := "abcdefghijklmnopqrstuvwxyz 0123456789 äöüßéèñç €–…“” 世界 😀🚀"


## One direction of what this game sends to one other, from its begin to its end.
class Stream:
	var name: String
	var number := 0
	var random := RandomNumberGenerator.new()
	## Messages that should have been sent by now.
	var due := 0.0
	## Those that are still to be sent of the rest.
	var rest := 0

	func _init(stream_name: String, random_seed: int) -> void:
		name = stream_name
		random.seed = random_seed


var _plan := {}
var _is_quiet := true
var _may_send := false
var _is_resting := false
var _commands: FileAccess
var _read := 0
var _history: FileAccess
var _next_statistics := 0.0
var _text := ""
var _bytes := PackedByteArray()


func _initialize() -> void:
	var random := RandomNumberGenerator.new()
	random.seed = 1
	var characters := PackedStringArray()
	for _i: int in BLOCK:
		characters.append(CHARACTERS[random.randi() % CHARACTERS.length()])
	_text = "".join(characters).repeat(2 * LONGEST / BLOCK + 1)
	for _i: int in BLOCK:
		_bytes.append(random.randi() % 256)
	while _bytes.size() < 2 * LONGEST:
		_bytes.append_array(_bytes)
	_commands = FileAccess.open(OS.get_cmdline_user_args()[0], FileAccess.READ)
	print("ready")


func _process(delta: float) -> bool:
	_obey_all()
	if _history == null:
		return false
	var now := Time.get_ticks_msec() / 1000.0
	if now >= _next_statistics:
		_next_statistics = now + float(_plan.get("statistics_period", STATISTICS_PERIOD))
		_tell_statistics()
	if _may_send:
		_send_all(delta)
	return false


func _send_all(delta: float) -> void:
	var has_rest := false
	for stream: Stream in _open_streams():
		# The first one in any case: it says to the other side which stream this is.
		if stream.number == 0:
			_send_next(stream)
		elif not _is_quiet:
			_send_due(stream, delta)
		for _i: int in mini(stream.rest, REST_OF_A_FRAME):
			stream.rest -= 1
			_send_next(stream)
		has_rest = has_rest or stream.rest > 0
	if _is_resting and not has_rest:
		_is_resting = false
		tell("rested")


# --- what each game does in its own way


## The streams that messages go to now.
func _open_streams() -> Array[Stream]:
	return []


func _send(_stream: Stream, _message: Variant) -> Error:
	return FAILED


func _start_request(_stream: Stream, _message: String) -> WebSocketReply:
	return null


func _begin() -> void:
	pass


func _end() -> void:
	pass


func _tell_statistics() -> void:
	pass


# --- commands


func _obey_all() -> void:
	var length := _commands.get_length()
	if length == _read:
		return
	_commands.seek(_read)
	var written := _commands.get_buffer(length - _read)
	# A long one may be written in parts.
	var whole := written.slice(0, written.rfind("\n".unicode_at(0)) + 1)
	_read += whole.size()
	for line: String in whole.get_string_from_utf8().split("\n", false):
		var words: Array = JSON.parse_string(line)
		_obey(words[0], words.slice(1))


func _obey(command: String, arguments: Array) -> void:
	match command:
		"begin":
			_plan = arguments[0]
			_is_resting = false
			_history = FileAccess.open(_plan["history"], FileAccess.WRITE)
			_may_send = false
			_begin()
			tell("begun")
		"go":
			_is_quiet = false
			_may_send = true
		"stall":
			OS.delay_msec(int(arguments[0]))
		"quiet":
			_is_quiet = true
		"rest":
			_is_resting = true
			for stream: Stream in _open_streams():
				stream.rest = int(arguments[0])
		"end":
			_is_quiet = true
			await _end()
			tell("ended")
			_history = null
		"quit":
			quit()
		_:
			push_error("there is no command %s" % command)


func _set_properties(node: Node) -> void:
	var settings: Dictionary = _plan["settings"]
	for property: String in settings:
		if property not in node:
			push_error("%s has no property %s" % [node.get_class(), property])
		node.set(property, settings[property])


# --- the history


## Add a line to the history. It is with the system before anything else happens: this game may be killed.
func tell(event: String, stream := "", what := {}) -> void:
	if _history == null:
		return
	var line := {"usec": Time.get_ticks_usec(), "event": event}
	if stream != "":
		line["stream"] = stream
	line.merge(what)
	_history.store_line(JSON.stringify(line))
	_history.flush()


func _tell_received(stream: String, message: Variant) -> void:
	var what := _described(message)
	what["head"] = _head_of(message)
	tell("received", stream, what)
	var head: String = what["head"]
	if head.ends_with("?"):
		_asked(stream, head)


## A message has come as a request: what is answered, shows that it was read.
func _answer(stream: String, message: String) -> int:
	tell(
		"received",
		stream,
		{"kind": "request", "size": message.length(), "hash": hash(message), "head": _head_of(message)}
	)
	if randf() < float(_plan.get("late_answers", LATE_ANSWERS)):
		if "late_by" in _plan:
			await create_timer(float(_plan["late_by"])).timeout
		else:
			await process_frame
	tell("handled", stream, {"head": _head_of(message)})
	return hash(message)


## A message that asks for an answer has come.
func _asked(_stream: String, _head: String) -> void:
	pass


func _described(message: Variant) -> Dictionary:
	if message is String:
		var text: String = message
		return {"kind": "text", "size": text.length(), "hash": hash(text)}
	var bytes: PackedByteArray = message
	return {"kind": "binary", "size": bytes.size(), "hash": hash(bytes)}


## What a message says of itself: the stream and number that it was sent with; "" where it is too short for that.
func _head_of(message: Variant) -> String:
	var begin: String
	if message is String:
		begin = (message as String).left(LONGEST_HEAD)
	else:
		var bytes: PackedByteArray = message
		var end := bytes.find(HEAD_END.unicode_at(0))
		if end < 0 or end >= LONGEST_HEAD or bytes[0] not in [ESCAPE, HEAD_BEGIN.unicode_at(0)]:
			return ""
		begin = bytes.slice(0, end + 1).get_string_from_ascii()
	begin = begin.trim_prefix(String.chr(ESCAPE))
	var length := begin.find(HEAD_END)
	return begin.substr(1, length - 1) if begin.begins_with(HEAD_BEGIN) and length > 0 else ""


# --- messages


func _send_due(stream: Stream, delta: float) -> void:
	stream.due += minf(delta, 0.1) * float(_plan["rate"])
	while stream.due >= 1.0:
		stream.due -= 1.0
		if stream.random.randf() < BURSTS:
			stream.due += float(_plan["burst"])
		_send_next(stream)


## Send the next message of a stream, and tell so. `mark` is put behind the number in its head.
func _send_next(stream: Stream, mark := "") -> void:
	stream.number += 1
	var number := stream.number
	if _plan["with_requests"] and number > 1 and mark == "" and stream.random.randf() < REQUESTS:
		_ask_next(stream)
		return
	var message: Variant = _message(stream, mark)
	var what := _described(message)
	what["n"] = number
	tell("sent", stream.name, what)
	var error := _send(stream, message)
	if error != OK:
		tell("refused", stream.name, {"n": number, "error": error})


## Send a message as a request, and tell what becomes of it.
func _ask_next(stream: Stream) -> void:
	var number := stream.number
	var message := _head(stream, "")
	message += _text.substr(number % LONGEST, _size(stream.random))
	tell("sent", stream.name, {"kind": "request", "size": message.length(), "hash": hash(message), "n": number})
	var reply := _start_request(stream, message)
	if reply.is_completed and reply.error in [ERR_BUSY, ERR_UNAVAILABLE]:
		tell("refused", stream.name, {"n": number, "error": reply.error})
		return
	if not reply.is_completed:
		await reply.completed
	tell("replied", stream.name, {"n": number, "error": reply.error, "hash": reply.data if reply.data != null else 0})


func _head(stream: Stream, mark: String) -> String:
	return HEAD_BEGIN + stream.name + HEAD_BEGIN + str(stream.number) + mark + HEAD_END


func _message(stream: Stream, mark: String) -> Variant:
	var random := stream.random
	var head := _head(stream, mark)
	var is_first := stream.number == 1 or mark != ""
	var size := LONGEST_HEAD if is_first else _size(random)
	if random.randf() < 0.2:
		head = String.chr(ESCAPE) + head
	if size < head.length():
		# Too short to say its number: what comes next to each other differs all the same.
		head = String.chr(1 + stream.number % 127)
	var start := stream.number % LONGEST
	if is_first or random.randf() < 0.5:
		return head + _text.substr(start, size - head.length())
	return head.to_ascii_buffer() + _bytes.slice(start, start + size - head.length())


func _size(random: RandomNumberGenerator) -> int:
	var which := random.randf()
	if which < 0.5:
		return random.randi_range(1, 60)
	if which < 0.95:
		return random.randi_range(60, 1000)
	if which < 0.995:
		return random.randi_range(1000, 20_000)
	return random.randi_range(20_000, LONGEST)
