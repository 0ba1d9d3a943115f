"""Authorisation: code of the user's says who may connect, at once, or after it has asked somebody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from ..connection.connection import Connection
from ..connection.request import WebSocketRequest
from ..declare.callbacks import callback
from ..declare.type_names import type_name
from ..loop.hub import hub
from ..protocol.handshake import parse_headers, phrase_of
from ..protocol.quoting import one_line, reason
from .feature import Answer, Feature, Later
from .later_answers import Answered
from .teller import Told
from .tokens import SignedTokens

_log = logging.getLogger("ws_python")

_FAILED = Answer(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "This server could not decide whether you may connect.",
    error="the authorizer failed, see the log",
)
_TOO_LATE = Answer(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "This server took too long to decide whether you may connect; try again later.",
    error="the authorizer did not answer within handshake_timeout",
)
_KEYS = {"status", "text", "headers"}
_LOWEST, _HIGHEST = 300, 599
_ADVICE = "return true, false, an HTTP status from 300 to 599, or WebSocketRequest.refuse(...)"


class AuthorizationSettings(SignedTokens):
    """For a server with an Authorization."""

    #: What its authorizer is shown.
    _REQUEST: type[WebSocketRequest] = WebSocketRequest

    authorizer: Callable[..., Any] | None = callback(
        "authorizer",
        "A Callable that decides who may connect: called with the WebSocketRequest of each client, and returns true to "
        "let it in, false to refuse it with HTTP 403, an HTTP status from 300 to 599, or what "
        "WebSocketRequest.refuse() gives. It may `await` (in Python: return an awaitable, as a coroutine function "
        "does) and answer later, within `handshake_timeout`; after that the client is refused with HTTP 503. Whatever "
        "else it returns, null too, and an error in it refuse the client with HTTP 500.\n"
        "What it stores in `data` of the request, `request.data` of the peer has later. It is called while a node "
        "polls, as signals are emitted, and may call anything. null, an empty Callable: everybody may connect. It is "
        "not asked about what `allowed_origins` or a limit refuses. A node that is freed lets go of it.",
    )


class Question(Later, Answered):
    """What the authorizer is asked of one connection: waits in its queue to be asked, and then for the answer."""

    def __init__(self, feature: Authorization, connection: Connection) -> None:
        self._feature = feature
        # None: it is answered, or nobody waits for the answer any more.
        self._connection: Connection | None = connection

    def tell(self, listener: object, connection: Connection) -> bool:
        """It is its turn in a poll, as if it was an event of the connection. Whether that may have taken long."""
        if self._connection is not None:
            self._feature.ask(self, connection)
        return True

    def settle(self, verdict: object) -> None:
        """The authorizer has answered, on whatever thread."""
        if self._connection is None:
            return
        if hub.is_elsewhere():
            hub.call_soon(partial(self.settle, verdict))
        else:
            self._feature.answer(self._connection, verdict)

    def fail(self, error: BaseException) -> None:
        """The authorizer has raised, on whatever thread."""
        if self._connection is None:
            return
        if hub.is_elsewhere():
            hub.call_soon(partial(self.fail, error))
        else:
            self._feature.refuse_for(self._connection, _told(error))

    def timed_out(self) -> Answer:
        """See Later."""
        self._feature.node._count("refused_authorizer_too_late")
        return _TOO_LATE

    def over(self) -> None:
        """See Later."""
        self._connection = None
        if self.task is not None:
            self.task.cancel()


class Authorization(Feature):
    """Asks the authorizer of its server. To be the last of its features: what they refuse, it does not see."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._told = Told()

    def admit(self, connection: Connection, request: WebSocketRequest) -> Later | None:
        """See Feature. The authorizer is code of the user's: it waits for its turn in the poll, as events do."""
        if self.node.authorizer is None or not _asks_for_a_websocket(request):
            return None
        question = Question(self, connection)
        connection.intake.put([question], 0)
        return question

    def ask(self, question: Question, connection: Connection) -> None:
        """Call the authorizer. It may end the connection, the server, and the authorizer itself."""
        authorizer = self.node.authorizer
        if authorizer is None:  # Not any more.
            connection.answer(None)
            return
        try:
            verdict = authorizer(self.node._REQUEST._of(connection))
            if self.node._answers_later(verdict, question):
                return
        except Exception as error:
            question.fail(error)
            return
        question.settle(verdict)

    def answer(self, connection: Connection, verdict: object) -> None:
        """The authorizer says what is to become of a connection."""
        try:
            answer = answer_of(verdict)
        except ValueError as problem:
            self.refuse_for(connection, str(problem))
            return
        connection.answer(answer)
        if answer is not None:
            self.node._count("refused_by_authorizer")

    def refuse_for(self, connection: Connection, problem: str) -> None:
        """The authorizer has not decided: nobody is let in by a mistake."""
        self.node._count("refused_authorizer_failed")
        if self._told.is_new(problem):
            _log.error("authorizer: %s; until then clients are refused with HTTP 500", problem)
        connection.answer(_FAILED)


