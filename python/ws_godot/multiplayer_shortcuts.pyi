from pythonscript._bridge import Object
from ws_python.connection.packets import Packets

SHORTCUTS: dict[str, object]

def accompany(peer: Object, packets: Packets) -> None: ...
