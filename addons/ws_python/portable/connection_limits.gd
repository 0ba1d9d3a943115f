## Limits of connections to a server: how many there may be, from one address, and in the opening handshake.
extends RefCounted

const Handshake := preload("res://addons/ws_python/portable/server_handshake.gd")
const IpAddress := preload("res://addons/ws_python/portable/ip_address.gd")
const Status := preload("res://addons/ws_python/portable/http_status.gd")

# Refused connections that may wait for their end at the same time: who is refused is given time to read why.
const _MOST_REFUSED := 256
# Handshakes beyond the limit that may have begun in one poll: those, too, are to be read before anybody is called slow.
const _MOST_NEW := 64
const _TOO_LONG: Dictionary[int, String] = {
	Status.URI_TOO_LONG: "refused_uri_too_long",
	Status.HEADERS_TOO_LARGE: "refused_header_fields_too_large",
}
# Of a request that was refused for what it is: by the status that it was answered with.
const _IMPROPER: Dictionary[int, String] = {
	Status.BAD_REQUEST: "refused_bad_request",
	Status.METHOD_NOT_ALLOWED: "refused_method_not_allowed",
	Status.UPGRADE_REQUIRED: "refused_upgrade_required",
	Status.VERSION_NOT_SUPPORTED: "refused_http_version",
}
# What ends one without an HTTP answer.
const _UNANSWERED: Dictionary[String, String] = {
	Handshake.TLS_REQUEST: "refused_tls_hello",
	Handshake.CLOSED_EARLY: "left_in_handshake",
}

var _core: Object
# Of the TCP connections that are there, until they are gone: whose they are; and how many of each.
var _networks: Dictionary[RefCounted, String] = {}
var _counts: Dictionary[String, int] = {}
# In the opening handshake: those whose request is not read, with the poll in which they came, the slowest one first;
# and those that have asked.
var _unread: Dictionary[RefCounted, int] = {}
var _asked: Dictionary[RefCounted, bool] = {}
# Not counted with the others.
var _refused: Dictionary[RefCounted, bool] = {}


func _init(core: Object) -> void:
	_core = core


## Somebody has connected; nothing but the address is known. How to refuse at once; [] for not.
func accepted(connection: RefCounted) -> Array:
	var node: Object = _core.node
	var network := IpAddress.network_of(connection.host)
	var count := _too_many_of(network)
	if 0 < node.max_connections and node.max_connections <= _networks.size():
		return _refuse_at_once(connection, "max_connections", _networks.size())
	if count:
		return _refuse_at_once(connection, "max_connections_per_address", count)
	if 0 < node.max_pending_handshakes and node.max_pending_handshakes <= _pending() and not _make_room():
		return _refuse_at_once(connection, "max_pending_handshakes", _pending())
	_networks[connection] = network
	_counts[network] = _counts.get(network, 0) + 1
	_unread[connection] = _core.polls
	return []


## The request is read, and may have told, by a proxy that is trusted, from where it really comes.
func admit(connection: RefCounted) -> Array:
	if _unread.erase(connection):
		_asked[connection] = true
	var network := IpAddress.network_of(connection.host)
	if not _networks.has(connection) or _networks[connection] == network:
		return []
	var count := _too_many_of(network)
	if count:
		return _refuse(connection, "max_connections_per_address", count)
	_uncount(_networks[connection])
	_networks[connection] = network
	_counts[network] = _counts.get(network, 0) + 1
	return []


## The opening handshake has failed: counts why, unless who refused it has done so.
func failed(connection: RefCounted) -> void:
	end_handshake(connection)
	var handshake: Handshake = connection.handshake
	var statistics: RefCounted = _core.statistics
	if _TOO_LONG.has(handshake.status):
		statistics.count(_TOO_LONG[handshake.status])
		_core.warn(connection.who(), "the request is too long: %s" % connection.failure)
	elif handshake.is_improper:
		statistics.count(_IMPROPER[handshake.status])
	elif handshake.status:
		pass
	elif _UNANSWERED.has(handshake.error):
		statistics.count(_UNANSWERED[handshake.error])
	elif connection.has_timed_out:
		statistics.count("refused_handshake_timeout")
		_core.warn(connection.who(), "no whole request within handshake_timeout, %s s" % _core.node.handshake_timeout)


## The opening handshake is over, well or not.
func end_handshake(connection: RefCounted) -> void:
	_unread.erase(connection)
	_asked.erase(connection)


## The connection is gone.
func forget(connection: RefCounted) -> void:
	end_handshake(connection)
	_refused.erase(connection)
	if _networks.has(connection):
		_uncount(_networks[connection])
		_networks.erase(connection)


func _uncount(network: String) -> void:
	_counts[network] -= 1
	if _counts[network] == 0:
		_counts.erase(network)


func _pending() -> int:
	return _unread.size() + _asked.size()


## How many there are of a network that is to have no more; 0 for one that may.
func _too_many_of(network: String) -> int:
	var limit: int = _core.node.max_connections_per_address
	var count: int = _counts.get(network, 0)
	return count if network and 0 < limit and limit <= count else 0


## It is to be answered, and then to end. Of too many, the first one goes at once.
func _refuse_at_once(connection: RefCounted, name: String, count: int) -> Array:
	_refused[connection] = true
	if _refused.size() > _MOST_REFUSED:
		(_refused.keys()[0] as RefCounted).drop()
	return _refuse(connection, name, count)


func _refuse(connection: RefCounted, name: String, count: int) -> Array:
	_core.statistics.count("refused_" + name)
	_core.warn(connection.host, "refused with HTTP 503: there are %d, %s is %d" % [count, name, _core.node.get(name)])
	return [
		Status.SERVICE_UNAVAILABLE,
		"Too many connections (%s); try again later." % name,
		PackedStringArray(),
		"Too many connections (%s); try again later." % name
	]


## Makes room for another handshake. False if there is none, and nobody is slow: all wait for this server.
func _make_room() -> bool:
	var limit: int = _core.node.max_pending_handshakes
	if _unread.is_empty():
		return false
	var slowest: RefCounted = _unread.keys()[0]
	if not slowest.is_opening():
		_unread.erase(slowest)  # Its end is still to be told.
		return true
	if _unread[slowest] == _core.polls:  # Nobody has asked yet what it says.
		return _pending() < limit + _MOST_NEW
	slowest.answer(_refuse(slowest, "max_pending_handshakes", _pending()))
	slowest.flush()
	slowest.drop()  # It had its time.
	return true
