## Origins (RFC 6454): the pages of which sites may connect, and that no stranger's page uses a server of this machine.
##
## A browser lets any page connect anywhere, to the machine that it runs on, too, and tells the server in Origin whose
## page it is. What is no browser sends no Origin, and is let in: it could say what it likes.
extends RefCounted

const Followed := preload("res://addons/ws_python/portable/followed.gd")
const IpAddress := preload("res://addons/ws_python/portable/ip_address.gd")
const Quoting := preload("res://addons/ws_python/portable/quoting.gd")
const Status := preload("res://addons/ws_python/portable/http_status.gd")

const _ANY := "*"
const _OTHERS: PackedStringArray = ["null", "file://"]
const _DEFAULT_PORTS := {"http": 80, "https": 443, "ws": 80, "wss": 443}
# No name is longer (RFC 1035), and what is longer is not looked at.
const _LONGEST := 300
const _SHOWN := 80
const _NOT_LISTED := "; if it is yours, list it in allowed_origins"
const _NOT_LOCAL := "; by a loopback address only pages of this machine may connect. If it is yours, list it in %s"

static var _site := RegEx.create_from_string(
	"^([A-Za-z][-+.A-Za-z0-9]*)://(\\*\\.)?(\\[[0-9A-Fa-f:.]+\\]|[^\\s\\[\\]:/?#@\\\\*%]+)(?::([0-9]{1,5}))?/?$"
)

var _core: Object
var _allowed: Followed


func _init(core: Object) -> void:
	_core = core
	var node: Object = core.node
	_allowed = Followed.new(func() -> PackedStringArray: return node.allowed_origins, _parse_allowed)


## The server is about to listen: what is wrong with its list; "" for nothing.
func begin() -> String:
	return _allowed.begin()


## How to refuse the request of a connection; [] for nothing against it.
func admit(connection: RefCounted) -> Array:
	var origins: PackedStringArray = connection.handshake.values("origin")
	if origins.is_empty():
		return []
	# Of two, which no browser sends, it is anybody's guess which one counts.
	var origin := origins[0] if origins.size() == 1 else ""
	var allowed: Array[Dictionary] = _allowed.current()
	if not allowed.is_empty():
		return [] if _is_allowed(origin, allowed) else _refused(origin, _NOT_LISTED)
	var is_local := IpAddress.is_of_this_machine(connection.host)
	if is_local and not (_is_local(origin) and _is_local(connection.handshake.site)):
		return _refused(origin, _NOT_LOCAL % "allowed_origins")
	return []


func _refused(origin: String, why: String) -> Array:
	_core.statistics.count("refused_origin")
	var told := Quoting.reason('a page of "', origin, '" was refused' + why)
	if _core.is_new(told):
		push_error(told)
	return [Status.FORBIDDEN, "Pages of this site may not connect here.", PackedStringArray(), told]


func _is_allowed(origin: String, allowed: Array[Dictionary]) -> bool:
	var site := _sent(origin)
	for listed: Dictionary in allowed:
		if listed["text"] == _ANY or (listed["text"] in _OTHERS and listed["text"] == origin):
			return true
		if site and listed["host"] and _covers(listed, site):
			return true
	return false


## With a wildcard it stands for all subdomains of its host.
func _covers(listed: Dictionary, site: Dictionary) -> bool:
	if listed["scheme"] != site["scheme"] or listed["port"] != site["port"]:
		return false
	if listed["is_wildcard"]:
		return (site["host"] as String).ends_with("." + listed["host"])
	return listed["host"] == site["host"]


func _is_local(origin: String) -> bool:
	if origin == "file://":
		return true  # No site can be that; the user has opened a file.
	var site := _sent(origin)
	if site.is_empty():
		return false
	# By whatever name nobody else can have (RFC 6761 section 6.3).
	var host: String = site["host"]
	return host == "localhost" or host.ends_with(".localhost") or IpAddress.is_of_this_machine(host)


## An origin that came from outside: of browsers ASCII, and no wildcard.
func _sent(origin: String) -> Dictionary:
	return {} if _ANY in origin else parse_site(origin)


static func _parse_allowed(lines: PackedStringArray) -> Array:
	var allowed: Array[Dictionary] = []
	for line: String in lines:
		var site := parse_site(line)
		if line == _ANY or line in _OTHERS:
			site = {"host": ""}
		elif site.is_empty():
			var shown := Quoting.one_line(line, _SHOWN)
			return [null, 'allowed_origins: "%s" is no origin; write it like "https://example.com"' % shown]
		site["text"] = line
		allowed.append(site)
	return [allowed, ""]


## An origin, or a scheme, "://" and a Host header, in its one form: lower case, without a dot at the end of the host,
## the port always there (0 where the scheme is not known). {} for what is none.
static func parse_site(text: String) -> Dictionary:
	var found := _site.search(text) if text.length() <= _LONGEST else null
	if found == null or found.get_string(4).to_int() > 65535:
		return {}
	var scheme := found.get_string(1).to_lower()
	var host := found.get_string(3).to_lower()
	if host.begins_with("["):
		var bytes := IpAddress.parse(host.substr(1, host.length() - 2))
		if bytes.is_empty():
			return {}
		# One form for one address, which an IPv4 one in brackets is not.
		host = "::1" if bytes == IpAddress.parse("::1") else "[%s]" % bytes.hex_encode()
	elif not _is_name(host):
		return {}
	var port: int = found.get_string(4).to_int() if found.get_string(4) else _DEFAULT_PORTS.get(scheme, 0)
	return {"scheme": scheme, "host": host.trim_suffix("."), "port": port, "is_wildcard": found.get_string(2) != ""}


static func _is_name(host: String) -> bool:
	for label: String in host.trim_suffix(".").split("."):
		if label.is_empty() or label.length() > 63:
			return false
	for character: String in host:
		if character.unicode_at(0) > 126:
			return false
	return true
