"""REGISTER: our numbers at registrars, kept, and taken back (RFC 3261, section 10)."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, field
from zlib import crc32

from sipmessage import URI, Request, Response

from api.sip.auth import Credentials
from api.sip.credentials_shown import with_credentials
from api.sip.dialogs import MOST_FORWARDS, contact_of
from api.sip.flows import Flow
from api.sip.header_text import read_uri
from api.sip.header_values import written_again
from api.sip.messages import header_list, number, parameter
from api.sip.user_agent_words import Desk, status_words

FIRST_BACK_OFF = 30.0  # seconds, as RFC 5626, section 4.5
LONGEST_BACK_OFF = 1800.0
LONGEST_EXPIRES = 7 * 86_400
SHORTEST_EXPIRES = 10  # of a registrar that grants less, we ask as if it were this
SOON_SECONDS = 60.0  # before it expires, or half of it
MOST_TRIES = 4


@dataclass(frozen=True, slots=True)
class Registration:
    """One number at one registrar. `name` is its owner's word for it; `registrar` is a SIP URI."""

    name: str
    registrar: str
    username: str
    password: str = field(repr=False)


class Registrations:
    """All of them. What becomes of each is told by the hook `registered`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: dict[str, KeptRegistration] = {}
        self._leaving: set[KeptRegistration] = set()

    def __len__(self) -> int:
        return len(self._kept) + len(self._leaving)

    def register(self, wanted: Registration, flow: Flow, now: float) -> None:
        """Register, or with another flow or password go on. Raises ValueError for a bad URI."""
        uri = read_uri(wanted.registrar)
        kept = self._kept.get(wanted.name)
        if kept is not None and kept.wanted == wanted:
            kept.over_another_flow(flow, now)
            return
        if kept is not None:
            self.unregister(wanted.name, now)
        self._leaving = {leaving for leaving in self._leaving if not leaving.done}
        if len(self) >= self._desk.settings.registrations:
            self._desk.hooks.registered(wanted.name, False, "too many registrations")
            return
        self._kept[wanted.name] = KeptRegistration(self._desk, wanted, uri, flow)
        self._kept[wanted.name].begin(now)

    def unregister(self, name: str, now: float) -> None:
        """Take it back; one that is not known does nothing."""
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._leaving.add(kept)
            kept.leave(now)

    def lost(self, flow: Flow, now: float) -> None:
        for kept in self._kept.values():
            kept.lost(flow, now)

    def due(self) -> float:
        return min((kept.due_at for kept in self._kept.values()), default=math.inf)

    def tick(self, now: float) -> None:
        for kept in [*self._kept.values()]:
            if now >= kept.due_at:
                kept.begin(now)
        self._leaving = {kept for kept in self._leaving if not kept.done}


class KeptRegistration:
    """One registration on its way, standing, or waiting to be tried again."""

    def __init__(self, desk: Desk, wanted: Registration, uri: URI, flow: Flow) -> None:
        self.wanted = wanted
        self.due_at = math.inf
        self.done = False  # taken back
        self._desk = desk
        self._uri = uri
        self._flow = flow
        self._call_id = secrets.token_hex(16)
        self._tag = secrets.token_hex(8)
        self._sequence = 0
        self._expires = desk.settings.register_seconds
        self._stands = False
        self._failures = 0
        self._transaction = ""
        self._request: Request | None = None
        self._tries = 0

    def begin(self, now: float) -> None:
        """Send a REGISTER."""
        self.due_at = math.inf
        self._tries = 0
        self._send(self._fresh(), now)

    def leave(self, now: float) -> None:
        self._expires = 0
        self.done = not (self._stands or self._transaction)
        if self.done:
            self._told(False, "")
        else:
            self.begin(now)

    def over_another_flow(self, flow: Flow, now: float) -> None:
        if flow != self._flow or not self._stands:
            self._flow = flow
            self.begin(now)

    def lost(self, flow: Flow, now: float) -> None:
        if flow == self._flow and flow.reliable and self._stands and not self._transaction:
            self._fail("connection lost", now)

    def responded(self, transaction: str, response: Response, request: Request, now: float) -> None:
        if transaction != self._transaction or response.code < 200:
            return
        self._transaction = ""
        if response.code < 300:
            self._granted(response, now)
        elif not self._once_more(response, now):
            self._fail(status_words(response), now)

    def failed(self, transaction: str, silent: bool, now: float) -> None:
        if transaction == self._transaction:
            self._transaction = ""
            self._fail("no answer" if silent else "not reachable", now)

    def _fresh(self) -> Request:
        request = Request("REGISTER", URI(self._uri.scheme, self._uri.host, port=self._uri.port))
        ours = URI("sip", self._uri.host, self.wanted.username)
        headers = request.headers
        headers.add("Max-Forwards", MOST_FORWARDS)
        headers.add("From", f"<{ours}>;tag={self._tag}")
        headers.add("To", f"<{ours}>")
        headers.add("Call-ID", self._call_id)
        headers.add("CSeq", "0 REGISTER")
        headers.add("Contact", contact_of(self._flow, self.wanted.username))
        headers.add("Expires", str(self._expires))
        return request

    def _send(self, request: Request, now: float) -> None:
        if self._transaction:
            self._desk.forget(self._transaction)
        self._sequence += 1
        request.headers.set("CSeq", f"{self._sequence} REGISTER")
        self._request = request
        self._transaction = self._desk.send(request, self._flow, self, now)

    def _once_more(self, response: Response, now: float) -> bool:
        self._tries += 1
        sent, again = self._request, None
        if self._tries >= MOST_TRIES or sent is None:
            return False
        if response.code in (401, 407):
            who = Credentials(self.wanted.username, self.wanted.password)
            again = with_credentials(sent, response, who, 0)
        elif response.code == 423:
            least = number(response, "Min-Expires") or 0
            if self._expires and self._expires < least <= LONGEST_EXPIRES:
                self._expires = least
                again = written_again(sent, 0)
                again.headers.set("Expires", str(least))
        if again is None:
            return False
        self._send(again, now)
        return True

    def _granted(self, response: Response, now: float) -> None:
        if not self._expires:
            self.done = True
            self._told(False, "")
            return
        seconds = max(SHORTEST_EXPIRES, min(self._granted_seconds(response), LONGEST_EXPIRES))
        self.due_at = now + max(seconds / 2, seconds - SOON_SECONDS)
        self._failures = 0
        if not self._stands:
            self._stands = True
            self._told(True, "")

    def _granted_seconds(self, response: Response) -> int:
        """Return what our Contact has in the answer, else its Expires, else what we asked for."""
        ours = contact_of(self._flow, self.wanted.username)
        for contact in header_list(response, "Contact"):
            text = parameter(contact, "expires") or ""
            if ours.strip("<>") in contact and text.isascii() and text.isdigit():
                return int(text[:9])
        granted = number(response, "Expires")
        return self._expires if granted is None else granted

    def _fail(self, why: str, now: float) -> None:
        self._stands = False
        if not self._expires:
            self.done = True
            self._told(False, "")  # another one may have its name by now
            return
        seconds = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2.0 ** min(self._failures, 16))
        self._failures += 1
        # Rooms that failed together do not come back in the same moment.
        spread = 1 + crc32(self.wanted.name.encode()) % 256 / 1024
        self.due_at = now + seconds * spread
        self._told(False, why)

    def _told(self, ok: bool, why: str) -> None:
        self._desk.hooks.registered(self.wanted.name, ok, why)
