## A server's side of the opening handshake (RFC 6455 section 4.2): reads one request, and answers it. Knows no socket.
extends RefCounted

enum State { READING, READ, ACCEPTED, FAILED }

const Head := preload("res://addons/ws_python/portable/http_head.gd")
const LayerMessage := preload("res://addons/ws_python/portable/layer_message.gd")
const Quoting := preload("res://addons/ws_python/portable/quoting.gd")
const Status := preload("res://addons/ws_python/portable/http_status.gd")

const CLOSED_EARLY := "the connection was closed during the opening handshake"
const TLS_REQUEST := "it speaks TLS, which this port does not; use a ws:// URL, not wss://"

# RFC 6455 section 1.3.
const _GUID := "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
const _KEY_BYTES := 16
# How a TLS client begins (RFC 8446 section 5.1), and what it understands as an answer: the alert protocol_version.
const _TLS_HELLO: PackedByteArray = [0x16, 0x03]
const _TLS_ALERT: PackedByteArray = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]
# RFC 9110 section 15.5.22: what to upgrade to. Section 7.8: who sends Upgrade lists it in Connection, too.
const _UPGRADE: PackedStringArray = ["Upgrade: websocket", "Connection: Upgrade"]
const _NO_PAGE := (
	"This is a WebSocket server, not a web page. You need a WebSocket client, and a URL that begins with ws:// or "
	+ "wss://. A proxy in between has to speak HTTP/1.1 and pass on Upgrade and Connection."
)

var state := State.READING
## Why it failed, in one line.
var error := ""
## The HTTP status that was answered, 101 for success; 0 while and where there is none.
var status := 0
## Whether it was refused for what it is, and not by who was asked about it.
var is_improper := false
## What is to be sent.
var outgoing := PackedByteArray()
## What came behind the request, and belongs to the data phase.
var leftover := PackedByteArray()
## Path and query, as they came.
var target := ""
## Scheme, host and port of the URL that the client requested; "" until the request is read.
var site := ""
var is_secure := false
## Whether to agree to the session layer.
var takes_layer := false
## The user's part of what both sides agreed on, and whether the session layer is in it.
var subprotocol := ""
var has_layer := false

var _head := Head.new()
var _protocols: PackedStringArray
var _headers: PackedStringArray


func _init(protocols: PackedStringArray, headers: PackedStringArray) -> void:
	_protocols = protocols
	_headers = headers


## Whether it is asked for a WebSocket. What does not ask for one is answered by accept(), which looks closer.
func asks_for_a_websocket() -> bool:
	return Array(values("upgrade")).any(func(value: String) -> bool: return value.to_lower().contains("websocket"))


## The values of all headers of one name (in any case), in order.
func values(field: String) -> PackedStringArray:
	return _head.values(field.to_lower())


## All headers in order: name in lower case, value.
func fields() -> Array[PackedStringArray]:
	return _head.fields


## A proxy tells what the client has used: "ws" or "wss".
func requested_by(scheme: String) -> void:
	site = scheme + site.substr(site.find(":"))


## Takes bytes from the client.
func receive(data: PackedByteArray) -> void:
	if state == State.READ:
		leftover.append_array(data)
		if leftover.size() > Head.MAX_HEAD:
			_refuse_malformed(Status.BAD_REQUEST, "more than %d bytes behind the request" % Head.MAX_HEAD)
		return
	if state != State.READING:
		return
	var is_over := _head.feed(data)
	if _head.beginning(_TLS_HELLO.size()) == _TLS_HELLO:
		outgoing.append_array(_TLS_ALERT)
		fail(TLS_REQUEST)
	elif _head.status:
		_refuse_malformed(_head.status, _head.problem)
	elif is_over:
		leftover = _head.leftover
		target = _head.target
		# RFC 9112 section 3.2.2: what the absolute form says replaces Host.
		site = _head.absolute_site if _head.absolute_site else "%s://%s" % ["wss" if is_secure else "ws", _head.host]
		state = State.READ


