## The certificate of a server: its files, or Godot's TLSOptions; the files are looked at while it listens.
extends RefCounted

# Polled seconds between two looks at the files: what was renewed is in use within a minute.
const _LOOK_PERIOD := 10.0

## What the server speaks TLS with; null: it speaks none.
var options: TLSOptions
## What begin() returns in case of an error, and what is wrong.
var error := OK
var problem := ""

var _core: Object
var _next_look := 0.0
# What it was made of: the properties, and digests of the files.
var _source: Array = []
# The files were replaced, and cannot be used.
var _is_spoilt := false


func _init(core: Object) -> void:
	_core = core


## The server is about to listen. False: see `error` and `problem`.
func begin() -> bool:
	error = OK
	_is_spoilt = false
	_source = _read_source()
	_next_look = _core.now + _LOOK_PERIOD
	options = _made()
	return error == OK


## Looks whether the settings have changed, or the files, of which a bad one leaves what was there.
func look() -> void:
	var is_due: bool = _core.now >= _next_look
	if is_due:
		_next_look = _core.now + _LOOK_PERIOD
	if not is_due and _source.slice(0, 4) == _settings():
		return
	var source := _read_source()
	if source != _source:
		_renew(source)
	if is_due and _is_spoilt:
		_core.statistics.count("failed_certificate_renewal")


func _renew(source: Array) -> void:
	var are_settings_new: bool = source.slice(0, 4) != _source.slice(0, 4)
	_source = source
	error = OK
	var made := _made()
	if error == OK:
		options = made
	else:
		push_error("%s; what was set before stays in force" % problem)
	_is_spoilt = error != OK and not are_settings_new


func _settings() -> Array:
	var node: Object = _core.node
	return [node.tls_options, node.tls_certificate, node.tls_private_key, node.tls_client_ca]


func _read_source() -> Array:
	var source := _settings()
	for path: String in source.slice(1, 3):
		# Times of files are whole seconds here, in which the second of two files may be replaced after a look.
		source.append(FileAccess.get_sha256(path) if path else "")
	return source


func _made() -> TLSOptions:
	var node: Object = _core.node
	if node.tls_client_ca:
		_wrong(ERR_UNAVAILABLE, "tls_client_ca: the engine's TLS asks clients for no certificate; leave it empty")
		return null
	if node.tls_options != null:
		if not (node.tls_options as TLSOptions).is_server():
			_wrong(ERR_INVALID_PARAMETER, "tls_options are a client's; use TLSOptions.server(key, certificate)")
		return node.tls_options
	if not node.tls_certificate:
		if node.tls_private_key:
			_wrong(ERR_INVALID_PARAMETER, "tls_private_key is set, and tls_certificate is not; set both")
		return null
	var key := CryptoKey.new()
	var certificate := X509Certificate.new()
	var key_path: String = node.tls_private_key if node.tls_private_key else node.tls_certificate
	if not _load(certificate, "tls_certificate", node.tls_certificate):
		return null
	if not _load(key, "tls_private_key", key_path):
		return null
	return TLSOptions.server(key, certificate)


func _load(into: Resource, property: String, path: String) -> bool:
	if not FileAccess.file_exists(path):
		_wrong(ERR_FILE_NOT_FOUND, '%s: there is no file "%s"; check the path' % [property, path])
		return false
	var text := FileAccess.get_file_as_string(path)
	if FileAccess.get_open_error() != OK:
		_wrong(
			ERR_FILE_NO_PERMISSION,
			'%s: "%s" cannot be read (%s)' % [property, path, error_string(FileAccess.get_open_error())]
		)
		return false
	if not text.contains("-----BEGIN "):
		_wrong(ERR_FILE_UNRECOGNIZED, '%s: "%s" holds no PEM ("-----BEGIN ...")' % [property, path])
		return false
	var printing := Engine.print_error_messages
	Engine.print_error_messages = false
	var loaded: Error = into.load_from_string(text)
	Engine.print_error_messages = printing
	if loaded != OK:
		_wrong(ERR_FILE_CORRUPT, '%s: "%s" holds none that can be used' % [property, path])
	return loaded == OK


func _wrong(code: Error, what: String) -> void:
	error = code
	problem = what
