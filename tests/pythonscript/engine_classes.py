"""Some engine classes as engine_class() makes them; outside of the engine it cannot ask ClassDB for their parents."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pythonscript.godot import Control, Node, RefCounted
else:
    from pythonscript.godot import EngineClass, Object

    Node = EngineClass("Node", (Object,), {"__engine_name__": "Node"}, engine=True)
    Control = EngineClass("Control", (Node,), {"__engine_name__": "Control"}, engine=True)
    RefCounted = EngineClass(
        "RefCounted", (Object,), {"__engine_name__": "RefCounted", "__refcounted__": True}, engine=True
    )

__all__ = ["Control", "Node", "RefCounted"]
