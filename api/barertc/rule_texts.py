"""What people are told whom a rule stops: as configured, else in words of ours."""

from __future__ import annotations

from actors.words.site import RuleTexts
from api.barertc.settings import BareRtcStrings

RED_CAMERA = "Your webcam is always marked as explicit here: a moderator has decided so."
NO_BROADCAST = "You may not share your webcam here: a moderator has decided so."
NO_VIDEO = "You may neither share your webcam nor watch others' here: a moderator has decided so."
NO_IMAGE = "You may not share pictures here: a moderator has decided so."


def rule_texts(strings: BareRtcStrings) -> RuleTexts:
    """Return the texts; none is empty."""
    return RuleTexts(
        red_camera=strings.rule_camera_always_nsfw or RED_CAMERA,
        no_broadcast=strings.rule_no_broadcast or NO_BROADCAST,
        no_video=strings.rule_no_video or NO_VIDEO,
        no_image=strings.rule_no_image or NO_IMAGE,
    )
