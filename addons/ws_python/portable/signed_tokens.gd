## Signed tokens that expire: JSON Web Tokens (RFC 7519) with HMAC-SHA256.
extends RefCounted

const Checks := preload("res://addons/ws_python/portable/checks.gd")

const _HEADER := '{"alg":"HS256","typ":"JWT"}'


## A token that says `claims`, valid for `seconds`; "" after saying why, if it cannot be made.
static func sign(secret: String, claims: Dictionary, seconds: float) -> String:
	if not secret or not (seconds > 0.0 and is_finite(seconds)):
		push_error("sign_token: %s" % ("seconds must be positive" if secret else "the secret is empty"))
		return ""
	var expiring := claims.duplicate()
	expiring["exp"] = ceili(Time.get_unix_time_from_system() + seconds)
	var payload: Variant = Checks.encode_json(expiring, "sign_token")
	if payload == null:
		return ""
	var signed := "%s.%s" % [_encoded(_HEADER.to_utf8_buffer()), _encoded((payload as String).to_utf8_buffer())]
	return "%s.%s" % [signed, _encoded(_signature(secret, signed))]


## The claims of a token that was made with the same secret; {} if it is not valid, or not any more.
static func verify(secret: String, token: String) -> Dictionary:
	var parts := token.split(".")
	if not secret or parts.size() != 3:
		return {}
	var right := _encoded(_signature(secret, "%s.%s" % [parts[0], parts[1]]))
	if not Crypto.new().constant_time_compare(right.to_utf8_buffer(), parts[2].to_utf8_buffer()):
		return {}
	var header: Variant = _json(parts[0])
	var claims: Variant = _json(parts[1])
	if not (header is Dictionary and claims is Dictionary) or header.get("alg") != "HS256":
		return {}
	var now := Time.get_unix_time_from_system()
	var expires: Variant = claims.get("exp")
	var begins: Variant = claims.get("nbf", 0)
	if not (expires is float or expires is int) or not (begins is float or begins is int):
		return {}
	return claims if begins <= now and now < expires else {}


static func _signature(secret: String, signed: String) -> PackedByteArray:
	var hmac := HMACContext.new()
	hmac.start(HashingContext.HASH_SHA256, secret.to_utf8_buffer())
	hmac.update(signed.to_utf8_buffer())
	return hmac.finish()


## RFC 7515 section 2: base64url, without padding.
static func _encoded(data: PackedByteArray) -> String:
	return Marshalls.raw_to_base64(data).replace("+", "-").replace("/", "_").rstrip("=")


static func _json(text: String) -> Variant:
	var padded := text.replace("-", "+").replace("_", "/")
	while padded.length() % 4:
		padded += "="
	var parser := JSON.new()
	if parser.parse(Marshalls.base64_to_raw(padded).get_string_from_utf8()) != OK:
		return null
	return _with_integers(parser.data)


## JSON knows one kind of number, and the engine makes a float of each: what was an integer is one again.
static func _with_integers(value: Variant) -> Variant:
	if value is float and value == floorf(value) and absf(value) < 1 << 53:
		return int(value)
	if value is Array:
		return (value as Array).map(_with_integers)
	if value is Dictionary:
		var members := {}
		for key: Variant in value:
			members[key] = _with_integers(value[key])
		return members
	return value
