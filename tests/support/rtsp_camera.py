"""A camera that speaks RTSP, by GStreamer: run by the system's Python, which has `gi`.

    /usr/bin/python3 rtsp_camera.py PIPELINE [USER PASSWORD]

Says its port on standard output; its stream is at /live. With `probe` it only looks whether all of
it is there.
"""

from __future__ import annotations

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

ELEMENTS = (
    "openh264enc", "rtph264pay", "rtpmp4gpay", "rtpmp4vpay", "rtppcmapay", "matroskademux",
)  # fmt: skip


def main() -> None:
    Gst.init(None)
    pipeline, *credentials = sys.argv[1:]
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing or pipeline == "probe":
        sys.exit(f"GStreamer lacks {', '.join(missing)}" if missing else 0)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(f"( {pipeline} )")
    factory.set_shared(True)
    if credentials:
        protect(server, factory, *credentials)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def protect(
    server: GstRtspServer.RTSPServer,
    factory: GstRtspServer.RTSPMediaFactory,
    user: str,
    password: str,
) -> None:
    """Let only this user in."""
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken.new()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    viewer = Gst.Structure.new_empty("viewer")
    for permission in ("media.factory.access", "media.factory.construct"):
        viewer.set_value(permission, True)
    factory.add_role_from_structure(viewer)


if __name__ == "__main__":
    main()
