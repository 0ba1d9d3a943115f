## What a WebSocketClient does: connects, delivers what the server sends, and connects again if it is told to.
extends "res://addons/ws_python/portable/core.gd"

const BrowserWire := preload("res://addons/ws_python/portable/browser_wire.gd")
const ClientMembers := preload("res://addons/ws_python/portable/members/client.gd")
const Multiplayer := preload("res://addons/ws_python/portable/multiplayer_client.gd")
const Reconnect := preload("res://addons/ws_python/portable/reconnect.gd")
const Settings := preload("res://addons/ws_python/portable/handshake_settings.gd")
const SocketWire := preload("res://addons/ws_python/portable/socket_wire.gd")
const Url := preload("res://addons/ws_python/portable/url.gd")

var status: ClientMembers.Status = ClientMembers.STATUS_IDLE
var connection: Connection
## What plays over it; null as long as nobody has asked for that.
var multiplayer: Multiplayer
var url := Url.new("ws://localhost")

var _client: ClientMembers
var _tls_options: TLSOptions
var _reconnect := Reconnect.new(self)
var _watch := ConnectionWatch.new(self)
# While `connection_closed` is told, the connection that it is told of: by then there may be another one.
var _told_of: Connection


func _init(of_node: ClientMembers) -> void:
	super(of_node)
	_client = of_node


func begin() -> void:
	if _client.autoconnect and status == ClientMembers.STATUS_IDLE:
		connect_to_url(_client.url, null)


func open_connections() -> Array[RefCounted]:
	var open: Array[RefCounted] = []
	if connection != null and connection.is_open():
		open.append(connection)
	return open


## The connection that get_close_code() is about.
func told() -> Connection:
	return _told_of if _told_of != null else connection


# --- opening and closing


func connect_to_url(to: String, tls_options: TLSOptions) -> Error:
	if refuses("connect_to_url"):
		return ERR_UNAVAILABLE
	if status != ClientMembers.STATUS_IDLE:
		push_error("connect_to_url: the client is in use; call close() and wait for connection_closed first")
		return ERR_ALREADY_IN_USE
	var target := Url.new(to)
	var error := _check(target, tls_options)
	if error:
		return error
	url = target
	_tls_options = tls_options
	_reconnect.stop()
	statistics.connects()
	_start_connecting()
	_set_status(ClientMembers.STATUS_CONNECTING)
	return OK


func _check(target: Url, tls_options: TLSOptions) -> Error:
	if target.is_unix():
		return Checks.unavailable("connect_to_url", "it has no Unix sockets; use a ws:// or wss:// URL")
	if target.problem:
		push_error("connect_to_url: %s" % target.problem)
		return ERR_INVALID_PARAMETER
	if _client.proxy not in ["", "none"]:
		return Checks.unavailable("connect_to_url", "it goes through no proxy; empty the property `proxy`")
	var problem := _settings_problem()
	if problem:
		push_error("connect_to_url: %s" % problem)
		return ERR_INVALID_PARAMETER
	if target.is_secure:
		return _check_tls(tls_options if tls_options else _client.tls_options)
	return OK


func _settings_problem() -> String:
	var problem := Settings.headers_problem(_client.handshake_headers)
	return problem if problem else Settings.protocols_problem(_client.supported_protocols)


func _check_tls(options: TLSOptions) -> Error:
	if options != null and options.is_server():
		push_error("connect_to_url: tls_options are a server's; use TLSOptions.client()")
		return ERR_INVALID_PARAMETER
	if _client.tls_certificate and options == null:
		return Checks.unavailable("connect_to_url", "a client shows no certificate; empty `tls_certificate`")
	if _client.tls_trusted_ca and options == null and not Checks.is_web():
		return OK if _trusted() != null else ERR_FILE_CANT_OPEN
	return OK


