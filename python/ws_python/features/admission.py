"""Admission: whether a server takes anybody at all."""

from __future__ import annotations

from http import HTTPStatus

from ..connection.connection import Connection
from ..connection.request import WebSocketRequest
from ..declare.settings import setting
from .feature import Answer, Feature


class AdmissionSettings:
    """For a server with an Admission."""

    refuse_new_connections: bool = setting(
        False, group="Connection Limits", doc="Answer new connections with HTTP 503. Those that are open stay."
    )


class Admission(Feature):
    """Refuses new connections as long as its server is told to."""

    def admit(self, connection: Connection, request: WebSocketRequest) -> Answer | None:
        """See Feature."""
        if self.node.refuse_new_connections:
            self.node._count("refused_new_connections")
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, "This server takes no new connections.")
        return None
