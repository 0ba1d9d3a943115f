## Bounds what waits to be sent to all peers of a server together: those for whom most waits are closed.
extends RefCounted

const _POLICY_VIOLATION := 1008
# Polled seconds between two looks.
const _PERIOD := 0.1

var _core: Object
var _next_look := 0.0


func _init(core: Object) -> void:
	_core = core


## Looks at the connections, if it is time to: also at those that say goodbye, for whom it waits on. A handler is never
## called here.
func look(now: float, connections: Array) -> void:
	if now < _next_look:
		return
	_next_look = now + _PERIOD
	var limit: int = _core.node.max_outbound_size
	var waiting := 0
	for connection: RefCounted in connections:
		waiting += connection.outbound_amount()
	if limit == 0 or waiting <= limit:
		return
	connections.sort_custom(func(a: Object, b: Object) -> bool: return a.outbound_amount() > b.outbound_amount())
	for connection: RefCounted in connections:
		if waiting > limit and connection.codec != null:
			waiting -= _close(connection, waiting, limit)


func _close(connection: RefCounted, waiting: int, limit: int) -> int:
	var amount: int = connection.outbound_amount()
	_core.statistics.count("closed_max_outbound_size")
	_core.warn(
		connection.who(),
		"%d bytes of %d that wait to be sent, max_outbound_size is %d: closed with 1008" % [amount, waiting, limit]
	)
	connection.give_up(_POLICY_VIOLATION, "more waited to be sent than max_outbound_size allows")
	connection.drop()
	return amount
