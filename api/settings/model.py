"""The whole configuration as one immutable value."""

from __future__ import annotations

from pathlib import Path

from pydantic import PrivateAttr

from api.settings.changes import Changes, changes, merged
from api.settings.dialects import (
    AuviousSettings,
    BareRtcSettings,
    OwtSettings,
    PeerJsSettings,
    SkywaySettings,
    SpreedSettings,
)
from api.settings.fields import DEFAULTS, Many, Section
from api.settings.sections import (
    EMBEDDED_LISTENERS,
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


class Settings(Section):
    """Every section, with its defaults; `Settings()` is what runs without a file.

    `Settings()` checks values only. `load_settings` also checks what the values mean together, and
    that the files they name are there.
    """

    server: ServerSettings = DEFAULTS
    listeners: Many[ListenerSettings] = EMBEDDED_LISTENERS
    log: LogSettings = DEFAULTS
    store: StoreSettings = DEFAULTS
    limits: LimitSettings = DEFAULTS
    ice: IceSettings = DEFAULTS
    operator: OperatorSettings = DEFAULTS
    streams: StreamSettings = DEFAULTS
    recording: RecordingSettings = DEFAULTS
    spreed: SpreedSettings = DEFAULTS
    owt: OwtSettings = DEFAULTS
    barertc: BareRtcSettings = DEFAULTS
    auvious: AuviousSettings = DEFAULTS
    skyway: SkywaySettings = DEFAULTS
    peerjs: PeerJsSettings = DEFAULTS

    _file: Path | None = PrivateAttr(default=None)
    _old_names: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """The file these settings were read from; None for the embedded defaults."""
        return self._file

    @property
    def old_names(self) -> dict[str, str]:
        """The old names that the file has for keys, and what those are called now."""
        return self._old_names

    def reloadable_diff(self, new: Settings) -> Changes:
        """Say which keys differ in `new`, and whether a running server can take them over."""
        return changes(self, new)

    def with_reloadable(self, new: Settings) -> Settings:
        """Return these settings with those of `new` that a running server can take over."""
        return merged(self, new)
