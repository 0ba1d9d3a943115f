"""Writes what the bridge knows of one engine, from its extension_api.json: `engine/_api.py` and the stub `godot.pyi`.

Usage: python generate.py EXTENSION_API_JSON PACKAGE_DIRECTORY
"""

from __future__ import annotations

import json
import keyword
import pprint
import sys
from pathlib import Path
from typing import Any

BUILTIN_METHODS = ("size", "resize")
UTILITIES = ("print", "printerr")
METHODS = {
    "Engine": ("get_process_frames", "get_physics_frames"),
    "Node": ("is_inside_tree", "can_process"),
    "RefCounted": ("reference", "unreference", "init_ref", "get_reference_count"),
    "Object": ("emit_signal", "has_connections", "notification"),
}
ANNOTATIONS = {"VIRTUALS": ": dict[str, dict[str, tuple[int, int | str | None, list[tuple[str, int]]] | None]]"}
VARIANT = 39
OBJECT = 24
# Of the virtuals that pass memory by pointers, as buffers.pxi knows them: the types in C -> our number and, in the
# stub, the place of the argument that Python gets and its type, and the type of what is returned beside the Error.
BUFFERS: dict[tuple[str, ...], tuple[int, int | None, str, str | None]] = {
    ("uint8_t*", "int", "int32_t*"): (41, 1, "int", "bytes"),
    ("const uint8_t*", "int"): (40, 0, "bytes", None),
    ("const uint8_t **", "int32_t*"): (42, None, "", "bytes"),
    ("int32_t*",): (43, None, "", "int"),
}

PYTHON_NAMES = {
    "bool": "bool",
    "int": "int",
    "float": "float",
    "String": "str",
    "StringName": "str",
    "NodePath": "str",
    "PackedByteArray": "bytes",
    "Variant": "Any",
    "Array": "Array",
    "Dictionary": "Dictionary",
    "Callable": "Callable",
}


def variant_types(api: dict[str, Any]) -> dict[str, int]:
    """Builtin type name -> Variant type number."""
    names = [builtin["name"] for builtin in api["builtin_class_sizes"][0]["sizes"]]
    order = [name for name in names if name != "Variant"]
    return {name: number for number, name in enumerate(order)} | {"Variant": VARIANT}


def type_number(name: str, types: dict[str, int]) -> int:
    """The Variant type of a type as extension_api.json spells it (`enum::Error`, `typedarray::Node`, `Node`, `int`)."""
    if name.startswith(("enum::", "bitfield::")):
        return types["int"]
    if name.startswith("typedarray::"):
        return types["Array"]
    if name.startswith("typeddictionary::"):
        return types["Dictionary"]
    return types.get(name, OBJECT)


def result_type(name: str | None, types: dict[str, int]) -> int | str | None:
    """The type of a virtual's result; of an object its class, which the engine relies on; "Error"; None for none."""
    if name == "enum::Error":
        return "Error"
    number = None if name is None else type_number(name, types)
    return name if number == OBJECT else number


def grouped(arguments: list[tuple[str, str]]) -> list[tuple[str, tuple[str, ...]]]:
    """The arguments of a method, those of one buffer together: [(name, types in C)]."""
    groups = []
    while arguments:
        kinds = next((b for b in BUFFERS if b == tuple(kind for _, kind in arguments[: len(b)])), (arguments[0][1],))
        groups.append((arguments[(BUFFERS[kinds][1] or 0) if kinds in BUFFERS else 0][0], kinds))
        arguments = arguments[len(kinds) :]
    return groups


Virtual = tuple[int, "int | str | None", list[tuple[str, int]]]


def virtuals(api: dict[str, Any]) -> dict[str, dict[str, Virtual | None]]:
    """Class -> virtual -> (hash, result_type(), [(argument, type)]); None for one with pointers other than BUFFERS."""
    types = variant_types(api)
    table: dict[str, dict[str, Virtual | None]] = {}
    for cls in api["classes"]:
        for method in cls.get("methods", []):
            if not method["is_virtual"]:
                continue
            groups = grouped([(argument["name"], argument["type"]) for argument in method.get("arguments", [])])
            result = method.get("return_value", {}).get("type")
            plain = [kind for _, kinds in groups if kinds not in BUFFERS for kind in kinds]
            table.setdefault(cls["name"], {})[method["name"]] = (
                None
                if "*" in "".join([*plain, result or ""])
                else (
                    method["hash"],
                    result_type(result, types),
                    [
                        (name, BUFFERS[kinds][0] if kinds in BUFFERS else type_number(kinds[0], types))
                        for name, kinds in groups
                    ],
                )
            )
    return table


def method_hashes(api: dict[str, Any]) -> dict[str, int]:
    """The hashes with which the engine identifies the methods that the bridge calls, of those that this engine has."""
    return {
        f"{cls['name']}.{method['name']}": method["hash"]
        for cls in api["classes"]
        for method in cls.get("methods", [])
        if method["name"] in METHODS.get(cls["name"], ())
    }


def api_module(api: dict[str, Any]) -> str:
    """The text of `_api.py`."""
    packed = next(entry for entry in api["builtin_classes"] if entry["name"] == "PackedByteArray")
    values = {
        "ENGINE": api["header"]["version_full_name"],
        "BUILTIN_METHOD_HASHES": {m["name"]: m["hash"] for m in packed["methods"] if m["name"] in BUILTIN_METHODS},
        "UTILITY_HASHES": {u["name"]: u["hash"] for u in api["utility_functions"] if u["name"] in UTILITIES},
        "METHOD_HASHES": method_hashes(api),
        "SINGLETONS": tuple(singleton["name"] for singleton in api["singletons"]),
        "GLOBAL_ENUMS": {e["name"]: {v["name"]: v["value"] for v in e["values"]} for e in api["global_enums"]},
        "VIRTUALS": virtuals(api),
    }
    lines = [
        '"""What the bridge needs to know of the engine that it was built for. Written by generate.py: do not edit."""',
        "",
    ]
    for name, value in values.items():
        annotation = ANNOTATIONS.get(name, "")
        lines.append(f"{name}{annotation} = {pprint.pformat(value, width=160, compact=True, sort_dicts=False)}")
    return "\n".join(lines) + "\n"


