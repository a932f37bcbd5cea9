"""The configuration: read once from one TOML file, checked whole, immutable afterwards.

Only this package reads the configuration file and the environment. `config.example.toml` explains
every key; without a file the defaults serve loopback.
"""

from __future__ import annotations

from api.settings.changes import Changes
from api.settings.dialects import (
    AuviousSettings,
    BareRtcSettings,
    OwtSettings,
    PeerJsSettings,
    SkywaySettings,
    SpreedSettings,
)
from api.settings.errors import ConfigError, Problem
from api.settings.load import config_path, load_settings
from api.settings.model import Settings
from api.settings.sections import (
    BUILT_DIALECTS,
    DIALECTS,
    IceServer,
    IceSettings,
    LimitSettings,
    ListenerSettings,
    LogSettings,
    OperatorSettings,
    RecordingSettings,
    ServerSettings,
    StoreSettings,
    StreamSettings,
)

__all__ = [
    "BUILT_DIALECTS",
    "DIALECTS",
    "AuviousSettings",
    "BareRtcSettings",
    "Changes",
    "ConfigError",
    "IceServer",
    "IceSettings",
    "LimitSettings",
    "ListenerSettings",
    "LogSettings",
    "OperatorSettings",
    "OwtSettings",
    "PeerJsSettings",
    "Problem",
    "RecordingSettings",
    "ServerSettings",
    "Settings",
    "SkywaySettings",
    "SpreedSettings",
    "StoreSettings",
    "StreamSettings",
    "config_path",
    "load_settings",
]
