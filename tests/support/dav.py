"""A real nginx that takes files by PUT and deletes them (WebDAV), and one that takes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.nginx import serving
from tests.support.ports import free_port

CONFIG = """\
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr notice;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 64m;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        location / {{ dav_methods PUT DELETE; create_full_put_path on; dav_access all:rw; }}
        location /closed/ {{ deny all; }}
    }}
}}
"""


@contextmanager
def dav_server(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run one; return its address, and the folder in which it has its files."""
    files = folder / "files"
    files.mkdir(parents=True)
    user = "user root;" if os.getuid() == 0 else ""  # or its worker were nobody
    config = folder / "nginx.conf"
    port = free_port()
    config.write_text(CONFIG.format(folder=folder, port=port, user=user))
    with serving(config):
        yield f"http://127.0.0.1:{port}", files
