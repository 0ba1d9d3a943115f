"""A node class of one's own, written in Python: everything that the bridge offers, in one small turret."""

from __future__ import annotations

from enum import IntEnum

from pythonscript import Vector2, export, signal
from pythonscript.godot import Error, Node, Object


class Turret(Node):
    """A turret that turns toward a point and fires.

    Written in Python, in `demo/bridge/turret.py`; add it to a scene like any other node.
    """

    class Mode(IntEnum):
        """What the turret does."""

        MODE_IDLE = 0
        MODE_TRACKING = 1

    MAX_AMMO = 20

    fired = signal(target=Object, damage=float, doc="Emitted for each shot.")

    speed: float = export(1.5, range=(0, 10, 0.1), unit="rad/s", group="Aiming", doc="How fast the turret turns.")
    mode: Mode = export(Mode.MODE_IDLE, doc="What the turret does at first.")
    ammo: int = export(MAX_AMMO, range=(0, MAX_AMMO), group="Firing", doc="Shots left.")

    angle = 0.0
    _aimed_at = Vector2()

    def aim(self, at: Vector2, force: bool = False) -> Error:
        """Turns toward `at`, at once when `force` is set. `ERR_UNAVAILABLE` when there is no ammo."""
        if self.ammo == 0:
            return Error.ERR_UNAVAILABLE
        self._aimed_at = at
        self.mode = Turret.Mode.MODE_TRACKING
        if force:
            self.angle = at.angle()
        return Error.OK

    def fire(self, target: Object | None) -> float:
        """Fires once and returns the damage; emits `fired`."""
        if self.ammo == 0:
            raise RuntimeError("no ammo left: set ammo before firing")
        self.ammo -= 1
        damage = 2.5
        self.fired.emit(target, damage)
        return damage

    def get_heading(self) -> float:
        """The direction that the turret looks in, in radians."""
        return self.angle

    def _process(self, delta: float) -> None:
        if self.mode == Turret.Mode.MODE_TRACKING:
            wanted = self._aimed_at.angle()
            step = self.speed * delta
            self.angle += max(-step, min(step, wanted - self.angle))
