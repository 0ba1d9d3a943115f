## What the other side sent, made fit to be shown: one line, printable, and not long.
extends RefCounted

## The most characters that one reason has, with everything in it that the other side sent.
const MAX_REASON := 200
# A detail that has less room than this says nothing, and what stands around it is cut rather.
const _LEAST_DETAIL := 20

# Control characters, what turns the writing direction or has no width, and halves of surrogate pairs.
static var _unprintable := RegEx.create_from_string(
	(
		"[\\x{00}-\\x{1f}\\x{7f}-\\x{9f}\\x{ad}\\x{200b}-\\x{200f}\\x{2028}-\\x{202e}"
		+ "\\x{2060}-\\x{206f}\\x{feff}\\x{fff9}-\\x{fffb}]"
	)
)
static var _space := RegEx.create_from_string("\\s")


## The text as one line of at most `limit` printable characters, cut with "…".
static func one_line(text: String, limit: int = MAX_REASON) -> String:
	var shown := _space.sub(text.left(limit + 1), " ", true)
	shown = _unprintable.sub(shown, "\ufffd", true)
	return shown if shown.length() <= limit else shown.left(limit - 1) + "…"


## One line of at most MAX_REASON characters from our own words and, between them, what the other side sent.
static func reason(before: String, detail: String, after: String) -> String:
	var room := maxi(MAX_REASON - before.length() - after.length(), _LEAST_DETAIL)
	return one_line(before + one_line(detail, room) + after)
