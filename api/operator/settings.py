"""The section [operator] of the configuration."""

from __future__ import annotations

from api.settings.fields import Secret, Section


class OperatorSettings(Section):
    """Who may see the insides of the server."""

    token: Secret = ""
