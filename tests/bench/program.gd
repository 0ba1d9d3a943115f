extends SceneTree
## What the measured programs share: their arguments (`-- name=value ...`) and the engine's pause between frames.

## The engine's main loop pauses between frames when it draws nothing: 6.9 ms, so that 144 frames a second remain. With
## `pause=none`, the network is what is measured.
const NO_PAUSE_USEC := 1

var _options: Dictionary[String, String] = {}


func _initialize() -> void:
	for argument: String in OS.get_cmdline_user_args():
		_options[argument.get_slice("=", 0)] = argument.get_slice("=", 1)
	if option("pause") == "none":
		OS.low_processor_usage_mode_sleep_usec = NO_PAUSE_USEC


func option(name: String) -> String:
	return _options.get(name, "")


## Tells the driver where the server listens.
func report_listening(error: Error, port: int) -> void:
	if error:
		printerr("cannot listen: ", error_string(error))
		quit(1)
	else:
		print("listening ", port)


## A message for a client to begin with.
func first_message() -> PackedByteArray:
	var message := PackedByteArray()
	message.resize(int(option("size")))
	return message
