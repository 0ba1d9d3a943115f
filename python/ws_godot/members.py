"""Settings and events of the WebSocket package as exports and signals of the bridge: declared there, seen from here."""

from __future__ import annotations

from typing import Any

from pythonscript import export, signal
from pythonscript.describe.declare import Export
from ws_python import Setting, events_of, settings_of

_HINT_FILE = 13  # PropertyHint.PROPERTY_HINT_FILE

# The groups of the Inspector in their order: where and with whom, what goes wrong, and what hardly anybody changes.
GROUPS = (
    "",
    "TLS",
    "Access",
    "Proxies",
    "Proxy",
    "Unix Socket",
    "Reconnect",
    "Multiplayer",
    "Sessions",
    "Requests",
    "Drain",
    "Handover",
    "Connection Limits",
    "Message Limits",
    "Rate Limits",
    "Timeouts",
    "Heartbeat",
    "Compression",
    "Negotiation",
    "Simulation",
    "Polling",
)


def members_of(core: type, node: type | None = None, *, further: type | None = None) -> dict[str, Any]:
    """The properties and signals that a node class takes over from its class in ws_python, then the exports of `node`.

    The Inspector shows them in this order: what one sets first without a group, then the groups, and what every node
    has last, with the settings of that same group behind it. `further` has settings that only the engine's class has.
    """
    members: dict[str, Any] = {
        name: signal(doc=event.doc, **event.arguments) for name, event in events_of(core).items()
    }
    exports = {name: value for name, value in vars(node).items() if isinstance(value, Export)} if node else {}
    last_group = next((value.group for value in reversed(exports.values()) if value.group), None)
    settings = settings_of(core) | (settings_of(further) if further else {})
    groups = sorted(dict.fromkeys(setting.group for setting in settings.values()), key=GROUPS.index)
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
    last_prefix: str | None = None
    for name, setting in in_group.items():
        prefix = _prefix(group, name, list(in_group))
        # Another prefix starts the group again; the Inspector shows all of one title as one.
        begins = title if prefix != last_prefix else None
        members[name] = _export(setting, begins, prefix if begins else "")
        last_prefix = prefix
    return members


def _prefix(group: str, name: str, names: list[str]) -> str:
    """What a name repeats of its group, for the Inspector to leave out: "compression_", or "max_" of limits; or "".

    The one that is the title itself, `compression`, stays as it is.
    """
    prefix = group.lower().replace(" ", "_") + "_"
    if all(other.startswith(prefix) or prefix == other + "_" for other in names):
        return prefix
    return "max_" if group.endswith("Limits") and name.startswith("max_") else ""


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
