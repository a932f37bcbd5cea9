"""What the author of an analytics plug-in imports, such as Wants and PictureWants.

A plug-in is an object with `wants` and `async def analyse(frames, emit)`; a module will do. Its
package names it under the entry point group `quintet.analytics`: docs/analytics.md shows one whole.
"""

from media.analysis.plugin import (
    BadEvent,
    Emit,
    Frame,
    Frames,
    PictureWants,
    Plugin,
    SoundWants,
    Wants,
)

__all__ = ["BadEvent", "Emit", "Frame", "Frames", "PictureWants", "Plugin", "SoundWants", "Wants"]
