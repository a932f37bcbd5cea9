"""GStreamer's RTSP server takes a stream (RECORD): run by the system's Python, which has `gi`.

    /usr/bin/python3 rtsp_recorder.py PORT FILE [PASSWORD]

What comes for /show is written as Matroska, as it comes. With a password, "ann" has to say it; with
`probe` it only looks whether all of it is there. It ends with SIGINT, or when the stream does.
"""

from __future__ import annotations

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

ELEMENTS = ("rtph264depay", "rtpmp4gdepay", "h264parse", "aacparse", "matroskamux", "filesink")
PIPELINE = (
    "( rtph264depay name=depay0 ! h264parse ! queue ! matroskamux name=mux streamable=true"
    " ! filesink location={file} buffer-mode=unbuffered sync=false async=false"
    "  rtpmp4gdepay name=depay1 ! aacparse ! queue ! mux. )"
)


def main() -> None:
    Gst.init(None)
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing or sys.argv[1] == "probe":
        sys.exit(f"GStreamer lacks {', '.join(missing)}" if missing else 0)
    port, file, password = sys.argv[1:4]
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE.format(file=file))
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    if password:
        protect(server, factory, password)
    server.get_mount_points().add_factory("/show", factory)
    server.attach(None)
    GLib.MainLoop().run()


def protect(
    server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory, password: str
) -> None:
    """Let in who says the password of "ann", and nobody else."""
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("ann", password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("user")
    for right in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("user", right, True)
    factory.set_permissions(permissions)


main()
