## Where a server listens: the engine's TCPServer, on one address or on both that are called localhost.
extends RefCounted

const _MAX_PORT := 65535
const _FIRST_COMMON_PORT := 1024
const _LOCALHOST: PackedStringArray = ["127.0.0.1", "::1"]

var _address := ""
var _port := 0
var _servers: Array[TCPServer] = []


## Whether it can be listened there; if not, the log says why.
func check(node: Node, port: int) -> Error:
	_address = node.bind_address
	_port = port
	if OS.has_feature("web"):
		push_error("listen: a browser lets no page listen; run the server elsewhere")
		return ERR_UNAVAILABLE
	if port < 0 or port > _MAX_PORT:
		push_error("listen: port %d does not exist; use 1 to %d, or 0 for a free one" % [port, _MAX_PORT])
		return ERR_INVALID_PARAMETER
	for begins: String in ["unix:", "systemd", "fd:"]:
		if _address.begins_with(begins):
			push_error('listen: bind_address "%s": not where the portable nodes serve; use a port' % _address)
			return ERR_UNAVAILABLE
	if not (_address in ["*", "localhost"] or _address.is_valid_ip_address()):
		push_error(
			(
				'listen: bind_address "%s" must be "*", "localhost", an IP address, "unix:/path", "systemd" or "fd:3"'
				% _address
			)
		)
		return ERR_INVALID_PARAMETER
	return OK


## Starts to listen; if it cannot, the log says why.
func listen() -> Error:
	var addresses := _LOCALHOST if _address == "localhost" else PackedStringArray([_address])
	var error := _listen_on(addresses[0], _port)
	if error != OK:
		return _explain(error)
	for address: String in addresses.slice(1):
		_listen_on(address, local_port())  # Where there is no IPv6, or another program has that, it goes without.
	return OK


func _listen_on(address: String, port: int) -> Error:
	var server := TCPServer.new()
	var printing := Engine.print_error_messages
	Engine.print_error_messages = false
	var error := server.listen(port, address)
	Engine.print_error_messages = printing
	if error == OK:
		_servers.append(server)
	return error


## The engine says of each that the address is in use.
func _explain(error: Error) -> Error:
	var code := error
	var advice := error_string(error)
	if error == ERR_ALREADY_IN_USE:
		advice = "another program has it; choose another port, or 0 for a free one"
		if not _is_of_this_machine():
			code = ERR_INVALID_PARAMETER
			advice = 'this machine has no such address; use "*" for all of its own'
		elif 0 < _port and _port < _FIRST_COMMON_PORT:
			advice = "another program has it, or it needs special rights; choose one above 1023"
	push_error("listen: cannot listen on %s, port %d: %s" % [_address, _port, advice])
	return code


func _is_of_this_machine() -> bool:
	if _address in ["*", "localhost", "0.0.0.0", "::", "::1"] or _address.begins_with("127."):
		return true
	return _address.to_lower() in IP.get_local_addresses()


## A connection that waits, or null.
func accept() -> StreamPeerTCP:
	for server: TCPServer in _servers:
		if server.is_connection_available():
			return server.take_connection()
	return null


func local_port() -> int:
	return 0 if _servers.is_empty() else _servers[0].get_local_port()


## How to call it in the log.
func name() -> String:
	return "port %d" % local_port()


func stop() -> void:
	for server: TCPServer in _servers:
		server.stop()
	_servers.clear()
