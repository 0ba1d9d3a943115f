"""Docstrings to the editor's help: a ClassSpec as Godot's class reference XML."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from pythonscript.describe.specs import USAGE_IS_ENUM, ClassSpec, MethodSpec, PropertyInfo, PropertySpec
from pythonscript.describe.types import CLASSES, VARIANT

_NAMES = {0: "void", CLASSES.index(str): "String", CLASSES.index(bytes): "PackedByteArray", VARIANT: "Variant"}


def class_xml(spec: ClassSpec) -> str:
    """One class, with its methods, members, signals and constants."""
    root = Element("class", name=spec.name, inherits=spec.parent)
    brief, _, description = spec.doc.partition("\n\n")
    SubElement(root, "brief_description").text = bbcode(brief)
    SubElement(root, "description").text = bbcode(description)
    SubElement(root, "tutorials")
    accessors = {name for member in spec.properties for name in (member.getter, member.setter)}
    methods = SubElement(root, "methods")
    for method in spec.methods:
        if method.name not in accessors or method.doc:
            _add_method(methods, method)
    members = SubElement(root, "members")
    for member in spec.properties:
        _add_member(members, member)
    signals = SubElement(root, "signals")
    for signal in spec.signals:
        element = SubElement(signals, "signal", name=signal.name)
        _add_parameters(element, signal.arguments, [])
        SubElement(element, "description").text = bbcode(signal.doc)
    constants = SubElement(root, "constants")
    for enum, name, value in spec.constants:
        SubElement(constants, "constant", {"name": name, "value": str(value)} | ({"enum": enum} if enum else {}))
    return tostring(root, encoding="unicode", short_empty_elements=False)  # The engine's reader waits for each end tag.


def bbcode(text: str) -> str:
    """A docstring as the class reference's BBCode: `code` is marked as such, a paragraph becomes one line."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)]
    return re.sub(r"``(.+?)``|`(.+?)`", lambda match: f"[code]{match[1] or match[2]}[/code]", "\n".join(paragraphs))


def literal(value: Any) -> str:
    """A default value as GDScript writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(int(value))  # The number of an enum member.
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bytes):
        return f"PackedByteArray({list(value) if value else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, tuple):
        return f"{type(value).__name__}({', '.join(map(literal, value))})"
    return str(value)


def type_name(kind: int) -> str:
    """The Godot name of a Variant type number."""
    cls = CLASSES[kind] if 0 < kind < VARIANT else None
    return _NAMES.get(kind) or (cls.__name__ if cls is not None else "Variant")


def _add_method(parent: Element, method: MethodSpec) -> None:
    element = SubElement(parent, "method", name=method.name)
    qualifiers = " ".join(word for word, wanted in (("static", method.is_static), ("const", method.is_const)) if wanted)
    if qualifiers:
        element.set("qualifiers", qualifiers)
    SubElement(element, "return", _type(method.returns) if method.returns is not None else {"type": "void"})
    _add_parameters(element, method.arguments, method.defaults)
    SubElement(element, "description").text = bbcode(method.doc)


def _add_member(parent: Element, member: PropertySpec) -> None:
    attributes = {"name": member.info.name, **_type(member.info), "setter": member.setter, "getter": member.getter}
    if member.setter:
        attributes["default"] = literal(member.default)
    SubElement(parent, "member", attributes).text = bbcode(member.doc)


def _add_parameters(parent: Element, arguments: list[PropertyInfo], defaults: list[Any]) -> None:
    first = len(arguments) - len(defaults)
    for i, argument in enumerate(arguments):
        attributes = {"index": str(i), "name": argument.name, **_type(argument)}
        if i >= first:
            attributes["default"] = literal(defaults[i - first])
        SubElement(parent, "param", attributes)


def _type(info: PropertyInfo) -> dict[str, str]:
    if info.usage & USAGE_IS_ENUM:
        return {"type": "int", "enum": info.class_name}
    return {"type": info.class_name or type_name(info.type)}
