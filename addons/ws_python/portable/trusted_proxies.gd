## Trusted proxies: what a reverse proxy says in the request of the client that it passes on is believed; what a
## stranger says is not.
##
## X-Forwarded-For, X-Real-IP, Forwarded (RFC 7239). What a proxy found in a request it mostly leaves there and adds
## its own at the end: hence they are read from the right, and only as far as those who wrote them are trusted.
extends RefCounted

const Followed := preload("res://addons/ws_python/portable/followed.gd")
const IpAddress := preload("res://addons/ws_python/portable/ip_address.gd")
const Quoting := preload("res://addons/ws_python/portable/quoting.gd")
const Status := preload("res://addons/ws_python/portable/http_status.gd")

# The entry for all who come through a Unix socket, which nobody does here.
const _UNIX := "unix:"
# As many proxies are gone through; a request may list thousands.
const _MOST_HOPS := 32
const _SCHEMES := {"https": "wss", "wss": "wss", "http": "ws", "ws": "ws"}
const _CONTRADICTION := (
	"The headers of the proxy contradict one another (Forwarded, X-Forwarded-For, X-Real-IP); have it set one of them, "
	+ "and remove the others that clients send."
)
const _MALFORMED := "The Forwarded header is malformed (RFC 7239); have the proxy remove what clients send."

# RFC 7239 section 4: one pair, and what ends it: ";" before another one of the same hop, "," before the next hop.
static var _pair := RegEx.create_from_string(
	'\\G[ \\t]*(?:([-!#$%&\'*+.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s",;]*)))?[ \\t]*([;,]|$)'
)
static var _escape := RegEx.create_from_string("\\\\(.)")

var _core: Object
var _networks: Followed


func _init(core: Object) -> void:
	_core = core
	var node: Object = core.node
	_networks = Followed.new(func() -> PackedStringArray: return node.trusted_proxies, _parse)


## The server is about to listen: what is wrong; "" for nothing.
func begin() -> String:
	return _networks.begin()


## Finds who the client is where a proxy passes it on. How to refuse its request; [] for nothing against it.
func admit(connection: RefCounted) -> Array:
	var networks: Array = _networks.current()
	if networks.is_empty() or not _hold(networks, connection.host):
		return []
	var proxy := {"host": connection.host, "port": connection.port, "scheme": ""}
	var client: Variant = _find_client(connection.handshake, proxy, networks)
	if client is String:
		_core.statistics.count("refused_contradictory_proxy_headers")
		return [Status.BAD_REQUEST, client]
	connection.host = client["host"]
	connection.port = client["port"]
	if client["scheme"]:
		connection.handshake.requested_by(client["scheme"])
	return []


static func _parse(lines: PackedStringArray) -> Array:
	var networks: Array = []
	for line: String in lines:
		var network: Array = [] if line == _UNIX else IpAddress.parse_network(line)
		if network.is_empty() and line != _UNIX:
			var shown := Quoting.one_line(line, 100)
			var is_address := not IpAddress.parse(line.get_slice("/", 0)).is_empty() and line.count("/") == 1
			var why := "has bits behind its prefix, or no such prefix" if is_address else "is no address"
			var advice := "use IP addresses, networks like 10.0.0.0/8, or %s" % _UNIX
			return [null, 'trusted_proxies: "%s" %s; %s' % [shown, why, advice]]
		networks.append(network)
	return [networks, ""]


func _hold(networks: Array, host: String) -> bool:
	var bytes := IpAddress.parse(host)
	if bytes.is_empty():
		return false
	for network: Array in networks:
		if network and IpAddress.masked(bytes, network[1]) == network[0]:
			return true
	return false


## Whom the headers that a trusted proxy has sent tell of; a String with what is wrong where they do not agree.
func _find_client(handshake: RefCounted, proxy: Dictionary, networks: Array) -> Variant:
	var found: Array[Dictionary] = []
	var forwarded: PackedStringArray = handshake.values("forwarded")
	if forwarded:
		var hops: Array = []
		for line: String in forwarded:
			if not _take_forwarded(line, hops):
				return _MALFORMED
		found.append(_outermost(proxy, hops, networks))
	var lines: PackedStringArray = handshake.values("x-forwarded-for")
	if lines:
		# RFC 9110 section 5.6.1.2: empty entries of a list are none.
		var entries := Array(",".join(lines).split(",")).filter(
			func(entry: String) -> bool: return entry.strip_edges() != ""
		)
		found.append(_outermost(proxy, entries.map(_hop), networks))
	# It is overwritten by each proxy, which may have had another one before it.
	for line: String in handshake.values("x-real-ip"):
		var hop := _hop(line)
		if hop and (found.is_empty() or not _hold(networks, hop["host"])):
			found.append(hop)
	var client: Dictionary = proxy.duplicate() if found.is_empty() else found[0]
	for other: Dictionary in found:
		if other["host"] != client["host"]:
			return _CONTRADICTION
	var schemes: PackedStringArray = handshake.values("x-forwarded-proto")
	if not client["scheme"] and schemes:
		client["scheme"] = _SCHEMES.get(schemes[0].get_slice(",", 0).strip_edges().to_lower(), "")
	return client


## Who is the first, from the right, that is no trusted proxy; the last that is known where that ends.
func _outermost(proxy: Dictionary, hops: Array, networks: Array) -> Dictionary:
	var client := proxy.duplicate()
	for i: int in range(hops.size() - 1, maxi(-1, hops.size() - 1 - _MOST_HOPS), -1):
		var hop: Dictionary = hops[i]
		if hop.is_empty():
			break
		client = hop
		if not _hold(networks, hop["host"]):
			break
	return client


## Adds the hops of a Forwarded header, {} for what has no address. False if it is malformed: a quote that a client
## began might swallow what the proxy has added.
func _take_forwarded(line: String, hops: Array) -> bool:
	var pairs := {}
	var at := 0
	var end := ","
	while at < line.length() or end:
		var found := _pair.search(line, at)
		if found == null or found.get_start() != at:
			return false
		if found.get_string(1):
			var value := found.get_string(3) if found.get_start(2) < 0 else _escape.sub(found.get_string(2), "$1", true)
			pairs[found.get_string(1).to_lower()] = value
		end = found.get_string(4)
		if end != ";" and pairs:
			var hop := _hop(pairs.get("for", ""))
			if hop:
				hop["scheme"] = _SCHEMES.get((pairs.get("proto", "") as String).to_lower(), "")
			hops.append(hop)
			pairs = {}
		at = found.get_end()
	return true


## RFC 7239 section 6: an IP address, perhaps with a port, IPv6 then in brackets. {}: "unknown" and the like.
func _hop(entry: String) -> Dictionary:
	var text := entry.strip_edges()
	var host := text
	var port := ""
	if text.begins_with("["):
		host = text.get_slice("]", 0).substr(1)
		port = text.get_slice("]", 1).trim_prefix(":")
	elif text.count(":") == 1:
		host = text.get_slice(":", 0)
		port = text.get_slice(":", 1)
	if IpAddress.parse(host).is_empty():
		return {}
	var number := port.to_int() if port.is_valid_int() and port.length() <= 5 else 0
	return {"host": host, "port": clampi(number, 0, 65535), "scheme": ""}
