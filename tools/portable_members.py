"""Writes addons/ws_python/portable/members/: all members of the native classes as GDScript, for the scripts to extend.

A property, its type, default and range are declared once, with `setting(...)` in ws_python; what the engine registers
of that is read back here and written down for the platforms that have no Python. Each method answers that it is not
there, until a script overrides it. tests/portable holds both sides together.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import report

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "addons/ws_python/portable/members"
NODES = ("WebSocketClient", "WebSocketServer")

# The file of each class, and what it extends; members that both nodes have alike are in the first.
FILES = {
    "": ("pollable.gd", "Node"),
    "WebSocketClient": ("client.gd", '"res://addons/ws_python/portable/polling.gd"'),
    "WebSocketServer": ("server.gd", '"res://addons/ws_python/portable/polling.gd"'),
    "WebSocketPeerNode": ("peer_node.gd", "Node"),
    "WebSocketRequest": ("request.gd", "RefCounted"),
    "WebSocketSimulation": ("simulation.gd", "Resource"),
    "WebSocketReply": ("reply.gd", "RefCounted"),
}
_EMPTY = {"int": "0", "float": "0.0", "bool": "false", "String": '""', "Dictionary": "{}", "Array": "[]"}
_HINTS = {1: "PROPERTY_HINT_RANGE", 13: "PROPERTY_HINT_FILE"}
_WARNINGS = "# gdlint: disable=unused-argument,max-public-methods,max-file-lines,max-returns"

Members = dict[str, Any]


def described() -> dict[str, Members]:
    """The members of the native classes, as the engine knows them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "classes.json")
        script = "res://tests/godot/describe_classes.gd"
        command = [ROOT / "tools/godot", "--headless", "--path", ROOT, "--script", script, "--", path]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        classes: dict[str, Members] = json.loads(path.read_text())
    return classes


