"""How the files of streams out get to servers: by the media layer's uploader, one client each."""

from __future__ import annotations

from actors.streams.services import TargetSink, UploadWanted
from media.outside.places import Places
from media.outside.upload_target import open_client
from media.outside.uploader import Uploader


class HttpUpload:
    """An Upload of actors.streams.services. Raises NotReachable for an address that is none."""

    def __init__(self, wanted: UploadWanted, events: TargetSink) -> None:
        self._client = open_client(Places(wanted.networks))
        self._uploader = Uploader(
            wanted.folder,
            wanted.playlist,
            wanted.url,
            wanted.method,
            wanted.segment_seconds,
            self._client,
            events,
        )

    async def run(self) -> None:
        async with self._client:
            await self._uploader.run()

    def stop(self) -> None:
        self._uploader.stop()
