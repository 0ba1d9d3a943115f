## What the Inspector shows of the nodes: what one sets first stands first, and labels do not repeat their group.
extends "res://tests/godot/suite.gd"


## The properties that a class adds, as the Inspector arranges them: "Group", "Group/label" or "label" for each.
func _arranged(name_of_class: String) -> PackedStringArray:
	var shown := PackedStringArray()
	var group := ""
	var prefix := ""
	for info: Dictionary in ClassDB.class_get_property_list(name_of_class, true):
		var usage: int = info["usage"]
		var title: String = info["name"]
		if usage & PROPERTY_USAGE_GROUP:
			# One that is started again, with another prefix, is one in the Inspector.
			if title != group:
				check(not shown.has(title), "%s is in one piece" % title)
				shown.append(title)
			group = title
			prefix = info["hint_string"]
		elif usage & PROPERTY_USAGE_EDITOR:
			# The engine ends a group at the first property that does not begin with its prefix.
			var fits: bool = title.begins_with(prefix) or prefix.begins_with(title)
			check(fits, "%s is in the group %s" % [title, group])
			shown.append((group + "/" if group else "") + title.trim_prefix(prefix))
	return shown


func _groups(name_of_class: String) -> PackedStringArray:
	var groups := PackedStringArray()
	for label: String in _arranged(name_of_class):
		var group := label.get_slice("/", 0)
		if "/" in label and not groups.has(group):
			groups.append(group)
	return groups


func test_what_one_sets_first_stands_first() -> void:
	var server := _arranged("WebSocketServer")
	check_equal(server.slice(0, 3), PackedStringArray(["port", "bind_address", "autostart"]))
	var client := _arranged("WebSocketClient")
	check_equal(client.slice(0, 3), PackedStringArray(["url", "autoconnect", "auto_reconnect"]))


func test_groups_go_from_where_and_with_whom_to_what_hardly_anybody_changes() -> void:
	var limits := ["Message Limits", "Rate Limits", "Timeouts", "Heartbeat", "Compression", "Negotiation"]
	limits += ["Simulation", "Polling"]
	var server := ["TLS", "Access", "Proxies", "Unix Socket", "Multiplayer", "Sessions", "Requests"]
	server += ["Drain", "Handover", "Connection Limits"]
	check_equal(Array(_groups("WebSocketServer")), server + limits)
	check_equal(Array(_groups("WebSocketClient")), ["TLS", "Proxy", "Reconnect", "Sessions", "Requests"] + limits)


func test_how_it_is_polled_stands_last() -> void:
	for name_of_class: String in ["WebSocketServer", "WebSocketClient"]:
		var shown := _arranged(name_of_class)
		var last := ["process_callback", "low_latency", "max_poll_time"]
		check_equal(Array(shown.slice(-3)), last.map(func(label: String) -> String: return "Polling/" + label))
		check_equal(shown.count("Polling"), 1)


func test_paths_are_offered_as_files() -> void:
	for name_of_class: String in ["WebSocketServer", "WebSocketClient"]:
		for info: Dictionary in ClassDB.class_get_property_list(name_of_class, true):
			var title: String = info["name"]
			if title in ["tls_certificate", "tls_private_key", "tls_trusted_ca", "tls_client_ca"]:
				check_equal(info["hint"], PROPERTY_HINT_FILE as int, title)
				check("*.pem" in (info["hint_string"] as String), title)


func test_labels_do_not_repeat_their_group() -> void:
	var labels: PackedStringArray = _arranged("WebSocketServer") + _arranged("WebSocketClient")
	for label: String in ["Compression/compression", "Compression/min_size", "Compression/window_bits"]:
		check_equal(labels.count(label), 2, label)
	for label: String in ["Reconnect/delay", "Reconnect/max_attempts", "Reconnect/stop_codes"]:
		check_equal(labels.count(label), 1, label)
	for label: String in ["Message Limits/message_size", "Rate Limits/bytes_per_second", "Timeouts/close_timeout"]:
		check_equal(labels.count(label), 2, label)
	for label: String in ["Connection Limits/connections_per_address", "Unix Socket/mode", "TLS/client_ca"]:
		check_equal(labels.count(label), 1, label)
	for label: String in labels:
		var parts := label.split("/")
		check(parts.size() == 1 or not parts[1].begins_with(parts[0].to_lower() + "_"), label)
