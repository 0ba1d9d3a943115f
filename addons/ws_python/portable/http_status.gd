## HTTP statuses that refuse a request, and what they are called (RFC 9110 section 15, the IANA registry).
extends RefCounted

const BAD_REQUEST := 400
const NOT_MODIFIED := 304
const FORBIDDEN := 403
const METHOD_NOT_ALLOWED := 405
const URI_TOO_LONG := 414
const UPGRADE_REQUIRED := 426
const HEADERS_TOO_LARGE := 431
const INTERNAL_SERVER_ERROR := 500
const SERVICE_UNAVAILABLE := 503
const VERSION_NOT_SUPPORTED := 505

const PHRASES: Dictionary[int, String] = {
	300: "Multiple Choices",
	301: "Moved Permanently",
	302: "Found",
	303: "See Other",
	304: "Not Modified",
	305: "Use Proxy",
	307: "Temporary Redirect",
	308: "Permanent Redirect",
	400: "Bad Request",
	401: "Unauthorized",
	402: "Payment Required",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	406: "Not Acceptable",
	407: "Proxy Authentication Required",
	408: "Request Timeout",
	409: "Conflict",
	410: "Gone",
	411: "Length Required",
	412: "Precondition Failed",
	413: "Request Entity Too Large",
	414: "Request-URI Too Long",
	415: "Unsupported Media Type",
	416: "Requested Range Not Satisfiable",
	417: "Expectation Failed",
	418: "I'm a Teapot",
	421: "Misdirected Request",
	422: "Unprocessable Entity",
	423: "Locked",
	424: "Failed Dependency",
	425: "Too Early",
	426: "Upgrade Required",
	428: "Precondition Required",
	429: "Too Many Requests",
	431: "Request Header Fields Too Large",
	451: "Unavailable For Legal Reasons",
	500: "Internal Server Error",
	501: "Not Implemented",
	502: "Bad Gateway",
	503: "Service Unavailable",
	504: "Gateway Timeout",
	505: "HTTP Version Not Supported",
	506: "Variant Also Negotiates",
	507: "Insufficient Storage",
	508: "Loop Detected",
	510: "Not Extended",
	511: "Network Authentication Required",
}


## What a status is called: also one that no RFC has.
static func phrase_of(status: int) -> String:
	return PHRASES.get(status, "Refused")
