"""Settings and events of the WebSocket package as exports and signals of the bridge: declared there once, seen from here."""

from __future__ import annotations

from pythonscript import export, signal
from ws_python import Setting, events_of, settings_of


def members_of(core: type) -> dict[str, export | signal]:
    """The properties and signals that a node class takes over from its class in ws_python."""
    members: dict[str, export | signal] = {name: signal(doc=event.doc, **event.arguments) for name, event in events_of(core).items()}
    group = ""
    for name, setting in sorted(settings_of(core).items(), key=_in_groups(core)):
        members[name] = _export(setting, setting.group if setting.group != group else None)
        group = setting.group
    return members


def _in_groups(core: type):  # type: ignore[no-untyped-def]
    """Sort key: the Inspector shows settings without a group first, and each group in one piece."""
    groups = list(dict.fromkeys(setting.group for setting in settings_of(core).values()))
    order = sorted(groups, key=lambda group: (group != "", groups.index(group)))
    return lambda item: order.index(item[1].group)


def _export(setting: Setting, group: str | None) -> export:
    range_ = None
    if setting.range is not None:
        range_ = setting.range if setting.step is None else (*setting.range, setting.step)
    kind = list[str] if setting.type is list else setting.type
    return export(setting.default, type=kind, range=range_, unit=setting.unit, doc=setting.doc, group=group)