## Whether nothing of a request has come.
func is_unasked() -> bool:
	return state == State.READING and _head.beginning(1).is_empty()


## The client closed the connection.
func receive_end() -> void:
	if state <= State.READ:
		fail(CLOSED_EARLY)


## Ends without an answer.
func fail(reason: String) -> void:
	state = State.FAILED
	error = reason


## Has accept() choose this subprotocol, which the client offers. Whether it is not too late for that.
func select(protocol: String) -> bool:
	if state != State.READ:
		return false
	_protocols = [protocol]
	return true


## The subprotocols that the client offers.
func offered() -> PackedStringArray:
	return _head.entries("sec-websocket-protocol")


## Answers the request that was read: with 101 if it is a proper handshake, else with the status that is due.
func accept() -> void:
	if state != State.READ or not _is_proper():
		return
	var key: String = values("sec-websocket-key")[0]
	var lines: PackedStringArray = [
		"HTTP/1.1 101 Switching Protocols",
		"Date: " + _date(),
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Accept: " + Marshalls.raw_to_base64((key + _GUID).sha1_buffer()),
	]
	if subprotocol:
		lines.append("Sec-WebSocket-Protocol: " + subprotocol)
		has_layer = LayerMessage.has_layer(subprotocol)
		subprotocol = LayerMessage.without_layer(subprotocol)
	lines.append_array(_headers)
	status = 101
	outgoing.append_array(_latin_1("\r\n".join(lines) + "\r\n\r\n"))
	state = State.ACCEPTED


## Answers with an HTTP error: `text` is its body, for the client; `reason`, or else `text`, is for our user.
func refuse(answer: int, text: String, headers: PackedStringArray = [], reason: String = "") -> void:
	if state > State.READ:
		return
	var body := (text + "\n").to_utf8_buffer()
	var has_content := answer != Status.NOT_MODIFIED  # RFC 9110 section 15.4.5
	var lines: PackedStringArray = ["HTTP/1.1 %d %s" % [answer, Status.phrase_of(answer)], "Date: " + _date()]
	if not headers.has("Connection: Upgrade"):
		lines.append("Connection: close")
	if has_content:
		lines.append("Content-Length: %d" % body.size())
		lines.append("Content-Type: text/plain; charset=utf-8")
	lines.append_array(headers)
	status = answer
	outgoing.append_array(_latin_1("\r\n".join(lines) + "\r\n\r\n"))
	if has_content and _head.method != "HEAD":  # RFC 9110 section 9.3.2
		outgoing.append_array(body)
	leftover = PackedByteArray()
	fail(reason if reason else text)


func _refuse_malformed(answer: int, why: String) -> void:
	var explained := Quoting.reason(
		"its request is no proper HTTP (", why, "); the fault is the client's, or a proxy's in between"
	)
	var headers := PackedStringArray()
	match answer:
		Status.VERSION_NOT_SUPPORTED:
			explained = (Quoting.reason(
				"it speaks ",
				why,
				(
					", not HTTP/1.1; if a proxy is in between, set that there (nginx: proxy_http_version 1.1, and "
					+ "pass on Upgrade and Connection)"
				)
			))
		Status.METHOD_NOT_ALLOWED:
			headers = ["Allow: GET"]
			explained = Quoting.reason(
				"its request is no proper opening handshake (unsupported HTTP method: ", why, "); use GET"
			)
		Status.URI_TOO_LONG, Status.HEADERS_TOO_LARGE:
			explained = Quoting.reason("its request is too long (", why, "); shorten the URL or the headers")
	_refuse_as_improper(
		answer, "Failed to open a WebSocket connection: %s." % Quoting.one_line(why, 100), headers, explained
	)


