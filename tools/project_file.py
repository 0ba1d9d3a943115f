"""Edits project.godot as text: enables a plugin, and leaves comments, order, line ends and all else as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SECTION = "editor_plugins"
KEY = "enabled"
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Statement:
    """A section's header, or `key=value` in a section. Positions in the text; a header's `value` is empty."""

    section: str
    key: str
    begin: int
    value: int
    end: int


def enable_plugin(text: str, plugin: str) -> str:
    """The text of a project.godot in which a plugin, such as `res://addons/name/plugin.cfg`, is enabled.

    The same text where it is already. Raises ValueError where the text is none of a project.godot.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    found = list(statements(text))
    # The last one counts for the engine, too.
    enabled = next((each for each in reversed(found) if (each.section, each.key) == (SECTION, KEY)), None)
    if enabled:
        return _with_item(text, enabled, plugin)
    line = f'{KEY}=PackedStringArray("{plugin}"){newline}'
    header = next((each for each in reversed(found) if (each.section, each.key) == (SECTION, "")), None)
    if header:
        blank = re.compile(r"[ \t]*(?:;[^\r\n]*)?(?:\r?\n(?:[ \t]*\r?\n)?|$)").match(text, header.end)
        assert blank  # it matches nothing at the least
        before = text[: blank.end()]
        return before + _ends_of_lines(before, newline) + line + text[blank.end() :]
    # Where the editor would put it: sections are in the order of their names.
    after = next((each for each in found if not each.key and each.section > SECTION), None)
    section = f"[{SECTION}]{newline}{newline}{line}"
    if after is None:
        return text + _ends_of_lines(text, newline, blank=True) + section
    begin = _with_comments_above(text, after.begin)
    return text[:begin] + section + newline + text[begin:]


def statements(text: str) -> Iterator[Statement]:
    """The statements of a project.godot, in order. Raises ValueError where one does not end."""
    section, position = "", 1 if text.startswith("\ufeff") else 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] == ";":
            position = _end_of_line(text, position)
        elif text[position] == "[":
            end = text.find("]", position)
            if end < 0:
                raise ValueError(f"line {_line(text, position)}: a section's name does not end")
            section = text[position + 1 : end].strip()
            yield Statement(section, "", position, end + 1, end + 1)
            position = end + 1
        else:
            equals = text.find("=", position)
            if equals < 0 or "\n" in text[position:equals]:
                raise ValueError(f"line {_line(text, position)}: neither a section nor key=value")
            end = _end_of_value(text, equals + 1)
            yield Statement(section, text[position:equals].strip().strip('"'), position, equals + 1, end)
            position = end


def _with_item(text: str, enabled: Statement, plugin: str) -> str:
    """The text with one string more in the list that is the statement's value."""
    items = list(_strings(text, enabled.value, enabled.end))
    if plugin in (text[begin + 1 : end - 1] for begin, end in items):
        return text
    if items:
        end = items[-1][1]
        return f'{text[:end]}, "{plugin}"{text[end:]}'
    empty = re.compile(r"\s*(?:\w+\s*)?[(\[]").match(text, enabled.value)
    if empty and empty.end() < enabled.end:
        return f'{text[: empty.end()]}"{plugin}"{text[empty.end() :]}'
    return f'{text[: enabled.value]}PackedStringArray("{plugin}"){text[enabled.end :]}'


def _strings(text: str, position: int, end: int) -> Iterator[tuple[int, int]]:
    """Where strings begin and end in a value, quotes included."""
    while position < end:
        if text[position] == '"':
            closing = _end_of_string(text, position)
            yield position, closing
            position = closing
        elif text[position] == ";":
            position = _end_of_line(text, position)
        else:
            position += 1


def _end_of_value(text: str, position: int) -> int:
    """Where a value ends: at the end of a line, or at a comment, that is in no bracket and in no string."""
    depth, end = 0, position
    while position < len(text):
        character = text[position]
        if character == '"':
            position = end = _end_of_string(text, position)
            continue
        if character == ";" or (character in "\r\n" and depth == 0):
            if depth == 0:
                return end
            position = _end_of_line(text, position)
            continue
        depth += (character in _OPENING) - (character in _CLOSING)
        position += 1
        if not character.isspace():
            end = position
    if depth > 0:
        raise ValueError(f"line {_line(text, end)}: a value does not end")
    return end


def _end_of_string(text: str, position: int) -> int:
    """The position behind a string's closing quote."""
    closing = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL).match(text, position)
    if not closing:
        raise ValueError(f"line {_line(text, position)}: a string does not end")
    return closing.end()


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _with_comments_above(text: str, begin: int) -> int:
    """Where the comments begin that stand right above a position."""
    comments = re.compile(r"(?:^[ \t]*;[^\n]*\n)*\Z", re.MULTILINE).search(text[:begin])
    return comments.start() if comments else begin


def _ends_of_lines(text: str, newline: str, blank: bool = False) -> str:
    """What has to follow a text so that the next line is one of its own, with a blank one before it if wanted."""
    if not text:
        return ""
    ends = len(text) - len(text.rstrip("\r\n"))
    lines = text[len(text) - ends :].count("\n")
    wanted = 2 if blank else 1
    return newline * max(0, wanted - lines)
