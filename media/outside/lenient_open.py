"""What PyAV needs to be told so that titles in another encoding than UTF-8 are no obstacle."""

from __future__ import annotations

from typing import Literal, TypedDict

import av

LAST_STRICT = 18  # later ones leave titles alone until somebody asks for them


class Lenient(TypedDict, total=False):
    metadata_errors: Literal["replace"]


LENIENT: Lenient = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) <= LAST_STRICT else {}
)
"""More arguments for av.open."""
