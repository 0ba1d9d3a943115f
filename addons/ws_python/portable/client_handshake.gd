## The client's side of the opening handshake (RFC 6455 section 4.1): one request, and what the answer says.
extends RefCounted

enum State { READING, ACCEPTED, FAILED }

const Quoting := preload("res://addons/ws_python/portable/quoting.gd")
const Utf8 := preload("res://addons/ws_python/portable/utf8.gd")
const Url := preload("res://addons/ws_python/portable/url.gd")

const _GUID := "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
const _MAX_HEAD := 16 * 1024
## Answers that come before the final one (RFC 9110 section 15.2).
const _MAX_INTERIM := 8
const _REMEDIES := {
	401: "give credentials in the URL or in handshake_headers (Authorization)",
	403: "check credentials and Origin in handshake_headers",
	404: "check the path of the URL",
}
const _NO_SERVER := "check that it is a WebSocket server"

static var _status_line := RegEx.create_from_string("^(HTTP/[0-9](?:\\.[0-9])?) ([1-9][0-9]{2})(?: (.*))?$")

var state := State.READING
var request := PackedByteArray()
var failure := ""
var may_pass := true
## See wire.gd.
var cause := "failed_improper_answer"
var status := 0
var retry_after := 0.0
var protocol := ""
## What came behind the answer.
var leftover := PackedByteArray()

var _key := ""
var _protocols: PackedStringArray
var _received := PackedByteArray()
var _headers: Array[PackedStringArray] = []
var _interim := 0


func _init(url: Url, protocols: PackedStringArray, headers: PackedStringArray) -> void:
	_protocols = protocols
	_key = Marshalls.raw_to_base64(Crypto.new().generate_random_bytes(16))
	var ours: Array[String] = [
		"Host: " + url.host_header(),
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: " + _key,
		"Sec-WebSocket-Version: 13",
		"User-Agent: ws_python",
	]
	if not protocols.is_empty():
		ours.append("Sec-WebSocket-Protocol: " + ", ".join(protocols))
	ours.append_array(Array(url.authorization()))
	# What the user writes replaces ours.
	var written := Array(headers).map(
		func(line: String) -> String: return line.get_slice(":", 0).strip_edges().to_lower()
	)
	var lines := PackedStringArray(["GET %s HTTP/1.1" % url.encoded_target()])
	for line: String in ours:
		if not line.get_slice(":", 0).to_lower() in written:
			lines.append(line)
	lines.append_array(headers)
	request = ("\r\n".join(lines) + "\r\n\r\n").to_utf8_buffer()


## Takes what the server sends.
func receive(data: PackedByteArray) -> void:
	_received.append_array(data)
	while state == State.READING:
		var text := _received.slice(0, _MAX_HEAD).get_string_from_ascii()
		var end := text.find("\r\n\r\n")
		if end < 0:
			_check_beginning(text)
			return
		leftover = _received.slice(end + 4)
		_read(text.left(end).split("\r\n"))


func is_unanswered() -> bool:
	return _received.is_empty()


## The server has ended the connection.
func receive_end() -> void:
	if state == State.READING:
		var line := _status_line.search(_received.get_string_from_ascii().get_slice("\r\n", 0))
		if line != null and line.get_string(2).to_int() >= 200:
			_refused(line)
		else:
			cause = "left_in_handshake"
			_fail("the server closed the connection during the opening handshake; %s" % _NO_SERVER)


func get_header(name: String) -> String:
	return ", ".join(_values(name))


## Fails as soon as it is seen that this is no answer: most that speak something else wait for us.
func _check_beginning(text: String) -> void:
	if text.begins_with("\u0015\u0003"):
		_fail("the server speaks TLS on this port; use a wss:// URL, not ws://", false)
	elif text and not text.begins_with("HTTP/".left(text.length())):
		var shown := Quoting.one_line(text.get_slice("\n", 0).strip_edges(), 80)
		_fail("the other side does not speak HTTP/1.1 (it says: %s); check host and port of the URL" % shown, false)
	elif _received.size() >= _MAX_HEAD:
		_fail("the server's answer is no proper opening handshake (it is too long); %s" % _NO_SERVER, false)


func _read(lines: PackedStringArray) -> void:
	var line := _status_line.search(lines[0])
	if line == null:
		_check_beginning(lines[0])
		if state == State.READING:
			_fail("the server's answer is no proper opening handshake; %s" % _NO_SERVER, false)
		return
	_headers.clear()
	for field: String in lines.slice(1):
		var colon := field.find(":")
		if colon > 0:
			_headers.append(PackedStringArray([field.left(colon).to_lower(), field.substr(colon + 1).strip_edges()]))
	var answered := line.get_string(2).to_int()
	if answered >= 200:
		_refused(line)
	elif answered == 101:
		status = answered
		_accept()
	else:
		_interim += 1
		_received = leftover
		if _interim > _MAX_INTERIM:
			_fail("the server's answer is no proper opening handshake; %s" % _NO_SERVER, false)


func _accept() -> void:
	var problem := ""
	protocol = get_header("Sec-WebSocket-Protocol")
	if get_header("Upgrade").to_lower() != "websocket" or not get_header("Connection").to_lower().contains("upgrade"):
		problem = "it does not upgrade"
	elif get_header("Sec-WebSocket-Accept") != _expected():
		problem = "Sec-WebSocket-Accept is wrong"
	elif get_header("Sec-WebSocket-Extensions"):
		problem = "extensions that it was not asked for"
	elif protocol and not _protocols.has(protocol):
		_fail("the server answers with what it was not asked for; check supported_protocols", false)
		return
	if problem:
		_fail("the server's answer is no proper opening handshake (%s); %s" % [problem, _NO_SERVER], false)
	else:
		state = State.ACCEPTED


func _expected() -> String:
	return Marshalls.raw_to_base64((_key + _GUID).sha1_buffer())


func _refused(line: RegExMatch) -> void:
	status = line.get_string(2).to_int()
	cause = "refused_by_status"
	may_pass = status >= 500 or status in [408, 429]
	var asked := get_header("Retry-After")
	if status in [503, 429] and asked.is_valid_int():
		retry_after = maxf(0.0, asked.to_float())
	var answer := "the server answered HTTP %d %s" % [status, Quoting.one_line(line.get_string(3), 40)]
	var shown := _first_line()
	var remedy: String = _REMEDIES.get(status, "try again later" if may_pass else _NO_SERVER)
	if shown.contains("subprotocol"):
		remedy = "set supported_protocols to what the server speaks"
	elif shown.contains("HTTPS"):
		remedy = "use a wss:// URL, not ws://"
	_fail("%s%s; %s" % [answer.strip_edges(), ": " + shown if shown else "", remedy], may_pass)


## What the body says, if it is meant for people.
func _first_line() -> String:
	var body: Variant = Utf8.decode(leftover.slice(0, 1000))
	var line := "" if body == null else str(body).strip_edges().get_slice("\n", 0).strip_edges()
	return "" if line.begins_with("<") else Quoting.one_line(line.rstrip(" .;"), 100)


func _fail(why: String, is_to_pass: bool = true) -> void:
	state = State.FAILED
	failure = why
	may_pass = is_to_pass


func _values(name: String) -> PackedStringArray:
	var found := PackedStringArray()
	for pair: PackedStringArray in _headers:
		if pair[0] == name.to_lower():
			found.append(pair[1])
	return found
