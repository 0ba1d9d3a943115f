## What both ends of a session say first on a connection (docs/sessions.md), sans-I/O.
extends RefCounted

const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")

# Random bytes of a token: so many characters of base64url.
const _TOKEN_SIZE := 16

static var _token := RegEx.create_from_string("^[A-Za-z0-9_-]{22}\\z")


## What a client says first.
class Hello:
	extends RefCounted

	## Of the session that it wants back, or one that it has drawn for the session which it begins.
	var token := ""
	## Whether it wants one back.
	var resumes := false
	## How many counted messages of that session it has received.
	var received := 0
	## How much it keeps, in bytes, until it is acknowledged.
	var buffer := 0

	func pack() -> String:
		var fields := {"v": 1, "buffer": buffer}
		fields.merge({"resume": token, "received": received} if resumes else {"token": token})
		return LayerMessage.of(LayerMessage.HELLO, JSON.stringify(fields)).pack()

	func size() -> int:
		return 0

	func tell(core: RefCounted, connection: RefCounted) -> void:
		core.greeted(connection, self)


## What a server answers.
class Welcome:
	extends RefCounted

	var token := ""
	## What the server knows the client by.
	var peer_id := 0
	## How many counted messages of the session it has received.
	var received := 0
	## Whether it is the session that was asked for; if not, it is a new one.
	var is_resumed := false
	## How long the session outlives its connection, in seconds.
	var timeout := 0.0
	## How much it keeps, in bytes, until it is acknowledged.
	var buffer := 0

	func pack() -> String:
		var fields := {
			"session": token,
			"id": peer_id,
			"received": received,
			"resumed": is_resumed,
			"ttl": timeout,
			"buffer": buffer,
		}
		return LayerMessage.of(LayerMessage.WELCOME, JSON.stringify(fields)).pack()

	func size() -> int:
		return 0

	func tell(core: RefCounted, connection: RefCounted) -> void:
		core.welcomed(connection, self)


## The server has agreed to the layer's subprotocol, as some do with whatever comes first, and does not speak it.
class NotLayered:
	extends RefCounted

	func size() -> int:
		return 0

	func tell(core: RefCounted, connection: RefCounted) -> void:
		core.not_layered(connection)


## What a session is known by and nobody can guess: 128 random bits in base64url.
static func new_token() -> String:
	var token := Marshalls.raw_to_base64(Crypto.new().generate_random_bytes(_TOKEN_SIZE))
	return token.rstrip("=").replace("+", "-").replace("/", "_")


static func is_token(text: String) -> bool:
	return _token.search(text) != null


## A Hello of a line; or one line that says what is wrong with it.
static func unpack_hello(line: String) -> Variant:
	var fields := _fields(line)
	var hello := Hello.new()
	var problem := "" if fields else "a greeting of the session layer that is no JSON object"
	hello.resumes = fields.has("resume")
	var token: Variant = fields.get("resume" if hello.resumes else "token", "")
	if not problem and not (token is String and _is_whole(fields.get("v")) and fields["v"] == 1):
		problem = "a hello of another version of the session layer"
	if not problem:
		problem = _read_numbers(fields, hello, {"received": &"received", "buffer": &"buffer"})
	if problem:
		return problem
	hello.token = token
	return hello


## A Welcome of a line; or one line that says what is wrong with it.
static func unpack_welcome(line: String) -> Variant:
	var fields := _fields(line)
	var welcome := Welcome.new()
	var problem := "" if fields else "a greeting of the session layer that is no JSON object"
	var token: Variant = fields.get("session")
	var timeout: Variant = fields.get("ttl", 0)
	if not problem and not (token is String and token and (timeout is float or timeout is int)):
		problem = "a welcome of the session layer without its session"
	if not problem:
		problem = _read_numbers(fields, welcome, {"id": &"peer_id", "received": &"received", "buffer": &"buffer"})
	if problem:
		return problem
	welcome.token = token
	welcome.timeout = timeout
	welcome.is_resumed = fields.get("resumed") is bool and fields["resumed"]
	return welcome


static func _fields(line: String) -> Dictionary:
	var json := JSON.new()
	return json.data if json.parse(line) == OK and json.data is Dictionary else {}


static func _read_numbers(fields: Dictionary, into: RefCounted, names: Dictionary) -> String:
	for name: String in names:
		var number: Variant = fields.get(name, 0)
		if not _is_whole(number):
			return 'a greeting of the session layer whose "%s" is no whole number' % name
		into.set(names[name] as StringName, int(number))
	return ""


## The engine reads each number of JSON as one with a fraction.
static func _is_whole(number: Variant) -> bool:
	if not (number is float or number is int):
		return false
	return number >= 0 and number <= LayerMessage.MOST and number == floorf(number)