def files_of(classes: dict[str, Members]) -> dict[str, str]:
    """The text of each file, formatted."""
    shared = _shared(classes)
    parts = {"": shared} | {
        name: _less(members, shared) if name in NODES else members for name, members in classes.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        for owner, members in parts.items():
            name, extends = FILES[owner]
            Path(folder, name).write_text(_script(owner, extends, members, classes))
        paths = sorted(Path(folder).iterdir())
        gdformat = [sys.executable, "-m", "gdtoolkit.formatter", "--line-length=120", *map(str, paths)]
        subprocess.run(gdformat, check=True, capture_output=True)
        return {path.name: path.read_text() for path in paths}


def _shared(classes: dict[str, Members]) -> Members:
    """What both nodes have alike: properties, enums and methods. A type of the same name may be another enum."""
    one, other = (classes[name] for name in NODES)
    shared: Members = {"signals": {}}
    for kind in ("properties", "enums"):
        shared[kind] = {name: value for name, value in one[kind].items() if other[kind].get(name) == value}
    own = {name: value for name, value in one["enums"].items() if name not in shared["enums"]}
    shared["properties"] = {k: v for k, v in shared["properties"].items() if v["type"] not in own}
    others = {f"{kind}_{name}" for name in one["properties"].keys() - shared["properties"] for kind in ("get", "set")}
    shared["methods"] = {
        name: method
        for name, method in one["methods"].items()
        if other["methods"].get(name) == method and name not in others and method["returns"] not in own
    }
    return shared


def _less(members: Members, shared: Members) -> Members:
    return {kind: {k: v for k, v in members[kind].items() if k not in shared[kind]} for kind in members}


def _script(owner: str, extends: str, members: Members, classes: dict[str, Members]) -> str:
    enums = {name: dict(sorted(values.items(), key=lambda item: item[1])) for name, values in members["enums"].items()}
    known = enums if owner not in NODES else enums | _shared(classes)["enums"]
    what = f"The members of {owner}" if owner else "The members that WebSocketClient and WebSocketServer have alike"
    lines = [
        f"## {what}, as the native class has them.",
        "## Written by tools/portable_members.py: do not edit.",
        _WARNINGS,
        f"extends {extends}",
        "",
    ]
    lines += [f"signal {name}({_parameters(arguments)})" for name, arguments in members["signals"].items()]
    for name, values in enums.items():
        lines.append(
            f"enum {name} {{ {', '.join(f'{constant} = {int(value)}' for constant, value in values.items())} }}"
        )
    for name, values in enums.items():
        lines += [f"const {constant} := {name}.{constant}" for constant in values]
    if owner not in NODES:
        lines.append('const Checks := preload("res://addons/ws_python/portable/checks.gd")')
    lines += [_property(name, value, known) for name, value in _exported_first(members["properties"])]
    ranges = _ranges(owner)
    for name, method in members["methods"].items():
        lines += ["", "", *_method(name, method, members["properties"], known, ranges)]
    return "\n".join(lines) + "\n"


def _exported_first(properties: Members) -> list[tuple[str, Members]]:
    return sorted(properties.items(), key=lambda item: not (item[1]["is_exported"] and item[1]["is_writable"]))


def _ranges(owner: str) -> dict[str, Any]:
    import ws_python

    classes = [getattr(ws_python, name) for name in ([owner] if owner else NODES) if hasattr(ws_python, name)]
    return {name: setting for cls in classes for name, setting in ws_python.settings_of(cls).items()}


def _parameters(arguments: list[list[str]], defaults: list[str] = []) -> str:  # noqa: B006  # Never changed.
    first = len(arguments) - len(defaults)
    return ", ".join(
        f"{name}: {kind}" + (f" = {_literal(defaults[at - first])}" if at >= first else "")
        for at, (name, kind) in enumerate(arguments)
    )


def _literal(text: str) -> str:
    """What var_to_str() gives, as GDScript writes it: a packed array has brackets there."""
    packed = re.fullmatch(r"(Packed\w+Array)\((.+)\)", text, re.DOTALL)
    return f"{packed[1]}([{packed[2]}])" if packed else text


def _default(value: Members, enums: Members) -> str:
    constants = enums.get(value["type"])
    if constants:
        number = int(value["default"] or 0)
        return f"{value['type']}.{next(name for name, other in constants.items() if int(other) == number)}"
    if not value["default"]:
        return "Callable()" if value["type"] == "Callable" else "null"
    return _literal(value["default"])


def _property(name: str, value: Members, enums: Members) -> str:
    if not value["is_writable"]:
        return f"var {name}: {value['type']}:\n\tget = get_{name}"
    annotation = ""
    if value["is_exported"] and value["hint"]:
        annotation = f'@export_custom({_HINTS[int(value["hint"])]}, "{value["hint_string"]}") '
    elif value["is_exported"]:
        annotation = "@export "
    return f"{annotation}var {name}: {value['type']} = {_default(value, enums)}:\n\tset = set_{name}"


def _method(name: str, method: Members, properties: Members, enums: Members, ranges: dict[str, Any]) -> list[str]:
    returns = method["returns"]
    static = "static " if method["is_static"] else ""
    head = f"{static}func {name}({_parameters(method['arguments'], method['defaults'])}) -> {returns}:"
    kind, _, of = name.partition("_")
    if kind == "set" and of in properties:
        return [head, *_assignment(of, properties[of], ranges.get(of), enums)]
    if kind == "get" and properties.get(of, {}).get("is_writable"):
        return [head, f"\treturn {of}"]
    if returns == "void":
        return [head, "\tpass"]
    if returns == "WebSocketReply" and not method["is_static"] and method["arguments"]:
        failed = f'WebSocketReply.fail(Checks.unavailable("{name}"), "not on this platform")'
        return [head, f"\treturn {failed}"]
    if returns == "Error":
        return [head, f'\treturn Checks.unavailable("{name}")']
    empty = f"{returns}.{next(iter(enums[returns]))}" if returns in enums else _EMPTY.get(returns)
    return [head, f"\treturn {empty or (f'{returns}()' if returns.startswith('Packed') else 'null')}"]


def _assignment(name: str, value: Members, setting: Any, enums: Members) -> list[str]:
    check = ""
    if value["type"] in enums:
        check = f'Checks.is_of_enum(self, "{name}", value, {value["type"]})'
    elif setting is not None and setting.range is not None:
        low, high = setting.range
        kind = "holds_in_range" if setting.type is list else "is_in_range"
        check = f'Checks.{kind}(self, "{name}", value, {low}, {high}, "{setting.unit}")'
    return [f"\tif {check}:\n\t\t{name} = value"] if check else [f"\t{name} = value"]


def main() -> int:
    """Write the files that are not as they should be."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = files_of(described())
    for name, text in texts.items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            report.progress("portable_members", f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "python"))
    report.run("portable_members", main)
