from collections.abc import Callable
from ssl import SSLContext

from .link import Link
from .over import OverLink

IDLE_TIME: float

class TlsLink(OverLink):
    def __init__(
        self,
        below: Link,
        context: SSLContext,
        explain: Callable[[Exception], tuple[str, bool]],
        *,
        server: bool,
        server_name: str = "",
        plain_answer: bytes = b"",
    ) -> None: ...
