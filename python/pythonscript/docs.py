"""Docstrings to the editor's help: a ClassSpec as Godot's class reference XML."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pythonscript.declare import USAGE_IS_ENUM, ClassSpec, MethodSpec, PropertyInfo
from pythonscript.types import CLASSES, VARIANT


def class_xml(spec: ClassSpec) -> str:
    """One class, with its methods, members, signals and constants."""
    brief, _, description = spec.doc.partition("\n\n")
    accessors = {name for member in spec.properties for name in (member.getter, member.setter)}
    methods = [_method("method", method) for method in spec.methods if method.name not in accessors or method.doc]
    members = [
        f"<member name={quoteattr(member.info.name)} {_type(member.info)} setter={quoteattr(member.setter)} "
        f"getter={quoteattr(member.getter)}{_default(member.default) if member.setter else ''}>{bbcode(member.doc)}</member>"
        for member in spec.properties
    ]
    signals = [
        f"<signal name={quoteattr(signal.name)}>{_parameters(signal.arguments, [])}<description>{bbcode(signal.doc)}</description></signal>"
        for signal in spec.signals
    ]
    constants = [
        f'<constant name={quoteattr(name)} value="{value}"{f" enum={quoteattr(enum)}" if enum else ""}></constant>'
        for enum, name, value in spec.constants
    ]
    return (
        f'<?xml version="1.0" encoding="UTF-8" ?><class name={quoteattr(spec.name)} inherits={quoteattr(spec.parent)}>'
        f"<brief_description>{bbcode(brief)}</brief_description><description>{bbcode(description)}</description>"
        f"<tutorials></tutorials><methods>{''.join(methods)}</methods><members>{''.join(members)}</members>"
        f"<signals>{''.join(signals)}</signals><constants>{''.join(constants)}</constants></class>"
    )


def bbcode(text: str) -> str:
    """A docstring as the class reference's BBCode: ``code`` is kept as code, paragraphs as paragraphs, XML is escaped."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)]
    marked = re.sub(r"``(.+?)``|`(.+?)`", lambda match: f"[code]{match[1] or match[2]}[/code]", "\n".join(paragraphs))
    return escape(marked)


def _method(tag: str, method: MethodSpec) -> str:
    returns = _type(method.returns) if method.returns is not None else 'type="void"'
    qualifiers = " ".join(word for word, wanted in (("static", method.is_static), ("const", method.is_const)) if wanted)
    return (
        f"<{tag} name={quoteattr(method.name)}{f' qualifiers={quoteattr(qualifiers)}' if qualifiers else ''}><return {returns} />"
        f"{_parameters(method.arguments, method.defaults)}<description>{bbcode(method.doc)}</description></{tag}>"
    )


def _parameters(arguments: list[PropertyInfo], defaults: list[Any]) -> str:
    first = len(arguments) - len(defaults)
    return "".join(
        f'<param index="{i}" name={quoteattr(argument.name)} {_type(argument)}{_default(defaults[i - first]) if i >= first else ""} />'
        for i, argument in enumerate(arguments)
    )


def _default(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    text = f"{int(value)}" if isinstance(value, int) and not isinstance(value, bool) else text
    return f" default={quoteattr('PackedByteArray()' if value == b'' else text)}"


def _type(info: PropertyInfo) -> str:
    if info.usage & USAGE_IS_ENUM:
        return f'type="int" enum={quoteattr(info.class_name)}'
    return f"type={quoteattr(info.class_name or type_name(info.type))}"


def type_name(kind: int) -> str:
    """The Godot name of a Variant type number."""
    names = {0: "void", 4: "String", 24: "Object", 29: "PackedByteArray", VARIANT: "Variant"}
    cls = CLASSES[kind] if kind < VARIANT else None
    return names.get(kind) or (cls.__name__ if cls is not None else "Variant")
