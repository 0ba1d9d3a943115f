import socket
from typing import final

from ..loop.epoll import Epoll
from .link import Link

@final
class PlainLink(Link):
    def __init__(self, connected: socket.socket, epoll: Epoll) -> None: ...