## The authorities of `tls_trusted_ca`; null, after saying why, where they cannot be read.
func _trusted() -> X509Certificate:
	var certificate := X509Certificate.new()
	var text := FileAccess.get_file_as_string(_client.tls_trusted_ca)
	if text and certificate.load_from_string(text) == OK:
		return certificate
	push_error('connect_to_url: "%s" holds no PEM ("-----BEGIN ...")' % _client.tls_trusted_ca)
	return null


func _start_connecting() -> void:
	statistics.happened("connections_tried")
	var wire: RefCounted = BrowserWire.new() if Checks.is_web() else SocketWire.new()
	wire.connect_to(url, _client, _options())
	connection = Connection.new(self, wire, _client.connect_timeout)


func _options() -> TLSOptions:
	if not url.is_secure:
		return null
	var options := _tls_options if _tls_options else _client.tls_options
	if options == null and _client.tls_trusted_ca and not Checks.is_web():
		options = TLSOptions.client(_trusted())
	return options


func close(code: int, reason: String) -> Error:
	if Checks.is_elsewhere("close"):
		return ERR_UNAVAILABLE
	var error := Checks.check_close(code, reason)
	if error:
		return error
	if status == ClientMembers.STATUS_ACTIVE:
		connection.close(code, reason)
		_set_status(ClientMembers.STATUS_CLOSING)
	elif status in [ClientMembers.STATUS_CONNECTING, ClientMembers.STATUS_RECONNECTING]:
		_leave(code, reason)
		_set_status(ClientMembers.STATUS_IDLE)
	return OK


func end_all() -> void:
	_leave(1001, "")
	multiplayer = null
	status = ClientMembers.STATUS_IDLE
	_watch = null  # It holds this.


## Leaves whatever connection or attempt there is to itself.
func _leave(code: int, reason: String) -> void:
	_reconnect.stop()
	statistics.gave_up(true)
	if connection != null:
		var was_open := connection.is_open()
		connection.abandon(code, reason)
		if was_open:
			statistics.closed(connection.close_code, connection.meter)


func _set_status(value: ClientMembers.Status) -> void:
	note_status()
	status = value
	if multiplayer != null:
		multiplayer.note_status(value)
	_client.status_changed.emit(value)


func note_opened(of: Connection) -> void:
	of.watched = ConnectionWatch.Watched.new(now)


# --- multiplayer


func get_multiplayer_peer() -> Multiplayer:
	if multiplayer == null:
		multiplayer = Multiplayer.new()
		multiplayer.node = _client
		if status == ClientMembers.STATUS_ACTIVE:
			push_error(
				(
					"get_multiplayer_peer: the client is connected already, and not as a player; call it before"
					+ " connect_to_url()"
				)
			)
	multiplayer.is_closed = false
	return multiplayer


# --- polling


func poll_network(until: int) -> void:
	if status == ClientMembers.STATUS_RECONNECTING and now >= _reconnect.next_attempt:
		_reconnect.begin_attempt()
		var problem := _settings_problem()
		if problem:
			# The properties were changed since the last attempt.
			connection.wire.may_pass = false
			put(Connection.Event.FAILED, connection, problem)
			return
		_start_connecting()
	if connection != null:
		connection.poll(now, until)
		_watch.look(now, open_connections())


func tell(kind: Connection.Event, of: RefCounted, payload: Variant) -> void:
	match kind:
		Connection.Event.OPENED:
			_opened(of)
		Connection.Event.FAILED:
			_failed(of, payload)
		Connection.Event.MESSAGE:
			var passed: Variant = supervised([], payload)
			if passed == null or not is_alive() or of.is_ignored:
				return
			if multiplayer == null or not multiplayer.takes(of, passed):
				_client.message_received.emit(passed)
		Connection.Event.PONG:
			if not _watch.takes_pong(of, payload as PackedByteArray):
				_client.pong_received.emit(payload)
		Connection.Event.DRAINED:
			if (of as Connection).outbox.end_stall():
				_client.drained.emit()
		Connection.Event.CLOSED:
			_closed(of)