def answer_of(verdict: object) -> Answer | None:
    """What an authorizer has returned, None for letting the client in. Raises ValueError with what is wrong with it."""
    if verdict is True:
        return None
    if verdict is False:
        return _refusal(HTTPStatus.FORBIDDEN, "You may not connect here.", ())
    if isinstance(verdict, int):
        return _refusal(verdict, "", ())
    if isinstance(verdict, Mapping):
        if unknown := set(verdict) - _KEYS:
            shown = one_line(str(min(unknown, key=str)), 40)
            raise ValueError(f'it returned a dictionary with the key "{shown}", which says nothing; {_ADVICE}')
        return _refusal(verdict.get("status"), verdict.get("text", ""), verdict.get("headers", ()))
    raise ValueError(f"it returned {_shown(verdict)}; {_ADVICE}")


def _refusal(status: object, text: object, headers: object) -> Answer:
    if not isinstance(status, int) or not _LOWEST <= status <= _HIGHEST:
        raise ValueError(f"it returned {_shown(status)} as an HTTP status; {_ADVICE}")
    if not isinstance(text, str):
        raise ValueError(f"it returned {_shown(text)} as the text of a refusal; use a String")
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise ValueError(f'it returned {_shown(headers)} as headers; use an array of strings, each "Name: value"')
    lines = list(headers)
    if not all(isinstance(line, str) for line in lines):
        raise ValueError('it returned headers that are no strings; write each like "Name: value"')
    # Half a surrogate pair, which a String of the engine may hold, is no text that can be sent.
    text = text.encode("utf-8", "replace").decode()
    phrase = phrase_of(status)
    error = reason(f"the authorizer refused it (HTTP {status.real}: ", text or phrase, ")")
    return Answer(status.real, text or f"{phrase}.", parse_headers(lines), error)


def _shown(value: object) -> str:
    """A value in GDScript's words, as far as it is short and no secret."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else type_name(type(value))


def _told(error: BaseException) -> str:
    """What an exception is, and where it was raised, in one line. Its text may hold a part of the request: a token."""
    if isinstance(error, ReferenceError):
        return "the object of the Callable was freed; set another one, or null"
    if isinstance(error, asyncio.CancelledError):
        return "it was cancelled before it answered"
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    what = f"it raised {type(error).__name__}"
    file = "" if traceback is None else traceback.tb_frame.f_code.co_filename
    if traceback is None or file == _told.__code__.co_filename or file.endswith(".pxi"):
        # It was never called: the bridge, or Python, tells that it takes no such arguments, or is no longer there.
        return one_line(f"{what}: {error}")
    return f"{what} ({file}:{traceback.tb_lineno})"


def _asks_for_a_websocket(request: WebSocketRequest) -> bool:
    """What does not is answered by the handshake, which looks closer: it is no client."""
    return any("websocket" in value.lower() for value in request.get_header_values("Upgrade"))
