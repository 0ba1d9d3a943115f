from typing import Final, final

from typing_extensions import Buffer

@final
class PreparedMessage:
    size: Final[int]
    def __init__(self, data: str | Buffer) -> None: ...
    @property
    def wire(self) -> str | bytes: ...
