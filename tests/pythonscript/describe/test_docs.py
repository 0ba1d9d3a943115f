"""docs.py: docstrings as the XML of Godot's class reference."""

from __future__ import annotations

from enum import IntEnum
from typing import Any
from xml.etree import ElementTree

import pytest
from pythonscript import Vector2, export, signal
from pythonscript.describe import declare, docs

from tests.pythonscript.engine_classes import Node


class Probe(Node):
    """Brief, with <angle> & "quotes".

    First ``code``
    goes on.

    Second.
    """

    class Kind(IntEnum):
        KIND_ONE = 1

    LIMIT = 5

    hit = signal(by=Node, damage=float, doc="It was hit.")
    speed: float = export(1.5, doc="How `fast`.")
    title: str = export('a "title"')

    @property
    def read_only(self) -> int:
        """Cannot be set."""
        return 1

    def aim(self, at: Vector2, force: bool = False) -> Kind:
        """Aims."""
        return Probe.Kind.KIND_ONE

    @staticmethod
    def shared(value: Any = None) -> None:
        """Shared."""


@pytest.fixture(scope="module")
def root() -> ElementTree.Element:
    declare.forget_noted()
    return ElementTree.fromstring(docs.class_xml(declare.spec_of(Probe)))


def find(root: ElementTree.Element, path: str) -> ElementTree.Element:
    element = root.find(path)
    assert element is not None, path
    return element


def test_class(root: ElementTree.Element) -> None:
    assert (root.tag, root.attrib) == ("class", {"name": "Probe", "inherits": "Node"})
    assert find(root, "brief_description").text == 'Brief, with <angle> & "quotes".'
    assert find(root, "description").text == "First [code]code[/code] goes on.\nSecond."


def test_the_order_is_the_one_that_the_engine_reads(root: ElementTree.Element) -> None:
    order = ["brief_description", "description", "tutorials", "methods", "members", "signals", "constants"]
    assert [element.tag for element in root] == order


def test_every_element_has_an_end_tag() -> None:
    assert "/>" not in docs.class_xml(declare.spec_of(Probe)), "the engine's reader waits for it"


def test_method(root: ElementTree.Element) -> None:
    aim = find(root, "methods/method[@name='aim']")
    assert find(aim, "return").attrib == {"type": "int", "enum": "Probe.Kind"}
    assert [parameter.attrib for parameter in aim.iter("param")] == [
        {"index": "0", "name": "at", "type": "Vector2"},
        {"index": "1", "name": "force", "type": "bool", "default": "false"},
    ]
    assert find(aim, "description").text == "Aims."
    shared = find(root, "methods/method[@name='shared']")
    assert shared.get("qualifiers") == "static"
    assert find(shared, "return").attrib == {"type": "void"}
    assert find(shared, "param").attrib == {"index": "0", "name": "value", "type": "Variant", "default": "null"}


def test_accessors_are_told_with_their_property(root: ElementTree.Element) -> None:
    assert {method.get("name") for method in root.iter("method")} == {"aim", "shared"}


def test_member(root: ElementTree.Element) -> None:
    speed = find(root, "members/member[@name='speed']")
    wanted = {"name": "speed", "type": "float", "setter": "set_speed", "getter": "get_speed", "default": "1.5"}
    assert speed.attrib == wanted
    assert speed.text == "How [code]fast[/code]."
    assert find(root, "members/member[@name='title']").get("default") == '"a \\"title\\""'
    read_only = find(root, "members/member[@name='read_only']")
    assert (read_only.get("setter"), read_only.get("default"), read_only.text) == ("", None, "Cannot be set.")


def test_signal_and_constants(root: ElementTree.Element) -> None:
    hit = find(root, "signals/signal[@name='hit']")
    assert [parameter.get("type") for parameter in hit.iter("param")] == ["Node", "float"]
    assert find(hit, "description").text == "It was hit."
    assert [element.attrib for element in root.iter("constant")] == [
        {"name": "KIND_ONE", "value": "1", "enum": "Kind"},
        {"name": "LIMIT", "value": "5"},
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (Probe.Kind.KIND_ONE, "1"),
        (-3, "-3"),
        (1.5, "1.5"),
        ("a\\b", '"a\\\\b"'),
        (b"", "PackedByteArray()"),
        (b"\x01", "PackedByteArray([1])"),
        (["a", 1], '["a", 1]'),
        ({"a": [None]}, '{"a": [null]}'),
        (Vector2(1.0, 2.0), "Vector2(1.0, 2.0)"),
    ],
)
def test_literal(value: Any, text: str) -> None:
    assert docs.literal(value) == text


@pytest.mark.parametrize(("kind", "name"), [(0, "void"), (1, "bool"), (4, "String"), (24, "Object"), (39, "Variant")])
def test_type_name(kind: int, name: str) -> None:
    assert docs.type_name(kind) == name
