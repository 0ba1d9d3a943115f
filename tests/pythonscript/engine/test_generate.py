"""generate.py: what is read from the engine's API, and the stub for type checkers."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pythonscript.engine import _api, generate

from tests.godot_process import ROOT

API = ROOT / "build" / "godot" / "extension_api.json"
METHOD = {"name": "m", "is_virtual": False, "is_static": False, "is_vararg": False}


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(API.read_text(encoding="utf-8"))
    return loaded


def test_variant_types(api: dict[str, Any]) -> None:
    types = generate.variant_types(api)
    assert (types["Nil"], types["int"], types["Object"], types["PackedVector4Array"]) == (0, 2, 24, 38)
    assert types["Variant"] == 39


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("enum::Error", "int"),
        ("bitfield::KeyModifierMask", "int"),
        ("typedarray::Node", "Array"),
        ("typeddictionary::int;String", "Dictionary"),
        ("Node", "Object"),
        ("String", "String"),
    ],
)
def test_type_number(api: dict[str, Any], spelled: str, name: str) -> None:
    types = generate.variant_types(api)
    assert generate.type_number(spelled, types) == types[name]


def test_virtuals() -> None:
    virtuals: Any = _api.VIRTUALS
    _, returns, arguments = virtuals["Node"]["_process"]
    assert (returns, arguments) == (None, [("delta", 3)])
    _, returns, arguments = virtuals["Node"]["_get_configuration_warnings"]
    assert (returns, arguments) == (34, [])
    assert virtuals["Node"]["_input"][2] == [("event", 24)]
    assert virtuals["Control"]["_make_custom_tooltip"][1] == "Object"
    assert virtuals["EditorPlugin"]["_get_plugin_icon"][1] == "Texture2D", "the engine relies on the class"
    assert "add_child" not in virtuals["Node"]


def test_virtuals_with_pointers() -> None:
    virtuals: Any = _api.VIRTUALS
    assert virtuals["PacketPeerExtension"]["_get_packet"][1:] == ("Error", [("r_buffer", 42)])
    assert virtuals["MultiplayerPeerExtension"]["_put_packet"][1:] == ("Error", [("p_buffer", 40)])
    assert virtuals["StreamPeerExtension"]["_get_data"][1:] == ("Error", [("r_bytes", 41)])
    assert virtuals["StreamPeerExtension"]["_put_data"][1:] == ("Error", [("p_data", 40), ("r_sent", 43)])
    assert virtuals["AudioStreamPlayback"]["_mix"] is None


def test_the_hashes_of_the_methods_that_the_bridge_calls() -> None:
    wanted = {f"{cls}.{method}" for cls, methods in generate.METHODS.items() for method in methods}
    assert set(_api.METHOD_HASHES) == wanted
    assert set(_api.BUILTIN_METHOD_HASHES) == set(generate.BUILTIN_METHODS)
    assert set(_api.UTILITY_HASHES) == set(generate.UTILITIES)


def test_the_stub_is_python_and_names_every_class(api: dict[str, Any]) -> None:
    tree = ast.parse(generate.stub(api))
    names = {node.name.removeprefix("_") for node in tree.body if isinstance(node, ast.ClassDef)}
    assert {cls["name"] for cls in api["classes"]} <= names
    assert {"Error", "Key"} <= names


@pytest.mark.parametrize(
    ("method", "stub"),
    [
        (METHOD, "    def m(self) -> None: ..."),
        (METHOD | {"is_vararg": True}, "    def m(self, *arguments: Any) -> None: ..."),
        (METHOD | {"is_static": True}, "    @staticmethod\n    def m() -> None: ..."),
        (METHOD | {"return_value": {"type": "Node"}}, "    def m(self) -> Node | None: ..."),
        (
            METHOD
            | {"arguments": [{"name": "from", "type": "int"}, {"name": "b", "type": "String", "default_value": ""}]},
            "    def m(self, from_: int, b: str = ...) -> None: ...",
        ),
        (
            METHOD
            | {
                "arguments": [
                    {"name": "b", "type": "uint8_t*"},
                    {"name": "size", "type": "int"},
                    {"name": "r", "type": "int32_t*"},
                ],
                "return_value": {"type": "enum::Error"},
            },
            "    def m(self, size: int) -> int | tuple[int, bytes]: ...",
        ),
    ],
)
def test_method_stub(method: dict[str, Any], stub: str) -> None:
    assert generate.method_stub(method, lambda name: generate.python_type(name, {"Node"}, set())) == stub


def test_an_engine_of_double_precision_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "api.json"
    source.write_text(json.dumps({"header": {"precision": "double"}}))
    script = ROOT / "python" / "pythonscript" / "engine" / "generate.py"
    done = subprocess.run([sys.executable, "-P", script, source, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "use a standard build of Godot" in done.stderr
