"""What the other side sent, made fit to be shown: one line, printable, and not long."""

from __future__ import annotations

# The most characters that one reason has, with everything in it that the other side sent.
MAX_REASON = 200
# A detail that has less room than this says nothing, and what stands around it is cut rather.
_LEAST_DETAIL = 20


def one_line(text: str | bytes, limit: int = MAX_REASON) -> str:
    """The text as one line of at most `limit` printable characters, cut with "…".

    Control and escape characters, overrides of the writing direction and halves of surrogate pairs become U+FFFD,
    white space becomes a space. Bytes are read as UTF-8.
    """
    # What is beyond the limit is not looked at: 4 bytes of UTF-8 are at least one character.
    piece = text[: 4 * limit + 4].decode("utf-8", "replace") if isinstance(text, bytes) else text[: limit + 1]
    shown = "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in piece[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def reason(before: str, detail: str | bytes, after: str) -> str:
    """One line of at most MAX_REASON characters from our own words and, between them, what the other side sent."""
    room = max(MAX_REASON - len(before) - len(after), _LEAST_DETAIL)
    return one_line(f"{before}{one_line(detail, room)}{after}")
