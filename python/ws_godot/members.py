"""Settings and events of the WebSocket package as exports and signals of the bridge: declared there, seen from here."""

from __future__ import annotations

from typing import Any

from pythonscript import export, signal
from pythonscript.describe.declare import Export
from ws_python import Setting, events_of, settings_of

_HINT_FILE = 13  # PropertyHint.PROPERTY_HINT_FILE


def members_of(core: type, node: type | None = None) -> dict[str, Any]:
    """The properties and signals that a node class takes over from its class in ws_python, then the exports of `node`.

    The Inspector shows them in this order: what one sets first without a group, then each group in one piece, and what
    every node has last, with the settings of that same group behind it.
    """
    members: dict[str, Any] = {
        name: signal(doc=event.doc, **event.arguments) for name, event in events_of(core).items()
    }
    exports = {name: value for name, value in vars(node).items() if isinstance(value, Export)} if node else {}
    last_group = next((value.group for value in reversed(exports.values()) if value.group), None)
    settings = settings_of(core)
    groups = sorted(dict.fromkeys(setting.group for setting in settings.values()), key=bool)
    for group in groups:
        if group != last_group:
            members.update(_group(settings, group, group or None))
    members.update(exports)
    if last_group is not None:
        members.update(_group(settings, last_group, None))
    return members


def _group(settings: dict[str, Setting], group: str, title: str | None) -> dict[str, Any]:
    """The settings of one group as exports, the first of which starts it with `title`; None: it is started already."""
    members = {}
    in_group = {name: setting for name, setting in settings.items() if setting.group == group}
    prefix = _shared_prefix(group, list(in_group)) if title else ""
    for name, setting in in_group.items():
        members[name] = _export(setting, title, prefix)
        title, prefix = None, ""  # It starts the group, the others are in it.
    return members


def _shared_prefix(group: str, names: list[str]) -> str:
    """What all names of a group repeat of its title, for the Inspector to leave out: "compression_"; "" for nothing.

    The one that is the title itself, `compression`, stays as it is.
    """
    prefix = group.lower() + "_"
    return prefix if all(name.startswith(prefix) or prefix == name + "_" for name in names) else ""


def _export(setting: Setting, group: str | None, prefix: str) -> Any:
    bounds = setting.range if setting.range is None or setting.step is None else (*setting.range, setting.step)
    kind = list[setting.items] if setting.type is list else setting.type  # type: ignore[name-defined]
    return export(
        setting.default,
        type=kind,
        range=bounds,
        unit=setting.unit,
        doc=setting.doc,
        group=group,
        prefix=prefix,
        hint=_HINT_FILE if setting.files else 0,
        hint_string=setting.files,
    )
