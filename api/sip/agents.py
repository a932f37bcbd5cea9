"""The agent of each life of the telephone, as the telephone uses it."""

from __future__ import annotations

from actors.words.calls import CallDescription
from api.sip.accounts import MOST as MOST_ACCOUNTS
from api.sip.agent import AgentSettings, Credentials, Registration, SipLeg, UserAgent
from api.sip.flows import Flow
from api.sip.life import TelephoneLife
from api.sip.rooms import RoomAccount
from api.sip.transactions import TransactionLayer

ENDING = 100  # calls that are over, but whose last messages may still be repeated


class AccountedAgent:
    """A UserAgent that registers accounts of rooms."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self.receive = agent.receive
        self.lost = agent.lost
        self.tick = agent.tick
        self.due = agent.due
        self.outgoing = agent.outgoing
        self.unregister = agent.unregister

    def dial(
        self,
        uri: str,
        flow: Flow,
        credentials: Credentials | None,
        local: str,
        offer: CallDescription,
        ring_seconds: float,
        now: float,
    ) -> SipLeg:
        """Call somebody, see UserAgent.dial."""
        return self._agent.dial(uri, flow, credentials, local, offer, ring_seconds, now)

    def register(
        self, name: str, server: str, account: RoomAccount, flow: Flow, now: float
    ) -> None:
        """Keep an account registered by this way."""
        wanted = Registration(name, server, account.username, account.password)
        self._agent.register(wanted, flow, now)


def make_agent(life: TelephoneLife) -> AccountedAgent:
    """Return the agent of one life."""
    plan = life.plan
    settings = AgentSettings(
        challenges=bool(plan.users),
        algorithms=plan.digest,
        dialogs=2 * plan.calls + ENDING,
        registrations=2 * MOST_ACCOUNTS,  # those that are being taken back, too
    )
    return AccountedAgent(UserAgent(settings, TransactionLayer(known=life.known), life))
