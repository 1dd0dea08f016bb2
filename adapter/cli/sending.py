"""Sends messages to an adapter's webhooks, in order, until each is acknowledged or finally refused."""

import asyncio
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
import orjson

from adapter.cli.unreachable import unreachable_text
from adapter.errors import AdapterError, ConfigError
from adapter.model import Secret

_TIMEOUT_S = 60.0
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_TOO_MUCH = (400, 413)


@dataclass(frozen=True, slots=True)
class SendResult:
    """An adapter's answer; `status` 0: none. `wait_s` is its Retry-After, None if it has none."""

    status: int
    success: bool
    text: str
    wait_s: float | None


class Sender:
    """Posts to the adapter at `url`, signed if there is a `signing` secret. Gives up after `patience_s` without a
    success.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        key: Secret,
        *,
        signing: Secret | None = None,
        patience_s: float = 600.0,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key.reveal()}", "Content-Type": "application/json"}
        self._signing = signing
        self._patience_s = patience_s
        self._reached = False

    async def send(self, source: str, messages: Sequence[bytes]) -> int:
        """How many of `messages` (JSON) the adapter refused; on return the others are stored.

        Raises ConfigError for what only a person can fix, AdapterError if it takes too long.
        """
        answer = await self._post_until_answered(source, messages)
        if answer.success:
            return 0
        if answer.status in _TOO_MUCH and len(messages) == 1:
            return 1
        if answer.status in _TOO_MUCH:
            # One message, or all together, are too large: sending halves finds it.
            half = len(messages) // 2
            return await self.send(source, messages[:half]) + await self.send(source, messages[half:])
        raise ConfigError(f"{self._place(source)} answered {answer.status}: {_ADVICE.get(answer.status, answer.text)}")

    async def _post_until_answered(self, source: str, messages: Sequence[bytes]) -> SendResult:
        """The first answer that does not ask to retry later."""
        body = b"[" + b",".join(messages) + b"]"
        headers = {**self._headers, **self._signature(messages[0])}
        end_s = time.monotonic() + self._patience_s
        backoff_s = _FIRST_WAIT_S
        while True:
            answer = await self._post(source, body, headers)
            if 0 < answer.status < 500 and answer.status not in (408, 425, 429):
                self._reached = True
                return answer
            if not answer.status and not self._reached:
                raise ConfigError(f"cannot reach {self._url}: {answer.text}; is the adapter running there?")
            wait_s = backoff_s if answer.wait_s is None else answer.wait_s
            if time.monotonic() + wait_s > end_s:
                detail = f"answered {answer.status}" if answer.status else answer.text
                raise AdapterError(f"{self._url}: {detail} for too long; run the same command again to continue")
            await asyncio.sleep(wait_s)
            backoff_s = min(2 * backoff_s, _LONGEST_WAIT_S)

    async def _post(self, source: str, body: bytes, headers: dict[str, str]) -> SendResult:
        try:
            async with self._session.post(
                self._place(source),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, OSError) as cause:
            return SendResult(0, False, unreachable_text(cause), None)
        after = response.headers.get("Retry-After", "")
        wait_s = float(after) if after.isascii() and after.isdigit() else None
        return SendResult(response.status, *_read(response.status, body), wait_s)

    def _signature(self, first: bytes) -> dict[str, str]:
        """Segment's header, which covers the first message of an array (`adapter.ingest.signature`)."""
        if self._signing is None:
            return {}
        return {"X-Signature": hmac.new(self._signing.reveal().encode(), first, "sha1").hexdigest()}

    def _place(self, source: str) -> str:
        return f"{self._url}/webhooks/{quote(source, safe='')}"


_ADVICE = {
    200: "which is not an answer of browsee-adapter; --to must be the adapter's own address, such as http://127.0.0.1:8080",
    401: "the key is not of this source (--source sends one source, --as renames it), or the source has "
    "`signing_secrets` and the signature is missing or wrong (--sign)",
    404: "there are no webhooks here; --to must be the adapter's own address, such as http://127.0.0.1:8080",
}


def _read(status: int, body: bytes) -> tuple[bool, str]:
    """Whether it was a success, and the adapter's own words if not."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        return False, "an answer that is not from browsee-adapter"
    return status == 200 and said.get("success") is True, str(said.get("message", ""))
