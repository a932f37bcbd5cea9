"""Calls of devices on the real engine."""

from __future__ import annotations

from tests.media.conftest import engine, media_loop

__all__ = ["engine", "media_loop"]