def python_type(name: str, classes: set[str], enums: set[str]) -> str:
    """The Python annotation for a type as extension_api.json spells it."""
    if "*" in name or name.startswith("-"):
        return "Any"
    if name.startswith(("enum::", "bitfield::")):
        plain = name.split("::", 1)[1]
        return plain if plain in enums else "int"
    if name.startswith("typedarray::"):
        return "Array"
    if name.startswith("typeddictionary::"):
        return "Dictionary"
    if "," in name:
        return "Any"
    return PYTHON_NAMES.get(name, f"{name} | None" if name in classes else name)


def safe(name: str) -> str:
    """A parameter name that Python accepts."""
    return f"{name}_" if keyword.iskeyword(name) else name


def method_stub(method: dict[str, Any], annotate: Any) -> str:
    """One `def` line of the stub."""
    parameters = ["" if method["is_static"] else "self"]
    result = annotate(method["return_value"]["type"]) if "return_value" in method else "None"
    arguments = {argument["name"]: argument for argument in method.get("arguments", [])}
    for name, kinds in grouped([(name, argument["type"]) for name, argument in arguments.items()]):
        _, place, kind, out = BUFFERS.get(kinds, (0, 0, "", None))
        if place is not None:
            default = " = ..." if "default_value" in arguments[name] else ""
            parameters.append(f"{safe(name)}: {kind or annotate(kinds[0])}{default}")
        if out is not None:
            result = f"{result} | tuple[{result}, {out}]"
    if method["is_vararg"]:
        parameters.append("*arguments: Any")
    decorator = "    @staticmethod\n" if method["is_static"] else ""
    return f"{decorator}    def {method['name']}({', '.join(p for p in parameters if p)}) -> {result}: ..."


def class_stub(cls: dict[str, Any], annotate: Any) -> list[str]:
    """The lines of one class of the stub."""
    base = cls.get("inherits") or "_bridge.Object"
    lines = [f"class {cls['name']}({base}):"]
    if cls["name"] == "Object":
        lines.append(
            "    def __init_subclass__("
            "cls, *, abstract: bool = ..., icon: str = ..., tool: bool = ..., creatable: bool = ..., "
            "members: Any = ..., shortcuts: Any = ...) -> None: ..."
        )
    for constant in cls.get("constants", []):
        lines.append(f"    {constant['name']}: int")
    for enum in cls.get("enums", []):
        lines += [f"    {value['name']}: int" for value in enum["values"]]
    methods = {method["name"] for method in cls.get("methods", [])}
    for member in cls.get("properties", []):
        if member["name"].isidentifier() and member["name"] not in methods and not keyword.iskeyword(member["name"]):
            lines.append(f"    {member['name']}: {annotate(member['type'])}")
    for signal in cls.get("signals", []):
        if signal["name"] not in methods:
            lines.append(f"    {signal['name']}: Signal")
    lines += [
        method_stub(method, annotate) for method in cls.get("methods", []) if not keyword.iskeyword(method["name"])
    ]
    return lines if len(lines) > 1 else [f"{lines[0]} ..."]


def stub(api: dict[str, Any]) -> str:
    """The text of `godot.pyi`."""
    classes = {cls["name"] for cls in api["classes"]}
    enums = {enum["name"] for enum in api["global_enums"] if "." not in enum["name"]}

    def annotate(name: str) -> str:
        return python_type(name, classes, enums)

    builtins = sorted({entry["name"] for entry in api["builtin_classes"]} - PYTHON_NAMES.keys() - {"Nil"})
    lines = [
        f'"""Classes, singletons and global enums of {api["header"]["version_full_name"]}. Written by generate.py."""',
        "# ruff: noqa",
        "# mypy: ignore-errors",
        "from enum import IntEnum, IntFlag",
        "from typing import Any",
        "from pythonscript import _bridge",
        f"from pythonscript.describe.types import Array, Callable, Dictionary, {', '.join(builtins)}",
        "def engine_class(name: str) -> type[Object]: ...",
    ]
    for enum in api["global_enums"]:
        if enum["name"] in enums:
            lines.append(f"class {enum['name']}({'IntFlag' if enum['is_bitfield'] else 'IntEnum'}):")
            lines += [f"    {value['name']} = {value['value']}" for value in enum["values"]]
    singletons = {singleton["name"] for singleton in api["singletons"]}
    for cls in api["classes"]:
        if cls["name"] in singletons:  # The name means the one instance, as in GDScript.
            lines += class_stub(cls | {"name": f"_{cls['name']}"}, annotate)
            lines.append(f"{cls['name']}: _{cls['name']}")
        else:
            lines += class_stub(cls, annotate)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Entry point: see the usage in the module docstring."""
    source, target = map(Path, sys.argv[1:3])
    api = json.loads(source.read_text(encoding="utf-8"))
    if api["header"]["precision"] != "single":
        sys.exit(
            "generate: this engine uses double precision, the bridge supports single: use a standard build of Godot"
        )
    (target / "engine" / "_api.py").write_text(api_module(api), encoding="utf-8")
    (target / "godot.pyi").write_text(stub(api), encoding="utf-8")


if __name__ == "__main__":
    main()
