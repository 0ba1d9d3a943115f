## Sends back every message. How it is set up, to have everything tested, is in echo_server.tscn.
extends WebSocketServer


func _ready() -> void:
	message_received.connect(send)
	listen(0)
	print("listening on port %d" % get_local_port())
