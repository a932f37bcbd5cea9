"""The configuration: read once from one TOML file, checked whole, immutable afterwards.

Only this package reads the configuration file and the environment. `config.example.toml` explains
every key; without a file the defaults serve loopback.
"""

from __future__ import annotations

from api.settings.changes import Changes
from api.settings.errors import ConfigError, Problem
from api.settings.load import config_path, load_settings, settings_of
from api.settings.model import Settings
from api.settings.sections import (
    IceServer,
    IceSettings,
    JobSettings,
    LimitSettings,
    ListenerSettings,
    LogSettings,
    RecordingSettings,
    ServerSettings,
    SipSettings,
    StoreSettings,
    StreamSettings,
)

__all__ = [
    "Changes",
    "ConfigError",
    "IceServer",
    "IceSettings",
    "JobSettings",
    "LimitSettings",
    "ListenerSettings",
    "LogSettings",
    "Problem",
    "RecordingSettings",
    "ServerSettings",
    "Settings",
    "SipSettings",
    "StoreSettings",
    "StreamSettings",
    "config_path",
    "load_settings",
    "settings_of",
]
