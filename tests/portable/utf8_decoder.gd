## Decodes each line of a file, bytes in hexadecimal, with the portable nodes' decoder, and prints the text's own bytes.
extends SceneTree

const Utf8 := preload("res://addons/ws_python/portable/utf8.gd")


func _initialize() -> void:
	var file := FileAccess.open("res://bytes.txt", FileAccess.READ)
	while not file.eof_reached():
		var line := file.get_line()
		if line:
			var text: Variant = Utf8.decode(line.hex_decode())
			print("decoded ", "none" if text == null else (text as String).to_utf8_buffer().hex_encode())
	quit()
