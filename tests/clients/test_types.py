"""The types of session.js, as TypeScript's compiler sees them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import node
from tests.godot_process import ROOT

TYPES = Path(__file__).parent / "types"


@pytest.mark.platforms
@pytest.mark.timeout(400)
def test_use_of_the_types() -> None:
    compiler = node.install(TYPES) / "typescript" / "bin" / "tsc"
    command = [
        node.find(),
        str(compiler),
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "use.ts",
    ]
    done = subprocess.run(command, cwd=TYPES, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_types_name_every_member() -> None:
    source, types = ((ROOT / "clients" / name).read_text() for name in ("session.js", "session.d.ts"))
    body = source.split("export class SessionClient", 1)[1]
    members = set(re.findall(r"^  (?:get |async )?([a-z]\w*)\(.*\) \{", body, re.MULTILINE))
    declared = types.split("export declare class SessionClient", 1)[1]
    named = set(re.findall(r"^  (?:readonly )?(\w+)[(:<]", declared, re.MULTILINE)) - {"addEventListener"}
    assert named == members
    defaults = source.split("this.#options = {", 1)[1].split("...options", 1)[0]
    options = types.split("export interface SessionOptions {", 1)[1].split("\n}", 1)[0]
    assert set(re.findall(r"^  (\w+)\?:", options, re.MULTILINE)) == set(re.findall(r"(\w+): ", defaults))
