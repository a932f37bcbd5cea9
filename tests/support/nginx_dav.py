"""A real nginx that takes uploads by WebDAV, and gives them to players."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import nginx
from tests.support.ports import free_port

CONFIG = """\
daemon off;
user root;
pid {folder}/nginx.pid;
error_log stderr notice;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    error_log {folder}/errors;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/root;
        client_max_body_size 100m;
        location / {{
            dav_methods PUT DELETE;
            create_full_put_path on;
        }}
        location /closed/ {{ }}
    }}
}}
"""


@contextmanager
def serving_uploads(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run nginx while the block runs; gives its address and the folder of what it was sent."""
    port = free_port()
    root = folder / "root"
    root.mkdir()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port), encoding="utf-8")
    with nginx.serving(config):
        yield f"http://127.0.0.1:{port}", root
