"""What there is to fuzz: a target is the module of that name beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORPUS = HERE / "corpus"
#: What `make fuzz` makes; in it, inputs that failed.
BUILD = ROOT / "build/fuzz"
FOUND = BUILD / "found"


class Target(NamedTuple):
    """How to fuzz it."""

    #: Executions of `make fuzz`: more where the code is our own, fewer where one takes longer.
    runs: int
    #: The packages whose Python is watched, beside our compiled modules.
    watched: tuple[str, ...] = ("ws_python",)
    #: Whether compiled modules of ours are part of it.
    is_compiled: bool = True
    #: A file of words that inputs are made of.
    words: str = ""


TARGETS = {
    "codec": Target(5_200_000),
    "deflate": Target(2_000_000),
    "headers": Target(2_000_000, ("ws_python", "websockets", "ipaddress"), False, "http.dict"),
    "handshake": Target(400_000, ("ws_python", "websockets"), False, "http.dict"),
    "frames": Target(200_000),
    "session": Target(200_000),
}
