"""The portable nodes' decoder of UTF-8 says of any bytes what Python's does, and prints nothing of what is wrong."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

from tests.godot_process import ROOT, run_godot

SCRIPT = "tests/portable/utf8_decoder.gd"
# The first and the last character of each length, and those beside surrogates; what the engine treats by itself.
CHARACTERS = "a\x00\x7f\x80\u07ff\u0800\ud7ff\ue000\ufffd\uffff\U00010000\U0010ffff漢\ufeff"
COUNT = 5000
# It is looked at by so many bytes: these stand across each limit.
AT_ONCE = 65536


def some_bytes() -> list[bytes]:
    """Texts, half of them damaged, and long ones of each length of a character."""
    maker = random.Random(7)
    found = []
    for _ in range(COUNT):
        data = bytearray("".join(maker.choices(CHARACTERS, k=maker.randrange(1, 24))).encode())
        if maker.random() < 0.5:
            data[maker.randrange(len(data))] = maker.randrange(256)
        if maker.random() < 0.2:
            data = data[: maker.randrange(1, len(data) + 1)]
        found.append(bytes(data))
    for before in range(4):
        for character in "a\u07ff漢\U0010ffff":
            text = b"a" * before + (character * (AT_ONCE // len(character.encode()) + 8)).encode()
            found += [text, text[:-1], text[: AT_ONCE + 1] + b"\xff" + text[AT_ONCE + 2 :]]
    return [*found, b"\x80" * (AT_ONCE + 9), b"a" * AT_ONCE + b"\x80", b"\xef\xbb\xbf" * 3]


def decoded(data: bytes) -> str:
    """As the script prints it. No String of the engine holds U+0000."""
    try:
        return data.decode().replace("\x00", "\ufffd").encode().hex()
    except UnicodeDecodeError:
        return "none"


def test_it_says_what_python_says(portable_project: Path) -> None:
    target = portable_project / SCRIPT
    target.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / SCRIPT, target)
    data = some_bytes()
    (portable_project / "bytes.txt").write_text("".join(f"{each.hex()}\n" for each in data))
    log = run_godot("--script", f"res://{SCRIPT}", path=portable_project)
    assert "Unicode" not in log
    said = re.findall(r"^decoded (.*)$", log, re.MULTILINE)
    wanted = [decoded(each) for each in data]
    assert COUNT // 4 < wanted.count("none") < 3 * COUNT // 4
    assert said == wanted
