"""aiohttp's request parser, stopped at the first malformed byte.

aiohttp feeds its parser again after an error, and keeps one error with a copy of the input for each further read, up to
32 a connection. A peer that floods a connection with bytes that are not HTTP could fill the memory that way.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

Parsed: TypeAlias = tuple[Sequence[tuple[Any, Any]], bool, bytes]
"""Requests with their bodies, whether the connection changes its protocol, and the input after that change."""

_MOST_FRAMING: Final = 8_192
"""Bytes at once within a body that do not belong to it: headers of chunks and trailers are shorter."""
_NOTHING: Final[Parsed] = ((), False, b"")
# One exception for all: a raised one would hold the input through its traceback and its text.
_REFUSED: Final[Parsed] = (((_ErrInfo(400, BadHttpMessage(""), ""), EMPTY_PAYLOAD),), False, b"")


class RequestParser:
    """Wraps `parser`. After the first malformed input, further input is dropped.

    `stopped` is called once at that moment: with True if the body of a request was incomplete then. That body ends with
    web.RequestPayloadError, and its request gets the only answer; otherwise the malformed input counts as a request of
    its own, which aiohttp answers by `handle_error`.
    """

    __slots__ = ("_is_stopped", "_last_body", "_parser", "_stopped", "may_hold_input")

    def __init__(self, parser: Any, stopped: Callable[[bool], None]) -> None:
        self._parser = parser
        self._stopped = stopped
        self._is_stopped = False
        self._last_body: Any = EMPTY_PAYLOAD
        # After a body that arrived later than its header, aiohttp counts one waiting request too many, and may then
        # hold further requests back until it is fed again, though nothing was paused.
        self.may_hold_input = False

    @property
    def is_between_requests(self) -> bool:
        """The last request is complete, so the next byte belongs to a header."""
        return bool(self._last_body.is_eof())

    def feed_data(self, data: bytes) -> Parsed:
        """The requests that begin in `data`. Never raises HttpProcessingError."""
        if self._is_stopped:
            return _NOTHING
        body = self._last_body
        arrived_bytes = body.total_bytes
        try:
            parsed: Parsed = self._parser.feed_data(data)
        except HttpProcessingError:
            return self._stop()
        if len(data) > _MOST_FRAMING and body.total_bytes == arrived_bytes and not body.is_eof():
            # A chunk extension, or trailers, without end.
            return self._stop()
        for message, body in parsed[0]:
            # RFC 9112, 6.1: an HTTP/1.0 intermediary does not know chunks, so the framing is faulty.
            if message.chunked and message.version < HttpVersion11:
                return self._stop()
            self._last_body = body
        if not self._last_body.is_eof():
            self.may_hold_input = True
        return parsed

    def _stop(self) -> Parsed:
        self._is_stopped = True
        # This releases the input that it holds.
        self._parser = None
        body, self._last_body = self._last_body, EMPTY_PAYLOAD
        is_incomplete = not body.is_eof()
        if is_incomplete:
            body.set_exception(web.RequestPayloadError("the body is not valid HTTP"))
            # No reader waits for the rest of the body; its reader gets the exception first.
            body.feed_eof()
        self._stopped(is_incomplete)
        return _NOTHING if is_incomplete else _REFUSED

    def pause_reading(self) -> None:
        """The body that is being parsed is not read fast enough."""
        if not self._is_stopped:
            self._parser.pause_reading()

    def message_consumed(self) -> None:
        """One request less waits for its handler."""
        if not self._is_stopped:
            self._parser.message_consumed()

    def set_upgraded(self, is_upgraded: bool) -> None:
        """The protocol stays HTTP, or changes."""
        if not self._is_stopped:
            self._parser.set_upgraded(is_upgraded)

    def feed_eof(self) -> Any:
        """The peer sends no more."""
        return None if self._is_stopped else self._parser.feed_eof()
