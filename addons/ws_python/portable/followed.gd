## A setting, a list of strings, that may change while its server listens: parsed when it has, and as it was before
## where it became bad.
extends RefCounted

var _read: Callable
var _parse: Callable
var _source: PackedStringArray
var _value: Variant


## `read` gives what the setting is now, a PackedStringArray; `parse` makes of it [value, ""], or [null, what is wrong
## with it].
func _init(read: Callable, parse: Callable) -> void:
	_read = read
	_parse = parse


## The server is about to listen: what is wrong with it; "" for nothing.
func begin() -> String:
	var source: PackedStringArray = _read.call()
	var parsed: Array = _parse.call(source)
	if not parsed[1]:
		_source = source.duplicate()
		_value = parsed[0]
	return parsed[1]


## What it says now. Each change that is of no use is told once.
func current() -> Variant:
	var source: PackedStringArray = _read.call()
	if source != _source:
		var problem := begin()
		if problem:
			_source = source.duplicate()
			push_error("%s; what was set before stays in force" % problem)
	return _value
