## What a WebSocketClient does: connects, delivers what the server sends, and connects again if it is told to.
extends "res://addons/ws_python/portable/core.gd"

const BrowserWire := preload("res://addons/ws_python/portable/browser_wire.gd")
const ClientClock := preload("res://addons/ws_python/portable/client_clock.gd")
const ClientMembers := preload("res://addons/ws_python/portable/members/client.gd")
const ClientSession := preload("res://addons/ws_python/portable/client_session.gd")
const Greetings := preload("res://addons/ws_python/portable/greetings.gd")
const Moves := preload("res://addons/ws_python/portable/moves.gd")
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
var clock := ClientClock.new(self)
## Who asks and is asked.
var end := Requests.End.new()

var _client: ClientMembers
var _tls_options: TLSOptions
var _reconnect := Reconnect.new(self)
var _watch := ConnectionWatch.new(self)
var _session := ClientSession.new(self)
var _moves := Moves.new(self)
# While `connection_closed` is told, the connection that it is told of: by then there may be another one.
var _told_of: Connection


func _init(of_node: ClientMembers) -> void:
	super(of_node)
	_client = of_node


func begin() -> void:
	if _client.autoconnect and status == ClientMembers.STATUS_IDLE:
		connect_to_url(_client.url, null)


func has_left(of: RefCounted) -> bool:
	return of.is_ignored


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
	_session.begin()
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
	var offered := _session.offered(_client.supported_protocols)
	var plain := PackedStringArray() if _session.may_be_refused() else offered
	wire.connect_to(url, _client, _options(), offered, plain)
	var before := connection
	connection = Connection.new(self, wire, _client.connect_timeout)
	connection.end = end
	end.connection = connection
	_session.prepare(connection, before)


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
		var cut := _session.give_up()
		_leave(code, reason)
		_set_status(ClientMembers.STATUS_IDLE)
		_tell_session_over(cut)
	return OK


func end_all() -> void:
	_leave(1001, "")
	requests.forget()
	multiplayer = null
	status = ClientMembers.STATUS_IDLE
	end.connection = null
	# Each holds this.
	_watch = null
	_session.let_go()
	_moves.let_go()
	clock.let_go()


## Leaves whatever connection or attempt there is to itself.
func _leave(code: int, reason: String) -> void:
	_session.forget()
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


## Whether more waits for the game than it takes.
func has_enough() -> bool:
	return multiplayer != null and multiplayer.has_enough()


# --- polling


func poll_network(until: int) -> void:
	if status == ClientMembers.STATUS_RECONNECTING and now >= _reconnect.next_attempt:
		_reconnect.begin_attempt()
		var problem := _settings_problem()
		if problem:
			# The properties were changed since the last attempt.
			connection.wire.may_pass = false
			connection.wire.cause = ""
			put(Connection.Event.FAILED, connection, problem)
			return
		_start_connecting()
	if connection == null:
		return
	connection.poll(now, until)
	_watch.look(now, open_connections())
	if _session.is_wanted:
		_session.look(now)
		if connection.is_open() and connection.layer != null:
			connection.tell_received(now)
			clock.look(now, connection)


func tell(kind: Connection.Event, of: RefCounted, payload: Variant) -> void:
	match kind:
		Connection.Event.OPENED:
			_opened(of)
		Connection.Event.FAILED:
			_failed(of, payload)
		Connection.Event.MESSAGE:
			if multiplayer != null and multiplayer.awaits_id():
				multiplayer.takes(of, payload)  # No message of the user's.
				return
			var passed: Variant = supervised([], payload)
			if passed == null or not is_alive() or of.is_ignored:
				return
			if multiplayer == null or not multiplayer.takes(of, passed):
				_client.message_received.emit(passed)
		Connection.Event.LAYER:
			(of as Connection).delivered(payload)
			payload.tell(self, of)
		Connection.Event.PONG:
			if not _watch.takes_pong(of, payload as PackedByteArray):
				_client.pong_received.emit(payload)
		Connection.Event.DRAINED:
			if (of as Connection).outbox.end_stall():
				_client.drained.emit()
		Connection.Event.CLOSED:
			_closed(of)


func _opened(of: Connection) -> void:
	statistics.happened("connections_made")
	if not _session.is_interrupted():
		_tell_connected(of)
	elif of.layer != null:
		_session.await_welcome(of)
	else:
		_go_on_anew(of)


func _tell_connected(of: Connection) -> void:
	var came_back := _reconnect.opened()
	statistics.recovered()
	_set_status(ClientMembers.STATUS_ACTIVE)
	if _is_active(of):
		_client.connected_to_server.emit()
	if came_back and _is_active(of):
		_client.reconnected.emit()


func _is_active(of: Connection) -> bool:
	return is_alive() and status == ClientMembers.STATUS_ACTIVE and of == connection


# --- the session


## Whether to connect again by itself.
func keeps_trying() -> bool:
	return _client.auto_reconnect or _session.may_go_on()


func new_layer(of: Connection) -> Endpoint.SessionLayer:
	clock.forget_sample()
	var layer := _session.new_layer(of)
	layer.sampler = clock.sampled.bind(weakref(of))
	return layer


