## The head of an HTTP/1.1 request (RFC 9112): collected within bounds, and taken apart.
extends RefCounted

const Status := preload("res://addons/ws_python/portable/http_status.gd")

## The most bytes of a head: the first line, all header lines, and the empty line that ends it.
const MAX_HEAD := 16 * 1024
const _MAX_LINE := 8192
const _MAX_LINES := 128
# The most entries of one header that lists some, and the most parameters, and escapes in them, of all its entries.
const _MAX_LIST_ENTRIES := 32
const _MAX_PARAMETERS := 64
const _LISTS: PackedStringArray = ["connection", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions"]
# RFC 3986 section 3.2.2, not empty (RFC 9110 section 4.2.1), and RFC 6874 for the zone.
const _HOST := (
	"^(?:(?:[-A-Za-z0-9._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})++"
	+ "|\\[([0-9A-Fa-f:.]++)(?:%25[-A-Za-z0-9._~]++)?\\])(?::([0-9]{0,5}))?$"
)
const _CR := 0x0d
const _LF := 0x0a

static var _request_line := RegEx.create_from_string("^([-!#$%&'*+.^_`|~0-9A-Za-z]++) ([^ ]*+) HTTP/([0-9])\\.([0-9])$")
# RFC 3986, and what browsers send all the same, as the URL Standard has it: []{}|^`\ and a "%" that encodes nothing.
static var _origin_form := RegEx.create_from_string("^/[!$-;=?-~]*$")
static var _absolute_form := RegEx.create_from_string("(?i)^(ws|wss|http|https)://([^/?#]*)([^#]*)$")
static var _host := RegEx.create_from_string(_HOST)
static var _token := RegEx.create_from_string("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
static var _field_value := RegEx.create_from_string("^[\\t\\x20-\\x7e\\x{80}-\\x{ff}]*$")

## What is wrong, and the status to answer; 0 for nothing.
var status := 0
var problem := ""
var method := ""
## Path and query, as they came.
var target := ""
## Scheme and authority of the absolute form (section 3.2.2); "" if the client gave a path only.
var absolute_site := ""
## The one valid Host header.
var host := ""
## All headers in order: name in lower case, value.
var fields: Array[PackedStringArray] = []
## What came behind the head.
var leftover := PackedByteArray()

var _received := PackedByteArray()
# Up to where lines were looked at, and where the next one begins.
var _seen := 0
var _line_begin := 0
var _lines := PackedStringArray()


## The first bytes that came, at most `size`.
func beginning(size: int) -> PackedByteArray:
	return _received.slice(0, size)


## Takes a piece. True when the head is whole, or wrong: see `status`. After that, feed nothing more.
func feed(data: PackedByteArray) -> bool:
	_received.append_array(data)
	while status == 0:
		var end := _received.find(_LF, _seen)
		if end < 0 or end >= MAX_HEAD:
			break
		if end == 0 or _received[end - 1] != _CR:
			_wrong(Status.BAD_REQUEST, "a line feed without a carriage return")
			return true
		_seen = end + 1
		var line := _received.slice(_line_begin, end - 1)
		_line_begin = _seen
		if line.is_empty() and not _lines.is_empty():
			leftover = _received.slice(_seen)
			_received = PackedByteArray()
			_take_apart()
			return true
		_take_line(line)
	if status == 0 and _received.size() >= MAX_HEAD:
		_wrong(Status.URI_TOO_LONG if _lines.is_empty() else Status.HEADERS_TOO_LARGE, "more than %d bytes" % MAX_HEAD)
	elif status == 0:
		_seen = _received.size()
	return status != 0


func _take_line(line: PackedByteArray) -> void:
	if line.has(0):
		_wrong(Status.BAD_REQUEST, "a NUL byte")
	elif line.has(_CR):
		_wrong(Status.BAD_REQUEST, "a carriage return without a line feed")
	elif line.size() > _MAX_LINE:
		var is_first := _lines.is_empty()
		_wrong(
			Status.URI_TOO_LONG if is_first else Status.HEADERS_TOO_LARGE, "a line of more than %d bytes" % _MAX_LINE
		)
	elif _lines.size() > _MAX_LINES:
		_wrong(Status.HEADERS_TOO_LARGE, "too many HTTP headers")
	else:
		_lines.append(line.get_string_from_ascii())  # Latin-1, as RFC 9110 section 5.5 has it.
		if _lines.size() == 1:
			_take_request_line(_lines[0])


## RFC 9112 section 3.
func _take_request_line(line: String) -> void:
	var found := _request_line.search(line)
	if found == null:
		_wrong(Status.BAD_REQUEST, "the first line is no request line")
		return
	method = found.get_string(1)
	var text := found.get_string(2)
	var version := "HTTP/%s.%s" % [found.get_string(3), found.get_string(4)]
	if version != "HTTP/1.1":
		_wrong(Status.VERSION_NOT_SUPPORTED, version)
	elif not method in ["GET", "HEAD"]:
		_wrong(Status.METHOD_NOT_ALLOWED, method)
	elif _origin_form.search(text) != null:
		target = text
	else:
		_take_absolute(_absolute_form.search(text))


func _take_absolute(found: RegExMatch) -> void:
	if found != null:
		var path := found.get_string(3)
		path = path if path.begins_with("/") else "/" + path
		# Its user information would be there to deceive (RFC 9110 section 4.2.4); no host has an "@".
		if is_host(found.get_string(2)) and _origin_form.search(path) != null:
			var is_secure := found.get_string(1).to_lower() in ["wss", "https"]
			absolute_site = "%s://%s" % ["wss" if is_secure else "ws", found.get_string(2)]
			target = path
			return
	_wrong(Status.BAD_REQUEST, "the request target is no path and no URL")


func _take_apart() -> void:
	for line: String in _lines.slice(1):
		var colon := line.find(":")
		var field := line.left(maxi(colon, 0))
		var value := line.substr(colon + 1).lstrip(" \t").rstrip(" \t")
		if not is_token(field) or _field_value.search(value) == null:
			_wrong(Status.BAD_REQUEST, "invalid HTTP header line")
			return
		fields.append(PackedStringArray([field.to_lower(), value]))
	_lines.clear()
	if not values("transfer-encoding").is_empty():
		_wrong(Status.BAD_REQUEST, "transfer codings aren't supported")
	elif values("content-length").size() != values("content-length").count("0"):
		_wrong(Status.BAD_REQUEST, "unsupported request body")
	else:
		_check_lists()
		_check_host()


func _check_lists() -> void:
	for field: String in _LISTS:
		var joined := ",".join(values(field))
		if joined.count(",") >= _MAX_LIST_ENTRIES:
			_wrong(Status.BAD_REQUEST, "%s lists more than %d entries" % [field, _MAX_LIST_ENTRIES])
		elif joined.count(";") + joined.count("\\") > _MAX_PARAMETERS:
			_wrong(Status.BAD_REQUEST, "%s has more than %d parameters and escapes" % [field, _MAX_PARAMETERS])


## RFC 9112 section 3.2.
func _check_host() -> void:
	var hosts := values("host")
	if hosts.size() != 1:
		_wrong(
			Status.BAD_REQUEST, "%s Host headers, where there has to be one" % (str(hosts.size()) if hosts else "no")
		)
	elif not is_host(hosts[0]):
		_wrong(Status.BAD_REQUEST, "the Host header is no host")
	else:
		host = hosts[0]


func _wrong(answer: int, what: String) -> void:
	if status == 0:
		status = answer
		problem = what


## The values of all headers of one name (in lower case), in order.
func values(field: String) -> PackedStringArray:
	var found := PackedStringArray()
	for pair: PackedStringArray in fields:
		if pair[0] == field:
			found.append(pair[1])
	return found


## The entries of a header that is a list (RFC 9110 section 5.6.1), empty ones left out.
func entries(field: String) -> PackedStringArray:
	var found := PackedStringArray()
	for entry: String in ",".join(values(field)).split(",", false):
		if entry.strip_edges():
			found.append(entry.strip_edges())
	return found


## RFC 9110 section 5.6.2.
static func is_token(text: String) -> bool:
	return _token.search(text) != null


## Whether a header may have this value.
static func is_value(text: String) -> bool:
	return _field_value.search(text) != null


## A host as a Host header has it, with its port or without.
static func is_host(text: String) -> bool:
	var found := _host.search(text)
	if found == null or found.get_string(2).to_int() > 65535:
		return false
	return not found.get_string(1) or found.get_string(1).is_valid_ip_address()