func _opened(of: Connection) -> void:
	var came_back := _reconnect.opened()
	statistics.recovered()
	statistics.happened("connections_made")
	_set_status(ClientMembers.STATUS_ACTIVE)
	if _is_active(of):
		_client.connected_to_server.emit()
	if came_back and _is_active(of):
		_client.reconnected.emit()


func _is_active(of: Connection) -> bool:
	return is_alive() and status == ClientMembers.STATUS_ACTIVE and of == connection


func _failed(of: Connection, reason: String) -> void:
	var gave_up := _reconnect.failed(of.wire.may_pass, of.wire.retry_after)
	var target := url.redacted()  # A handler of the status may connect to another one.
	statistics.met_error()
	var wait := _go_on()
	if not is_alive():
		return
	_client.connection_failed.emit("%s: %s; %s" % [target, reason, gave_up] if gave_up else "%s: %s" % [target, reason])
	_tell_reconnecting(wait)


func _closed(of: Connection) -> void:
	statistics.closed(of.close_code, of.meter)
	if status == ClientMembers.STATUS_ACTIVE:
		if of.close_code != 1000:
			statistics.met_error()
		var gave_up := _reconnect.closed(of.close_code, of.wire.close_code == of.close_code)
		if gave_up:
			push_warning("%s: the connection has ended; %s" % [url.redacted(), gave_up])
	else:
		_reconnect.stop()
	var told_before := _told_of
	_told_of = of
	var wait := _go_on()
	if multiplayer != null:
		multiplayer.part()
	if is_alive():
		_client.connection_closed.emit()
	_told_of = told_before
	_tell_reconnecting(wait)


## After the end of a connection or an attempt: idle, or waiting for the next one. The number of the wait; 0 for none.
func _go_on() -> int:
	var wait := _reconnect.waits if _reconnect.is_waiting() else 0
	if wait == 0:
		statistics.gave_up()
	_set_status(ClientMembers.STATUS_RECONNECTING if wait else ClientMembers.STATUS_IDLE)
	return wait


func _tell_reconnecting(wait: int) -> void:
	# A handler may have called close() in the meantime.
	if is_alive() and wait and _reconnect.is_waiting() and wait == _reconnect.waits:
		_client.reconnecting.emit(_reconnect.attempt, _reconnect.seconds_left(now))


# --- sending


func send(message: Variant) -> Error:
	if Checks.is_elsewhere("send"):
		return ERR_UNAVAILABLE
	return _explained("send", connection.send(message) if connection else ERR_CONNECTION_ERROR)


func send_latest(key: Variant, message: Variant) -> Error:
	var problem := Checks.key_problem(key)
	if problem:
		push_error(problem)
		return ERR_INVALID_PARAMETER
	if Checks.is_elsewhere("send_latest"):
		return ERR_UNAVAILABLE
	var by: Variant = key if key is int else str(key)
	return _explained("send_latest", connection.send_latest(by, message) if connection else ERR_CONNECTION_ERROR)


func send_fragment(data: Variant, final: bool) -> Error:
	if Checks.is_elsewhere("send_fragment"):
		return ERR_UNAVAILABLE
	return _explained("send_fragment", connection.send_fragment(data, final) if connection else ERR_CONNECTION_ERROR)


func ping(payload: PackedByteArray) -> Error:
	if Checks.is_elsewhere("ping"):
		return ERR_UNAVAILABLE
	var error := connection.ping(payload) if connection else ERR_CONNECTION_ERROR
	if connection:
		connection.explain_ping(error, payload)
	return _explained("ping", error)


## Who is not connected is told what to do; who is closing knows.
func _explained(method: String, error: Error) -> Error:
	if error == ERR_CONNECTION_ERROR and status not in [ClientMembers.STATUS_ACTIVE, ClientMembers.STATUS_CLOSING]:
		push_error("%s: not connected; call connect_to_url() and wait for connected_to_server" % method)
	return error


func get_ready_state() -> WebSocketPeer.State:
	return connection.get_ready_state() if connection else WebSocketPeer.STATE_CLOSED
