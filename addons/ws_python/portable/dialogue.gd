## Requests over the session layer, sans-I/O: what one end of a session has asked, and what it is being asked.
##
## As Dialogue of python/ws_python/protocol/requests.py. It knows nothing of what payloads hold, and of time.
extends RefCounted

enum Kind { NOTHING, ASKED, TOO_MANY, REPLIED, FAILED, GIVEN_UP, BROKEN }

const SessionLayer := preload("res://addons/ws_python/portable/session_layer.gd")

const REQUEST := "q"
const REPLY := "r"
const ERROR := "x"
const CANCEL := "k"
const LETTERS := REQUEST + REPLY + ERROR + CANCEL
## Characters of the name of a method: printable ASCII without a space.
const LONGEST_METHOD := 128
## Requests of one end that may wait for their replies.
const MOST_WAITING := 4096
# Of the largest whole number that each language has, and of an error.
const _MOST_DIGITS := 16
const _MOST_CODE_DIGITS := 3

# Numbers of the last request: of this end, and of the other one.
var _asked := 0
var _heard := 0
var _waiting: Dictionary[int, RefCounted] = {}
# What is being handled here, and whether the other side still waits for it.
var _handled: Dictionary[int, bool] = {}


## What a message about a request means.
class Heard:
	extends RefCounted

	var kind := Kind.NOTHING
	var number := 0
	## Of what is asked.
	var method := ""
	## Who waits for what has come.
	var waiter: RefCounted
	var code := 0
	## What is wrong with it, in one line.
	var problem := ""

	func _init(of_kind: Kind = Kind.NOTHING, of_number: int = 0) -> void:
		kind = of_kind
		number = of_number


## Whether a method can have that name.
static func is_method(name: String) -> bool:
	if name.is_empty() or name.length() > LONGEST_METHOD:
		return false
	for at: int in name.length():
		var code := name.unicode_at(at)
		if code <= 0x20 or code >= 0x7f:
			return false
	return true


# --- asking


## Whether too many requests of this end wait already.
func is_full() -> bool:
	return _waiting.size() >= MOST_WAITING


## A request of this end: its number.
func ask(waiter: RefCounted) -> int:
	_asked += 1
	_waiting[_asked] = waiter
	return _asked


## The last request was not sent after all: its number is free again.
func take_back(number: int) -> void:
	_waiting.erase(number)
	_asked = number - 1


## This end waits for a reply no more. Whether it did: then the other side is to be told, by CANCEL.
func give_up(number: int) -> bool:
	return _waiting.erase(number)


## The session is over: who waits in vain, the first first. What is handled here is not wanted any more.
func end() -> Array[RefCounted]:
	var waiters := _waiting.values()
	_waiting.clear()
	_handled.clear()
	return waiters


# --- hearing


## Of a message with one of LETTERS.
func receive(letter: String, head: String, most_handled: int) -> Heard:
	var space := head.find(" ")
	var digits := head if space < 0 else head.left(space)
	var rest := "" if space < 0 else head.substr(space + 1)
	if not SessionLayer.is_number(digits, _MOST_DIGITS):
		return _broken("a message about a request without its number")
	var number := digits.to_int()
	match letter:
		REQUEST:
			return _receive_request(number, rest, most_handled)
		CANCEL:
			return _receive_cancel(number)
	return _receive_answer(letter, number, rest)


func _receive_answer(letter: String, number: int, rest: String) -> Heard:
	if number > _asked:
		return _broken("an answer to a request that was never made")
	var heard := Heard.new(Kind.REPLIED if letter == REPLY else Kind.FAILED, number)
	heard.waiter = _waiting.get(number)
	_waiting.erase(number)
	if letter == ERROR:
		if not SessionLayer.is_number(rest, _MOST_CODE_DIGITS):
			return _broken("a request that failed without the number of an error")
		heard.code = rest.to_int()
	return heard if heard.waiter != null else Heard.new()  # It came too late to matter.


func _receive_request(number: int, method: String, most_handled: int) -> Heard:
	if number <= _heard:
		return _broken("a request whose number does not count up")
	if not is_method(method):
		return _broken("a request without the name of a method")
	_heard = number
	var heard := Heard.new(Kind.TOO_MANY if _handled.size() >= most_handled else Kind.ASKED, number)
	heard.method = method
	if heard.kind == Kind.ASKED:
		_handled[number] = true
	return heard


func _receive_cancel(number: int) -> Heard:
	if number > _heard:
		return _broken("a request is cancelled that was never made")
	if not _handled.has(number):
		return Heard.new()
	_handled[number] = false
	return Heard.new(Kind.GIVEN_UP, number)


func _broken(problem: String) -> Heard:
	var heard := Heard.new(Kind.BROKEN)
	heard.problem = problem
	return heard


# --- answering


## Whether the other side still waits for this answer.
func is_awaited(number: int) -> bool:
	return _handled.get(number, false)


## A request of the other side is handled.
func answered(number: int) -> void:
	_handled.erase(number)
