## The record of one node: what it has done, how often it failed, and how often it came back by itself.
## As of the native nodes: python/ws_python/features/statistics.py says what counts as what.
extends RefCounted

const Meter := preload("res://addons/ws_python/portable/meter.gd")

const OPERATIONS: Array[String] = ["listened", "listen_failed", "connected", "connect_failed"]

## By reasons, short names in snake case: refusals, forced ends, errors.
var counts := {}
## What always comes about: OPERATIONS, "connections_tried", "connections_made", "errors", "recovered".
var events := {}
var close_codes := {}
## Handshakes that failed, by the HTTP status that answered them.
var refusals := {}
## Of the connections that are over.
var past := Meter.new()

var _has_error := false
var _is_connecting := false


## Adds what another node has done up to now.
func absorb(other: RefCounted) -> void:
	for kind: StringName in [&"counts", &"events", &"close_codes", &"refusals"]:
		var mine: Dictionary = get(kind)
		var theirs: Dictionary = other.get(kind)
		for key: Variant in theirs:
			mine[key] = mine.get(key, 0) + theirs[key]
	past.absorb(other.past as Meter)


func count(what: String, times: int = 1) -> void:
	counts[what] = counts.get(what, 0) + times


func happened(what: String) -> void:
	events[what] = events.get(what, 0) + 1


func refused(status: int) -> void:
	refusals[status] = refusals.get(status, 0) + 1


## A connection that was open is over.
func closed(code: int, meter: Meter) -> void:
	past.absorb(meter)
	if code != -1:
		close_codes[code] = close_codes.get(code, 0) + 1


## connect_to_url() was called: an operation whose outcome is told by recovered() or gave_up().
func connects() -> void:
	_is_connecting = true


## Something went wrong, from which the node may recover by itself; told again, it is the same error.
func met_error() -> void:
	if not _has_error:
		_has_error = true
		happened("errors")


## All is as it should be: an error that was met is recovered.
func recovered() -> void:
	if _is_connecting:
		_is_connecting = false
		happened("connected")
	if _has_error:
		_has_error = false
		happened("recovered")


## The node does not try any more. What the game itself has ended is no failed operation: then `by_game`.
func gave_up(by_game: bool = false) -> void:
	if _is_connecting and _has_error and not by_game:
		happened("connect_failed")
	_is_connecting = false
	_has_error = false


## What get_statistics() tells; `connections` are those that are open.
func summary(connections: Array) -> Dictionary:
	var meter := Meter.new()
	meter.absorb(past)
	var inbound := 0
	var outbound := 0
	for connection: RefCounted in connections:
		meter.absorb(connection.meter)
		inbound += connection.inbound_amount()
		outbound += connection.outbound_amount()
	var operations := meter.messages_sent + meter.messages_refused
	for name: String in OPERATIONS:
		operations += events.get(name, 0)
	var failed: int = events.get("listen_failed", 0) + events.get("connect_failed", 0)
	failed += meter.messages_lost + meter.messages_refused
	var errors: int = events.get("errors", 0)
	var told := {
		"connections_open": connections.size(),
		"connections_tried": events.get("connections_tried", 0),
		"connections_made": events.get("connections_made", 0),
		"connections_closed": close_codes.duplicate(),
		"connections_closed_total": _sum_of(close_codes),
		"handshakes_failed": refusals.duplicate(),
		"handshakes_failed_total": _sum_of(refusals),
	}
	told.merge(meter.as_dictionary())
	var further := {
		"inbound_buffered_amount": inbound,
		"outbound_buffered_amount": outbound,
		"counts": counts.duplicate(),
		"counts_total": _sum_of(counts),
		"operations": operations,
		"success_rate": 1.0 - float(failed) / operations if operations else 1.0,
		"errors": errors,
		"error_recovery_rate": float(events.get("recovered", 0)) / errors if errors else 1.0,
	}
	told.merge(further)
	return told


static func _sum_of(by_reason: Dictionary) -> int:
	var sum := 0
	for count: int in by_reason.values():
		sum += count
	return sum
