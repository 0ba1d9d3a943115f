"""Requests: one side asks, a function of the other side's answers, at once or later, and nothing waits for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

from ..connection.connection import Connection
from ..connection.phase import ReadyState
from ..connection.reply import WebSocketReply
from ..declare.errors import Error
from ..declare.settings import setting
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..protocol.close_codes import PROTOCOL_ERROR
from ..protocol.requests import (
    CANCEL,
    ERROR,
    LETTERS,
    LONGEST_METHOD,
    REPLY,
    REQUEST,
    Asked,
    Dialogue,
    DialogueError,
    Failed,
    Replied,
    TooMany,
    is_method,
)
from ..protocol.session import LayerMessage
from .feature import Feature
from .later_answers import Answered, LaterAnswers
from .payloads import Encoding as PayloadEncoding
from .payloads import Payloads
from .teller import Told, place_of, who

_log = logging.getLogger("ws_python")

_OK = Error.OK
# Seconds until an answer that found no room is tried again.
_TRIED_AGAIN_AFTER = 0.05
_LONGEST_MESSAGE = 1024  # characters
#: Why something cannot be sent that only the session layer can.
NO_SESSION = (
    "there is no session with the other side; turn them on, session_timeout of the server and session of the client"
)
_WHY_UNSENT = {
    Error.ERR_BUSY: "there is no room to send it; send less, or wait for drained",
    Error.ERR_CONNECTION_ERROR: "there is no connection, or its session has ended",
    Error.ERR_OUT_OF_MEMORY: "it is longer than session_buffer_size or outbound_buffer_size; raise them, or send less",
    Error.ERR_UNAVAILABLE: NO_SESSION,
}
_REFUSED_HERE = "outgoing_supervisor has refused it"
_REFUSED_THERE = "the other side's supervisor has refused it"
_ENDED = "the session has ended before the reply came"


class RequestSettings(LaterAnswers):
    """For a server or client with Requests."""

    _requests: Requests | None
    #: How values become payloads: a host has its own way.
    _PAYLOADS: ClassVar[Payloads] = Payloads()
    Encoding = PayloadEncoding

    request_encoding: PayloadEncoding = setting(
        PayloadEncoding.ENCODING_JSON,
        group="Requests",
        doc="How the data of request() is sent; the answer comes in the same way. JSON: what send_json() takes, for "
        "whatever is at the other side. Var: every value of the engine but objects, as var_to_bytes() packs it, such "
        "as a Vector2 or a StringName, between engines. (In plain Python bytes are sent as they are, and all else as "
        "JSON.)",
    )
    request_timeout: float = setting(
        10.0,
        range=(0.1, 3600.0),
        step=0.1,
        unit="s",
        group="Requests",
        doc="Seconds that request() waits for its reply where it is not told otherwise, a cut of the connection "
        "included. Then the reply has the error ERR_TIMEOUT, and the other side does not answer any more. Time in "
        "which nobody polled, such as while a level is loaded, does not count.",
    )
    max_requests: int = setting(
        64,
        range=(1, 65_536),
        group="Requests",
        doc="Requests of one other side that are handled at the same time: those whose handler awaits something, and "
        "has not returned, cancelled ones too. A further one fails with ERR_BUSY.",
    )

    def handle(self, method: str, handler: Callable[..., Any] | None) -> Error:
        """Have a function answer the requests for `method`; null (None), an empty Callable: nobody does any more.

        A server calls it with (peer_id, data), a client with (data), in the order in which requests and messages came.
        What it returns is the reply: any value that JSON has, or, where it was asked with values of the engine, any of
        those. WebSocketReply.fail() makes one that is an error. It may `await` (in Python: be a coroutine function) and
        answer later; other requests are answered meanwhile. Where the other side does not wait any more, nothing is
        sent.

        `method` has at most 128 characters, of ASCII and without spaces. Errors: ERR_INVALID_PARAMETER otherwise.
        """
        assert self._requests is not None
        return self._requests.handle(method, handler)


class Requesting:
    """For one end of a connection: a client, or a server's peer."""

    _connection: Connection | None
    #: What whoever asks is given: a host has its own.
    _REPLY: ClassVar[type[WebSocketReply]] = WebSocketReply

    _requests: Requests | None = None

    def __init__(self) -> None:
        super().__init__()
        self._dialogue: Dialogue[_Waiting] = Dialogue()

    def start_request(self, method: str, data: object = None, timeout: float = 0.0) -> WebSocketReply:
        """Ask the other side: gives the WebSocketReply at once, not completed yet, to wait for it or to cancel it.

        All else is as of request() of a client.
        """
        if self._requests is None:
            reply = self._REPLY()
            reply._complete_later(Error.ERR_CONNECTION_ERROR, _WHY_UNSENT[Error.ERR_CONNECTION_ERROR])
            return reply
        return self._requests.start(self, method, data, timeout)

    def _supervised(self, payload: str | bytes) -> str | bytes | None:
        """What to send in place of what a message of the layer holds for the other side's game; None for nothing."""
        connection, requests = self._connection, self._requests
        if requests is None or connection is None or requests.node.outgoing_supervisor is None:
            return payload
        is_open = connection.ready_state == ReadyState.STATE_OPEN
        if not is_open or (connection.layer is None and not connection.outbox.lasts):
            return payload  # It cannot be sent.
        peer = (connection.intake.peer_id,) if connection.is_server else ()
        passed: str | bytes | None = requests.node._supervision.outgoing_payload(peer, payload)
        return passed

    def _send_layer(self, letter: str, head: str, payload: str | bytes) -> Error:
        connection = self._connection
        if connection is None:
            return Error.ERR_CONNECTION_ERROR
        error = connection.outbox.send_layer(LayerMessage(letter, head, payload))
        is_open = connection.ready_state == ReadyState.STATE_OPEN
        if error == Error.ERR_UNAVAILABLE and not is_open and not hub.is_elsewhere():
            return Error.ERR_CONNECTION_ERROR
        return error


