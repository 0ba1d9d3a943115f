from typing import final

UNLIMITED: int

@final
class Meter:
    heard_at: float
    allowance: int
    message_allowance: int
    latency: float
    @property
    def bytes_received(self) -> int: ...
    @property
    def messages_received(self) -> int: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def messages_sent(self) -> int: ...
