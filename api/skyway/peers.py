"""The operations on peers."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

from quart import Response, request
from werkzeug.exceptions import MethodNotAllowed

from actors.core import ActorStopped, Message, Refused
from actors.device.credentials import Credential, check_credential
from actors.device.messages import RenewCredential, ShowPeer
from actors.device.services import PeerSpec
from actors.member.messages import End, RefuseSecond
from actors.words.close_reasons import CloseReason
from actors.words.device_refusals import CredentialWrong
from actors.words.keys import MemberKey
from actors.words.refusals import Busy, TooManyPeers
from api.http.asking import ask, budget, client, in_time
from api.http.credentials import TooManyAttempts
from api.http.devices import device_of
from api.skyway import bodies
from api.skyway.asked import Asked, credential_of
from api.skyway.book import Entry
from api.skyway.errors import RestRefused, refuse_if, unspecified
from api.skyway.ids import new_id, new_peer_id
from api.skyway.polling import poll
from api.skyway.rest import accepting, answer, done, path_id, read, token
from api.skyway.state import SkywayState
from api.skyway.wire import DIALECT, peer_event

BELOW = ("credential", "events", "status")  # what stands below a peer in paths


class PeerOperations:
    def __init__(self, state: SkywayState) -> None:
        self._state = state

    async def create(self) -> Response:
        body = await read(bodies.PeerOptions)
        asked = Asked()
        asked.text("key", body.key)
        asked.text("domain", body.domain)
        if body.peer_id:
            asked.peer_id("peer_id", body.peer_id)
        asked.check()
        accepting(self._state)
        spec = await self._spec(body)
        await self._open(spec)
        params = bodies.PeerParameters(peer_id=spec.key.id, token=spec.token)
        return answer(bodies.PeerResponse(params=params), 201)

    async def delete(self, peer_id: str) -> Response:
        last = request.path.rstrip("/").rpartition("/")[2]
        if peer_id != last and last in BELOW and path_id("", 2, 3) == "":
            raise MethodNotAllowed(["PUT"] if last == "credential" else ["GET"])
        entry = self._peer(peer_id, 3)
        await end(self._state, entry, End(CloseReason.UNREGISTERED), "peer_id")
        return done()

    async def renew(self, peer_id: str) -> Response:
        entry = self._peer(peer_id, 4)
        body = await read(bodies.PeerCredential, "credential")
        await self._renew(entry, credential_of(body))
        params = bodies.CredentialParameters(credential=body)
        return answer(bodies.CredentialResponse(params=params))

    async def events(self, peer_id: str) -> Response:
        entry = self._peer(peer_id, 4)
        shown = partial(peer_event, peer_id=entry.peer_id, token=entry.id)
        return await poll(self._state, entry, "peer_id", shown)

    async def status(self, peer_id: str) -> Response:
        entry = self._peer(peer_id, 4)
        stands = await ask(entry.actor, ShowPeer())
        shown = bodies.PeerStatusMessage(peer_id=stands.id, disconnected=not stands.reachable)
        return answer(shown)

    # ---

    def _peer(self, routed: str, parts: int) -> Entry:
        """Return the peer that the path names and the query's token is for."""
        given = token()
        entry = self._state.peer(path_id(routed, 2, parts), given)
        self._state.used(entry)
        return entry

    async def _renew(self, entry: Entry, credential: Credential) -> None:
        """Have the peer go on, by the secret that its key has now. Raises CredentialWrong."""
        realm = MemberKey.from_slug(entry.actor.name).realm
        secret = self._state.services.peer_keys.secret_of(realm)
        if secret is None and (await ask(entry.actor, ShowPeer())).expires_in is not None:
            raise CredentialWrong("its API key is not listed any more")
        await ask(entry.actor, RenewCredential(credential, secret or ""))

    async def _spec(self, body: bodies.PeerOptions) -> PeerSpec:
        """Return what the peer is made from; guessing keys takes ever longer.

        Programs of one machine have one address, so each id counts by itself: a program whose
        credentials are wrong locks no other one out. Raises RestRefused, CredentialWrong.
        """
        guard, address = self._state.services.guard, client().address
        attempt = (address, DIALECT, body.key, body.domain, body.peer_id or "")
        try:
            await guard.admit(*attempt)
        except TooManyAttempts:
            self._state.services.login_refused(DIALECT, "too_many_attempts", address)
            raise RestRefused(403, ("key", "too many wrong ones have come from there")) from None
        try:
            spec = self._allowed(body, address)
        except CredentialWrong:
            guard.failed(*attempt)
            self._state.services.login_refused(DIALECT, "wrong_credential", address)
            raise
        except RestRefused as refusal:
            if refusal.status == 403:
                guard.failed(*attempt)
                self._state.services.login_refused(DIALECT, "wrong_key", address)
            else:
                guard.undecided(*attempt)
            raise
        guard.succeeded(*attempt)
        return spec

    def _allowed(self, body: bodies.PeerOptions, address: str) -> PeerSpec:
        """Check key, domain and credential. Raises RestRefused, CredentialWrong."""
        found = self._state.key_of(body.key, body.domain)
        if found is None:
            raise RestRefused(403, ("key", "key or domain is wrong"))
        credential = credential_of(body.credential) if body.credential else None
        if found.secret:
            needed = (("peer_id", body.peer_id), ("credential", credential))
            refuse_if(unspecified(field) for field, given in needed if not given)
            check_credential(found.secret, body.peer_id or "", credential, time.time())
        return PeerSpec(
            MemberKey(found.realm, body.peer_id or new_peer_id()),
            new_id("pt"),
            address,
            turn=body.turn is not False,
            secret=found.secret,
            credential=credential,
            dialect=DIALECT,
            where=self._state.services.where_from(
                address, device_of(request.headers.get("User-Agent", ""))
            ),
        )

    async def _open(self, spec: PeerSpec) -> None:
        """Have the peer come about; nobody keeps one that its program does not hear of."""
        state = self._state
        if state.book.peers + state.opening >= state.settings.peers:
            raise TooManyPeers
        state.opening += 1
        known = False
        try:
            peer = await in_time(
                state.services.directory.open_member(
                    spec.key, partial(state.new_peer, spec), RefuseSecond(taken=True)
                )
            )
            await ask(peer, ShowPeer())  # until it is whole
            known = True
        except Refused:
            known = True  # that there is none
            raise
        except ActorStopped:
            raise Busy from None
        finally:
            state.opening -= 1
            if not known:
                state.book.abandon(spec.token, End(CloseReason.DISCONNECTED))


async def end(state: SkywayState, entry: Entry, order: Message, field: str) -> None:
    """End a peer or connection, and wait until all that it had is free. Raises RestRefused."""
    if not entry.ended.is_set():
        with suppress(ActorStopped):  # it ends already
            entry.actor.tell(order)
        if not await state.book.until_ended(entry, budget()):
            raise RestRefused(503, (field, "it takes its time to end, try again"))
    state.book.drop(entry)
