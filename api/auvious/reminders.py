"""The event that reminds an endpoint to give a sign of life. Name and fields are not published."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from api.auvious.event_rules import instant


def reminder(event_type: str, user: str, endpoint: str) -> Callable[[], bytes]:
    """Return what renders the event, with the fields that all events of the platform have."""

    def render() -> bytes:
        event = {
            "id": str(uuid.uuid4()),
            "type": event_type,
            "timestamp": instant(datetime.now(UTC)),
            "userId": user,
            "userEndpointId": endpoint,
        }
        return json.dumps(event, ensure_ascii=False).encode()

    return render
