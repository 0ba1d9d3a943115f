from pythonscript._bridge import Object
from ws_python.features.multiplayer import Multiplayer

SHORTCUTS: dict[str, object]

def accompany(peer: Object, multiplayer: Multiplayer) -> None: ...
