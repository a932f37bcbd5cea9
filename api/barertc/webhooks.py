"""Webhooks: the web site is told of reports and asked for profiles (fact sheet 2.9).

Only addresses of the configuration are called; redirects are not followed, answers are bounded, and
nothing of an address, a key or a body is logged.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import httpx
import structlog
import trio

if TYPE_CHECKING:
    from api.barertc.errands import Errands
    from api.barertc.settings import BareRtcSettings

log = structlog.get_logger(__name__)

RETRY_PAUSES = (1.0, 4.0)  # seconds before the second and the third attempt of a report
AT_ONCE = 4  # calls; the others wait

OnReported = Callable[[str], None]
"""Told of the fate of a report: "" when it was delivered, else why not, fit to be shown."""


class WebhookFailed(Exception):
    """The web site did not take it; the text says why, holds no secret and may be shown."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing  # another attempt may do


@dataclass(frozen=True, slots=True)
class AbuseReport:
    """What somebody, or a rule, has to say of a message; `timestamp` as the client sent it."""

    from_username: str
    about_username: str
    channel: str
    timestamp: str = ""
    reason: str = ""
    message: str = field(default="", repr=False)
    comment: str = field(default="", repr=False)

    def document(self) -> dict[str, str]:
        """Return it as the web site reads it."""
        return {
            "FromUsername": self.from_username,
            "AboutUsername": self.about_username,
            "Channel": self.channel,
            "Timestamp": self.timestamp,
            "Reason": self.reason,
            "Message": self.message,
            "Comment": self.comment,
        }


class Webhooks:
    """Calls the web site, a few times at once; what may wait is bounded in number and bytes."""

    def __init__(
        self, settings: Callable[[], BareRtcSettings], api_key: Callable[[], str], errands: Errands
    ) -> None:
        self._settings = settings
        self._api_key = api_key
        self._errands = errands
        self._at_once = trio.CapacityLimiter(AT_ONCE)
        self._waiting = 0
        self._bytes = 0

    @property
    def reports_wanted(self) -> bool:
        """Whether the web site takes reports."""
        return bool(self._settings().webhook("report"))

    def report(self, report: AbuseReport, on_reported: OnReported = lambda _: None) -> None:
        """Send a report behind the caller's back; `on_reported` hears what became of it.

        It is called once, within the time that the attempts take, unless the process ends before.
        It may be called before this returns, never waits and raises nothing. A report whose answer
        was lost is sent again, so the site may get one twice.
        """
        if not self.reports_wanted:
            on_reported("the report webhook is not enabled")
            return
        body = self._body({"Action": "report", "Report": report.document()})
        settings = self._settings()
        full = (
            self._waiting >= settings.webhooks_waiting
            or self._bytes + len(body) > settings.webhook_bytes
        )
        if full:
            log.warning("webhook.dropped", webhook="report")
            on_reported("too many reports are waiting")
        elif not self._errands.run(partial(self._deliver, body, on_reported), "report"):
            on_reported("the server is about to restart")
        else:
            self._waiting += 1
            self._bytes += len(body)

    async def profile(self, username: str) -> dict[str, Any]:
        """Ask for somebody's profile: the JSON object that the site has answered.

        Raises WebhookFailed.
        """
        if not self._settings().webhook("profile"):
            raise WebhookFailed("the profile webhook is not enabled")
        if self._waiting >= self._settings().webhooks_waiting:
            raise WebhookFailed("too many requests are waiting", passing=True)
        self._waiting += 1
        body = self._body({"Action": "profile", "Username": username})
        seconds = self._settings().webhook_seconds
        try:
            with trio.fail_after(seconds):  # the wait for its turn as well: somebody looks on
                answer = await self._call("profile", body)
        except trio.TooSlowError:
            raise _too_slow(seconds) from None
        finally:
            self._waiting -= 1
        try:
            document = json.loads(answer)
        except (ValueError, RecursionError):
            raise WebhookFailed("the answer is not JSON") from None
        if not isinstance(document, dict):
            raise WebhookFailed("the answer is no JSON object")
        return document

    async def _deliver(self, body: bytes, on_reported: OnReported) -> None:
        fate = "the server is about to restart"
        try:
            fate = await self._attempts(body)
        finally:
            self._waiting -= 1
            self._bytes -= len(body)
            on_reported(fate)

    async def _attempts(self, body: bytes) -> str:
        for pause in (*RETRY_PAUSES, None):
            try:
                await self._call("report", body)
            except WebhookFailed as failure:
                log.warning("webhook.failed", webhook="report", reason=str(failure))
                if pause is None or not failure.passing:
                    return str(failure)
                await trio.sleep(pause)
            else:
                log.info("webhook.delivered", webhook="report")
                return ""
        raise AssertionError("unreachable")

    async def _call(self, name: str, body: bytes) -> bytes:
        """Post to a webhook when it is its turn, and return the answer of a 200."""
        settings = self._settings()
        seconds = settings.webhook_seconds
        try:
            async with self._at_once:
                with trio.fail_after(seconds):
                    return await _post(
                        settings.webhook(name), body, settings.webhook_bytes, seconds
                    )
        except trio.TooSlowError:
            raise _too_slow(seconds) from None
        except httpx.InvalidURL:
            raise WebhookFailed("the address cannot be called") from None
        except (httpx.HTTPError, OSError) as error:
            # The text may hold the address, and with it a secret.
            reason = f"the web site cannot be reached ({type(error).__name__})"
            raise WebhookFailed(reason, passing=True) from None

    def _body(self, document: dict[str, Any]) -> bytes:
        text = json.dumps(document | {"APIKey": self._api_key()}, ensure_ascii=True)
        return text.encode("ascii")


def _too_slow(seconds: float) -> WebhookFailed:
    return WebhookFailed(f"no answer within {seconds:g} seconds", passing=True)


async def _post(url: str, body: bytes, most: int, seconds: float) -> bytes:
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
    }
    async with httpx.AsyncClient(
        verify=_certificates(), trust_env=False, timeout=seconds
    ) as client:
        asked = client.build_request("POST", url, headers=headers)
        request = httpx.Request("POST", url, headers=asked.headers, stream=_InOnePiece(body))
        request.extensions = asked.extensions  # its timeouts
        response = await client.send(request, stream=True)
        try:
            if response.status_code != 200:  # a redirection too
                passing = response.status_code >= 500 or response.status_code == 429
                raise WebhookFailed(f"HTTP status {response.status_code}", passing=passing)
            return await _bounded(response, most)
        finally:
            await response.aclose()


async def _bounded(response: httpx.Response, most: int) -> bytes:
    """Read an answer. A long one is cut off from inside, so that no generator is left half-run."""
    found = bytearray()
    with trio.CancelScope() as scope:
        async for part in response.aiter_raw():
            found += part
            if len(found) > most:
                scope.cancel()
    if len(found) > most:
        raise WebhookFailed("the answer is too long")
    return bytes(found)


class _InOnePiece(httpx.AsyncByteStream):
    """The body of a request, in one piece.

    Not httpx's own, which is a generator: cancelled while it is sent, that is left half-run.
    """

    def __init__(self, data: bytes) -> None:
        self._parts = [data]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        return self._parts.pop()


@cache
def _certificates() -> ssl.SSLContext:
    """Trust whom the machine trusts."""
    return ssl.create_default_context()
