## A player of a game that was exported for another platform: does what its arguments say, and says what came of it.
extends Node

@export var client: WebSocketClient


func _ready() -> void:
	print("class: ", "native" if ClassDB.class_exists(&"WebSocketClient") else "portable")
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--url="):
			client.url = argument.trim_prefix("--url=")
	client.status_changed.connect(
		func(status: WebSocketClient.Status) -> void:
			if status == WebSocketClient.STATUS_RECONNECTING:
				print("reconnecting")
	)
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--do="):
			await call(argument.trim_prefix("--do="))
	print("done")
	if not OS.has_feature("web"):
		get_tree().quit()


func meet() -> void:
	client.connect_to_url()
	await client.connected_to_server
	print("connected")
	client.connection_closed.connect(
		func() -> void: print("closed: %d %s" % [client.get_close_code(), client.get_close_reason()])
	)


func echo() -> void:
	await meet()
	var million := PackedByteArray()
	million.resize(1 << 20)
	for index in million.size():
		million[index] = index % 251
	# Not the same again and again: the server would take it for a bomb when the browser has compressed it.
	var words := PackedStringArray()
	for index in 100_000:
		words.append("é%d" % (index * 7919))
	var text := " ".join(words)
	var messages: Array = ["Hello", "", "Grüße 👋", PackedByteArray(), PackedByteArray([0, 1, 255])]
	messages += [million, text, million + million + million]
	for message: Variant in messages:
		var error := client.send(message)
		if error != OK:
			print("not sent: ", error_string(error))
			continue
		var came: Variant = await client.message_received
		var same: bool = typeof(came) == typeof(message) and came == message
		@warning_ignore("unsafe_method_access")
		var size: int = message.length() if message is String else message.size()
		print(type_string(typeof(message)), " ", size, ": ", "same" if same else "DIFFERENT")


func close_myself() -> void:
	await meet()
	client.close(4000, "enough")
	await client.connection_closed


func be_closed() -> void:
	await meet()
	client.send("close 4001 bye")
	await client.connection_closed


func come_back() -> void:
	client.auto_reconnect = true
	client.reconnect_delay = 0.1
	client.reconnect_delay_max = 0.5
	await meet()
	await client.connected_to_server
	client.send("again")
	print("came back: ", await client.message_received)


## Says numbers to a server that sends them back, in a session, and then asks it something.
func keep_on() -> void:
	RenderingServer.render_loop_enabled = false  # Drawing takes most of the time, and nobody looks.
	client.session = true
	client.reconnect_delay = 0.1
	client.reconnect_delay_max = 0.5
	client.heartbeat_interval = 1.0
	client.heartbeat_timeout = 4.0
	client.connection_interrupted.connect(func() -> void: print("interrupted"))
	client.connection_resumed.connect(func() -> void: print("resumed"))
	client.connection_failed.connect(func(reason: String) -> void: print("failed: ", reason))
	client.handle("name", func(data: Variant) -> String: return "Ada %s" % data)
	var came := PackedStringArray()
	client.message_received.connect(func(message: Variant) -> void: came.append(str(message)))
	await meet()
	var sent := PackedStringArray()
	for number in 600:
		sent.append(str(number))
		if client.send(sent[-1]) != OK:
			print("not sent: ", number)
		if number % 200 == 100:
			print("sent ", number)
		await get_tree().create_timer(0.02).timeout
	var reply := await client.request("double", 21, 60.0)
	print("reply: %s %s" % [error_string(reply.error), reply.data])
	client.send_var(Vector2(1, 2))
	print("value: ", await client.var_received)
	while came.size() < sent.size():
		await get_tree().process_frame
	print("echoed: ", "same" if came == sent else "DIFFERENT %s" % [came])
	while client.clock_error > 1.0:
		await get_tree().process_frame
	print("time: ", client.server_time > 0.0)
	client.close()
	await client.connection_closed


## Asks for a session where there may be none.
func ask_for_a_session() -> void:
	client.session = true
	await meet()
	client.send("hello")
	print("came: ", await client.message_received)
	var reply := await client.request("double", 21)
	print("reply: ", error_string(reply.error))


func fail() -> void:
	client.connect_to_url()
	print("failed: ", await client.connection_failed)


func listen() -> void:
	var server := WebSocketServer.new()
	add_child(server)
	print("listen: ", error_string(server.listen(0)))


func tell() -> void:
	await meet()
	client.message_received.connect(func(message: Variant) -> void: print("heard ", message))
	# The other one may not be there yet, nor ready to hear.
	while true:
		client.send("tell from " + str(get_instance_id()))
		await get_tree().create_timer(0.5).timeout
