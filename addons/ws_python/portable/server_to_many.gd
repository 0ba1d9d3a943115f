## What a server sends to everybody, or to all but one.
##
## Static, and of a core: each of those who send may free the server, and nothing that runs may be gone by that.
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")
const Codec := preload("res://addons/ws_python/portable/frame_codec.gd")
const Requests := preload("res://addons/ws_python/portable/requests.gd")


## To everybody or all but one; with a key, as send_latest().
static func send(core: RefCounted, peer_id: int, message: Variant, key: Variant = null) -> Error:
	var method := "send" if key == null else "send_latest"
	if peer_id > 0 or (peer_id < 0 and not core.peers.has(-peer_id)):
		return core.unknown_peer(method, absi(peer_id))
	var passed: Variant = message
	if core.has_outgoing_supervisor() and Checks.is_message(message):
		passed = core.supervised_outgoing([peer_id], message)
		if passed == null:
			return ERR_UNAUTHORIZED
	var frame := Codec.encoded(passed)
	if frame.size() == 1:
		push_error(Checks.send_problem(frame[0], method, passed))
		return frame[0]
	var result := OK
	for id: int in core.peers.keys():
		if id == -peer_id or not core.peers.has(id) or (core.multiplayer != null and core.multiplayer.players.has(id)):
			continue
		var connection: RefCounted = core.peers[id]._ws_connection
		var error: Error = connection.send_frame(frame) if key == null else connection.send_latest_frame(key, frame)
		if error != OK and error != ERR_CONNECTION_ERROR:
			connection.explain(error, method, passed)
			result = error if result == OK else result
	return result


## As send() of a message, of those who speak the session layer.
static func send_value(core: RefCounted, peer_id: int, value: Variant) -> Error:
	if peer_id > 0 or (peer_id < 0 and not core.peers.has(-peer_id)):
		return core.unknown_peer("send_var", absi(peer_id))
	var encoded := Requests.Payloads.encode(value, false)
	if encoded[1]:
		push_error("send_var: " + encoded[1])
		return ERR_INVALID_PARAMETER
	var payload: Variant = encoded[0]
	if core.has_outgoing_supervisor():
		payload = core.supervised_outgoing([peer_id], payload)
		if payload == null:
			return ERR_UNAUTHORIZED
	var asking: Requests = core.requests  # Each of those who send may free the server.
	var result := OK
	for id: int in core.peers.keys():
		if id != -peer_id and core.peers.has(id) and core.peers[id]._ws_connection.layer != null:
			var end: Requests.End = core.end_of(core.peers[id]._ws_connection)
			var error := asking.send_packed(end, payload)
			result = error if result == OK and error != ERR_CONNECTION_ERROR else result
	return result
