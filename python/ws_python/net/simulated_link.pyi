from .link import Link
from .over import OverLink
from .simulation import WebSocketSimulation

class Chunk: ...

class Pipe:
    @property
    def size(self) -> int: ...

class SimulatedLink(OverLink):
    for_all: WebSocketSimulation | None
    for_one: WebSocketSimulation | None
    def __init__(self, below: Link) -> None: ...
    def changed(self) -> None: ...
