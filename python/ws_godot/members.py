"""Settings and events of the WebSocket package as exports and signals of the bridge: declared there, seen from here."""

from __future__ import annotations

from typing import Any

from pythonscript import export, signal
from ws_python import Setting, events_of, settings_of


def members_of(core: type) -> dict[str, Any]:
    """The properties and signals that a node class takes over from its class in ws_python."""
    members: dict[str, Any] = {
        name: signal(doc=event.doc, **event.arguments) for name, event in events_of(core).items()
    }
    settings = settings_of(core)
    # The Inspector shows the settings without a group first, and each group in one piece.
    groups = sorted(dict.fromkeys(setting.group for setting in settings.values()), key=bool)
    for group in groups:
        title = group or None
        for name, setting in settings.items():
            if setting.group == group:
                members[name] = _export(setting, title)
                title = None  # It starts the group, the others are in it.
    return members


def _export(setting: Setting, group: str | None) -> Any:
    bounds = setting.range if setting.range is None or setting.step is None else (*setting.range, setting.step)
    kind = list[str] if setting.type is list else setting.type
    return export(setting.default, type=kind, range=bounds, unit=setting.unit, doc=setting.doc, group=group)