func keep_wire(wire: RefCounted) -> void:
	_session.keep_wire(wire)


func layer_message(of: Connection, message: LayerMessage) -> void:
	if message.letter == LayerMessage.MOVE:
		_moves.hear(of, message)
	elif message.letter == LayerMessage.VALUE:
		_tell_value(of, message)
	elif Requests.Dialogue.LETTERS.contains(message.letter):
		hear_request(of, message)


func _tell_value(of: Connection, message: LayerMessage) -> void:
	var payload: Variant = supervised_payload(of, message.payload)
	if payload == null:
		return
	var decoded := Requests.Payloads.decode(payload)
	if decoded[1]:
		statistics.count("values_unreadable")
		of.complain("unreadable values", "a value that came cannot be read: %s" % decoded[1])
	else:
		_client.var_received.emit(decoded[0])


func welcomed(of: Connection, welcome: Greetings.Welcome) -> void:
	var was_interrupted := _session.is_interrupted()
	if not _session.welcomed(of, welcome):
		if was_interrupted:
			_go_on_anew(of)
		return
	_reconnect.opened()
	statistics.recovered()
	_set_status(ClientMembers.STATUS_ACTIVE)
	if _is_active(of):
		_client.connection_resumed.emit()


func not_layered(of: Connection) -> void:
	var was_interrupted := _session.is_interrupted()
	_session.refused(of)
	end_requests(end, ERR_UNAVAILABLE)
	if was_interrupted and is_alive():
		_go_on_anew(of)


## There is a connection again, without the session that was before.
func _go_on_anew(of: Connection) -> void:
	var cut := _session.cut
	_session.cut = null
	_tell_session_over(cut)
	if is_alive() and of == connection and status == ClientMembers.STATUS_RECONNECTING:
		_tell_connected(of)


func _tell_session_over(cut: Connection) -> void:
	if cut == null or not is_alive():
		return
	for kept: Connection in [cut, connection]:
		if not kept.is_open():
			# What was sent meanwhile.
			statistics.past.absorb(kept.meter)
			kept.count_anew()
	var told_before := _told_of
	_told_of = cut
	cut.part()
	_session_ends()
	if is_alive():
		_client.connection_closed.emit()
	_told_of = told_before


func _session_ends() -> void:
	clock.clock.restart()
	end_requests(end)
	if multiplayer != null:
		multiplayer.part()


func _failed(of: Connection, reason: String) -> void:
	var gave_up := _reconnect.failed(of.wire.may_pass, of.wire.retry_after)
	var target := url.redacted()  # A handler of the status may connect to another one.
	statistics.met_error()
	if of.wire.cause:  # Else there was no attempt.
		statistics.refused(of.wire.status)
		statistics.count(of.wire.cause)
	var wait := _go_on()
	if not is_alive():
		return
	var cut: Connection = null if wait else _session.give_up()
	_client.connection_failed.emit("%s: %s; %s" % [target, reason, gave_up] if gave_up else "%s: %s" % [target, reason])
	_tell_session_over(cut)
	_tell_reconnecting(wait)


func _closed(of: Connection) -> void:
	statistics.closed(of.close_code, of.meter)
	clock.forget_sample()
	var was_interrupted := _session.is_interrupted()
	var goes_on := _session.outlives(of)
	if goes_on:
		of.count_anew()
	if status == ClientMembers.STATUS_ACTIVE or was_interrupted:
		if of.close_code != 1000:
			statistics.met_error()
		var move := _moves.taken(of) if goes_on else null
		if move != null and move.url != null:
			url = move.url
		var come_back_in := NAN if move == null else move.seconds
		var gave_up := _reconnect.closed(of.close_code, of.wire.close_code == of.close_code, come_back_in)
		if gave_up:
			push_warning("%s: the connection has ended; %s" % [url.redacted(), gave_up])
	else:
		_reconnect.stop()
	var told_before := _told_of
	_told_of = of
	var wait := _go_on()
	if is_alive():
		_tell_end(goes_on, was_interrupted, wait)
	_told_of = told_before
	_tell_reconnecting(wait)


func _tell_end(goes_on: bool, was_interrupted: bool, wait: int) -> void:
	if not goes_on:
		_session_ends()
		if is_alive():
			_client.connection_closed.emit()
	elif wait == 0:
		_tell_session_over(_session.give_up())
	elif not was_interrupted:
		_client.connection_interrupted.emit()


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


func start_request(method: String, data: Variant, timeout: float) -> WebSocketReply:
	return requests.start(end, method, data, timeout)


func send_var(value: Variant) -> Error:
	if Checks.is_elsewhere("send_var"):
		return ERR_UNAVAILABLE
	return _explained("send_var", requests.send_value(end, value))


## Who is not connected is told what to do; who is closing knows.
func _explained(method: String, error: Error) -> Error:
	if error == ERR_CONNECTION_ERROR and status not in [ClientMembers.STATUS_ACTIVE, ClientMembers.STATUS_CLOSING]:
		push_error("%s: not connected; call connect_to_url() and wait for connected_to_server" % method)
	return error


func get_ready_state() -> WebSocketPeer.State:
	return connection.get_ready_state() if connection else WebSocketPeer.STATE_CLOSED
