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