## RFC 6455 section 4.2.1, and section 4.2.2 for the status that is due where it is not.
func _is_proper() -> bool:
	if _head.method != "GET":
		_refuse_malformed(Status.METHOD_NOT_ALLOWED, _head.method)
	elif not _lists("connection", "upgrade"):
		_refuse_page(_described("Connection"))
	elif not _lists("upgrade", "websocket") or _head.entries("upgrade").size() != 1:
		_refuse_page(_described("Upgrade"))
	elif values("sec-websocket-version") != PackedStringArray(["13"]):  # Section 4.4.
		var headers := _UPGRADE + PackedStringArray(["Sec-WebSocket-Version: 13"])
		_refuse_improper(Status.UPGRADE_REQUIRED, _described("Sec-WebSocket-Version"), headers)
	elif not _has_key():
		_refuse_improper(Status.BAD_REQUEST, _described("Sec-WebSocket-Key"), [])
	else:
		return _negotiate()
	return false


## The first of ours that the client offers.
func _negotiate() -> bool:
	var offers := offered()
	if takes_layer:
		var layered := LayerMessage.with_layer(_protocols) if _protocols else LayerMessage.layered(_protocols)
		for protocol: String in layered:
			if protocol in offers:
				subprotocol = protocol
				return true
	if _protocols.is_empty():
		return true
	for protocol: String in _protocols:
		if protocol in offers:
			subprotocol = protocol
			return true
	var why := (
		"missing subprotocol" if offers.is_empty() else "invalid subprotocol; expected one of " + ", ".join(_protocols)
	)
	_refuse_as_improper(
		Status.BAD_REQUEST,
		"Failed to open a WebSocket connection: %s." % Quoting.one_line(why, 100),
		[],
		Quoting.reason("no common subprotocol (", why, "); have it offer one of supported_protocols")
	)
	return false


func _lists(field: String, entry: String) -> bool:
	return Array(_head.entries(field)).any(func(each: String) -> bool: return each.to_lower() == entry)


func _has_key() -> bool:
	var keys := values("sec-websocket-key")
	if keys.size() != 1 or keys[0].length() != 24 or not keys[0].ends_with("=="):
		return false
	return _is_base64(keys[0]) and Marshalls.base64_to_raw(keys[0]).size() == _KEY_BYTES


func _is_base64(text: String) -> bool:
	for character: String in text.left(-2):
		if not (character.is_valid_int() or character in "+/" or character.to_upper() != character.to_lower()):
			return false
		if character.unicode_at(0) > 127:
			return false
	return true


func _described(field: String) -> String:
	var found := values(field)
	return "missing %s header" % field if found.is_empty() else "invalid %s header: %s" % [field, ", ".join(found)]


func _refuse_page(why: String) -> void:
	var explained := Quoting.reason(
		"it asked for a page, not for a WebSocket (", why, "); use a WebSocket client and a ws:// URL"
	)
	_refuse_as_improper(Status.UPGRADE_REQUIRED, _NO_PAGE, _UPGRADE, explained)


func _refuse_improper(answer: int, why: String, headers: PackedStringArray) -> void:
	var explained := Quoting.reason(
		"its request is no proper opening handshake (", why, "); use a WebSocket client of version 13 (RFC 6455)"
	)
	_refuse_as_improper(
		answer, "Failed to open a WebSocket connection: %s." % Quoting.one_line(why, 100), headers, explained
	)


func _refuse_as_improper(answer: int, text: String, headers: PackedStringArray, reason: String) -> void:
	is_improper = true
	refuse(answer, text, headers, reason)


## RFC 9110 section 5.6.7.
func _date() -> String:
	var now := Time.get_datetime_dict_from_system(true)
	return (
		"%s, %02d %s %04d %02d:%02d:%02d GMT"
		% [
			["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][now["weekday"]],
			now["day"],
			["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][now["month"] - 1],
			now["year"],
			now["hour"],
			now["minute"],
			now["second"],
		]
	)


func _latin_1(text: String) -> PackedByteArray:
	var data := PackedByteArray()
	data.resize(text.length())
	for i: int in text.length():
		data[i] = text.unicode_at(i) & 0xff
	return data
