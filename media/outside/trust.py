"""Whose certificates are good."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def system_trust() -> ssl.SSLContext:
    """Return what connections use that trust whom the system trusts, as it was at the first call.

    Made once: it takes a twentieth of a second to read. No server may begin a handshake anew, in
    which a relay would wait for one direction and be told that the other one is ready.
    """
    trust = ssl.create_default_context()
    trust.options |= ssl.OP_NO_RENEGOTIATION
    return trust