class RequestingClient(Requesting):
    """For a client. (A peer has another `request`: the one that it was opened by.)"""

    def request(self, method: str, data: object = None, timeout: float = 0.0) -> Any:
        """Ask the other side, and wait for its reply: `var reply := await client.request("login", {"name": n}, 5.0)`.

        Gives a WebSocketReply, whose `error` is OK if `data` of it is the reply. It comes in any case: after `timeout`
        seconds at the latest, with ERR_TIMEOUT; 0 for `request_timeout`. For what the other side answers, see handle().

        It takes sessions, on both sides: see `session_timeout` of the server. With them, a request survives a cut of
        the connection: it is handled once, and its reply comes when the connection is back.

        Errors, in the reply: see `error` of WebSocketReply. To cancel it meanwhile, use start_request().
        """
        return self.start_request(method, data, timeout)


class RequestingServer:
    """For a server: its peers are asked."""

    _REPLY: ClassVar[type[WebSocketReply]] = WebSocketReply

    def request(self, peer_id: int, method: str, data: object = None, timeout: float = 0.0) -> Any:
        """Ask one peer, and wait for its reply: `var reply := await server.request(peer_id, "ready", null, 5.0)`.

        See request() of a client. Further errors, in the reply: ERR_DOES_NOT_EXIST for an unknown id.
        """
        return self.start_request(peer_id, method, data, timeout)

    def start_request(self, peer_id: int, method: str, data: object = None, timeout: float = 0.0) -> WebSocketReply:
        """As request(), but gives the WebSocketReply at once, not completed yet, to wait for it or to cancel it."""
        peer: Requesting | None = self.get_peer(peer_id)  # type: ignore[attr-defined]  # Of a server.
        requests: Requests = self._requests  # type: ignore[attr-defined]
        return requests.start_at_nobody(peer_id) if peer is None else requests.start(peer, method, data, timeout)


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request that was sent."""

    reply: WebSocketReply
    number: int = 0
    deadline: Deadline | None = None

    def complete(self, error: Error, message: str = "", data: object = None) -> None:
        """It has come to its end."""
        self._stop()
        self.reply._complete(error, message, data)

    def complete_later(self, error: Error, message: str) -> None:
        """As complete(), of a node that is half gone."""
        self._stop()
        self.reply._complete_later(error, message)

    def _stop(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None


class _TimedOut(NamedTuple):
    """A deadline has passed: what comes of it is told in a poll, as events are."""

    requests: Requests
    endpoint: Requesting
    waiting: _Waiting

    def tell(self, listener: object, connection: object) -> None:
        """Tell it."""
        self.requests.give_up(self.endpoint, self.waiting, Error.ERR_TIMEOUT, "no reply came in time")


class _Question(Answered):
    """A request of the other side that is being handled."""

    def __init__(self, requests: Requests, endpoint: Requesting, number: int, method: str, *, as_text: bool) -> None:
        self._requests = requests
        self.endpoint = endpoint
        self.dialogue = endpoint._dialogue
        self.number = number
        self.method = method
        self.as_text = as_text
        self._is_settled = False

    def settle(self, value: object) -> None:
        """See Answered."""
        if hub.is_elsewhere():
            hub.call_soon(partial(self.settle, value))
        elif not self._is_settled:
            self._is_settled = True
            self._requests.answer(self, value)

    def fail(self, error: BaseException) -> None:
        """See Answered."""
        if hub.is_elsewhere():
            hub.call_soon(partial(self.fail, error))
        elif not self._is_settled:
            self._is_settled = True
            self._requests.tell_failed(self, place_of(error))


class _Answer(NamedTuple):
    """What waits for room."""

    question: _Question
    letter: str
    rest: str
    payload: str | bytes


class Requests(Feature):
    """Asks and answers for one server or client."""

    node: Any

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._requests = self
        self._handlers: dict[str, Callable[..., Any]] = {}
        # Who has asked something: a dict for its order.
        self._asking: dict[Requesting, None] = {}
        self._told = Told()
        # Answers that found no room, and questions whose answer may never come.
        self._unsent: list[_Answer] = []
        self._unsure: dict[_Question, None] = {}
        self._try_again: Deadline | None = None

    # --- asking

    def start(self, endpoint: Requesting, method: str, data: object, timeout: float) -> WebSocketReply:
        """See Requesting."""
        reply = endpoint._REPLY()
        error, problem = self._start(endpoint, reply, method, data, timeout)
        if error:
            if error in (Error.ERR_INVALID_PARAMETER, Error.ERR_UNAVAILABLE) and not hub.is_elsewhere():
                _log.error("request: %s", problem)
            reply._complete_later(error, problem)
        return reply

    def start_at_nobody(self, peer_id: int) -> WebSocketReply:
        """See RequestingServer: there is no such peer."""
        reply: WebSocketReply = self.node._REPLY()
        reply._complete_later(self.node._unknown_peer("request", peer_id), f"there is no peer {peer_id}")
        return reply

    def _start(
        self, endpoint: Requesting, reply: WebSocketReply, method: str, data: object, timeout: float
    ) -> tuple[Error, str]:
        if hub.refuses("request"):
            return Error.ERR_UNAVAILABLE, "only the thread that polls may call it"
        if not is_method(method):
            return Error.ERR_INVALID_PARAMETER, _bad_method()
        if not 0.0 <= timeout < float("inf"):
            return Error.ERR_INVALID_PARAMETER, "timeout must be a number of seconds, or 0 for request_timeout"
        try:
            payload = self.node._PAYLOADS.encode(
                data, as_text=self.node.request_encoding == PayloadEncoding.ENCODING_JSON
            )
        except ValueError as problem:
            return Error.ERR_INVALID_PARAMETER, str(problem)
        payload = endpoint._supervised(payload)
        if payload is None:
            return Error.ERR_UNAUTHORIZED, _REFUSED_HERE
        dialogue = endpoint._dialogue
        if dialogue.is_full:
            return Error.ERR_BUSY, "too many requests wait for their replies; wait for some of them"
        waiting = _Waiting(reply)
        waiting.number, head = dialogue.ask(str(method), waiting)
        if error := endpoint._send_layer(REQUEST, head, payload):
            dialogue.take_back(waiting.number)
            return error, _WHY_UNSENT.get(error, "it could not be sent")
        reply._give_up = partial(self._cancel, endpoint, waiting)
        waiting.deadline = hub.deadlines.of_answer(
            timeout or self.node.request_timeout, lambda: self.node._tell_later(_TimedOut(self, endpoint, waiting))
        )
        self._asking[endpoint] = None
        return _OK, ""

    def _cancel(self, endpoint: Requesting, waiting: _Waiting) -> None:
        if hub.is_elsewhere():
            hub.call_soon(partial(self._cancel, endpoint, waiting))
        else:
            self.give_up(endpoint, waiting, Error.ERR_SKIP, "it was cancelled")

    def give_up(self, endpoint: Requesting, waiting: _Waiting, error: Error, message: str) -> None:
        """Wait for a reply no more, and tell the other side."""
        if not waiting.reply.is_completed and endpoint._dialogue.give_up(waiting.number):
            endpoint._send_layer(CANCEL, str(waiting.number), "")  # Without room: an answer that comes is ignored.
            waiting.complete(error, message)

    # --- hearing

    def layer_message(self, connection: Connection, message: LayerMessage) -> bool:
        """See Feature."""
        if message.letter in LETTERS:
            self._hear(connection, *message)
        return message.letter in LETTERS

    def _hear(self, connection: Connection, letter: str, head: str, payload: str | bytes) -> None:
        endpoint: Requesting | None = connection.intake.peer if connection.is_server else self.node
        if endpoint is None:
            return
        try:
            heard = endpoint._dialogue.receive(letter, head, self.node.max_requests)
        except DialogueError as problem:
            self.node._count("closed_bad_request")
            connection.give_up(PROTOCOL_ERROR, str(problem))
            return
        if isinstance(heard, Asked):
            question = _Question(self, endpoint, heard.number, heard.method, as_text=isinstance(payload, str))
            self._ask(question, connection, payload)
        elif isinstance(heard, TooMany):
            self._refuse(endpoint, connection, heard)
        elif isinstance(heard, Replied):
            self._complete(heard.waiter, connection, payload)
        elif isinstance(heard, Failed):
            code = Error(heard.code) if heard.code in Error._value2member_map_ and heard.code else Error.FAILED
            said = self._passed(connection, payload) if payload else ""
            heard.waiter.complete(code, said if isinstance(said, str) else "")

    def _passed(self, connection: Connection, payload: str | bytes) -> str | bytes | None:
        """What the supervisor lets through of what came; None for nothing."""
        if self.node.supervisor is None:
            return payload
        passed: str | bytes | None = self.node._supervision.incoming_payload(connection, payload)
        return passed

    def _complete(self, waiting: _Waiting, connection: Connection, came: str | bytes) -> None:
        payload = self._passed(connection, came)
        if payload is None and connection.intake.is_ignored:  # The supervisor has ended it all.
            waiting.complete_later(Error.ERR_CONNECTION_ERROR, _ENDED)
            return
        if payload is None:
            waiting.complete(Error.ERR_UNAUTHORIZED, "the supervisor has refused the reply")
            return
        try:
            data = self.node._PAYLOADS.decode(payload)
        except ValueError as problem:
            waiting.complete(Error.ERR_INVALID_DATA, f"the reply cannot be read: {problem}")
        else:
            waiting.complete(_OK, "", data)

    def session_over(self, endpoint: Requesting, error: Error) -> None:
        """The session of that end is over: nothing of what was asked is answered any more, on either side."""
        dialogue, endpoint._dialogue = endpoint._dialogue, Dialogue()
        self._asking.pop(endpoint, None)
        for waiting in dialogue.end():
            waiting.complete(error, NO_SESSION if error == Error.ERR_UNAVAILABLE else _ENDED)

    # --- answering

    def handle(self, method: str, handler: Callable[..., Any] | None) -> Error:
        """See RequestSettings."""
        if not is_method(method):
            _log.error("handle: %s", _bad_method())
            return Error.ERR_INVALID_PARAMETER
        if handler is None:
            self._handlers.pop(str(method), None)
        elif not callable(handler):
            _log.error("handle: the handler must be a Callable")
            return Error.ERR_INVALID_PARAMETER
        else:
            self._handlers[str(method)] = handler
        return _OK

    def _refuse(self, endpoint: Requesting, connection: Connection, refused: TooMany) -> None:
        self.node._count("requests_refused_busy")
        self.node._teller.tell(who(connection), "a request is refused, for max_requests are being handled")
        endpoint._send_layer(ERROR, f"{refused.number} {Error.ERR_BUSY}", "too many requests are being handled")

    def _ask(self, question: _Question, connection: Connection, came: str | bytes) -> None:
        payload = self._passed(connection, came)
        if payload is None:
            self._send_error(question, Error.ERR_UNAUTHORIZED, _REFUSED_THERE)
            return
        if question.dialogue is not question.endpoint._dialogue:
            return  # The supervisor has ended the session.
        handler = self._handlers.get(question.method)
        if handler is None:
            self.node._count("requests_without_handler")
            self._send_error(question, Error.ERR_METHOD_NOT_FOUND, f'nobody handles "{question.method}"')
            return
        try:
            data = self.node._PAYLOADS.decode(payload)
        except ValueError as problem:
            self.node._count("requests_unreadable")
            self._send_error(question, Error.ERR_INVALID_DATA, f"the data of the request cannot be read: {problem}")
            return
        try:
            value = handler(connection.intake.peer_id, data) if connection.is_server else handler(data)
            if isinstance(value, WebSocketReply) and not value.is_completed:
                value.completed.connect(question.settle)
            elif not self.node._answers_later(value, question):
                question.settle(value)
            elif question.is_coming is not None:
                self._unsure[question] = None
        except Exception as error:
            question.fail(error)

    def answer(self, question: _Question, value: object) -> None:
        """A handler has answered."""
        self._unsure.pop(question, None)
        if not question.dialogue.is_awaited(question.number):
            question.dialogue.answered(question.number)
            return
        if isinstance(value, WebSocketReply):
            if value.error:
                said = question.endpoint._supervised(value.message) if value.message else ""
                self._send_error(question, value.error, said if isinstance(said, str) else "")
                return
            value = value.data
        try:
            payload = self.node._PAYLOADS.encode(value, as_text=question.as_text)
        except ValueError as problem:
            self._tell(f'what the handler of "{question.method}" returned cannot be sent: {problem}')
            self._send_error(question, Error.ERR_SCRIPT_FAILED, "the handler returned what cannot be sent")
            return
        passed = question.endpoint._supervised(payload)
        if passed is None:
            self._send_error(question, Error.ERR_UNAUTHORIZED, _REFUSED_THERE)
        else:
            self._send(_Answer(question, REPLY, "", passed))

    def tell_failed(self, question: _Question, what: str) -> None:
        """A handler has raised, or will never answer."""
        self._unsure.pop(question, None)
        self.node._count("handlers_failed")
        self._tell(f'the handler of "{question.method}" failed: {what}')
        self._send_error(question, Error.ERR_SCRIPT_FAILED, "the handler failed")

    def _tell(self, problem: str) -> None:
        if self._told.is_new(problem):
            _log.error("handle: %s", problem)

    def _send_error(self, question: _Question, error: Error, message: str) -> None:
        text = str(message)[:_LONGEST_MESSAGE].encode("utf-8", "replace").decode()
        self._send(_Answer(question, ERROR, f" {int(error)}", text))

    def _send(self, answer: _Answer) -> None:
        question = answer.question
        if question.dialogue is not question.endpoint._dialogue or not question.dialogue.is_awaited(question.number):
            question.dialogue.answered(question.number)
            return
        error = question.endpoint._send_layer(answer.letter, f"{question.number}{answer.rest}", answer.payload)
        if error == Error.ERR_BUSY:
            self._unsent.append(answer)
            if self._try_again is None:
                self._try_again = hub.deadlines.after(_TRIED_AGAIN_AFTER, self._send_unsent)
            return
        if error == Error.ERR_OUT_OF_MEMORY and answer.letter == REPLY:
            self._send_error(question, error, "the reply is longer than what this side can send")
            return
        question.dialogue.answered(question.number)

    def _send_unsent(self) -> None:
        self._try_again = None
        unsent, self._unsent = self._unsent, []
        for answer in unsent:
            self._send(answer)

    # --- see Feature

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """See Feature."""
        for question in [one for one in self._unsure if one.is_coming is not None and not one.is_coming()]:
            question._is_settled = True
            self.tell_failed(question, "what it awaited is gone, or its object was freed")

    def forget(self) -> None:
        """See Feature."""
        self._handlers.clear()
        self._unsure.clear()
        self._unsent.clear()
        asking, self._asking = self._asking, {}
        for endpoint in asking:
            for waiting in endpoint._dialogue.end():
                waiting.complete_later(Error.ERR_CONNECTION_ERROR, "the node was freed")


def _bad_method() -> str:
    return f"a method is a name of 1 to {LONGEST_METHOD} characters of ASCII, without spaces"
