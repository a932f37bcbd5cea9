"""A real nginx with the blocks of docs/nginx.md, in front of a server of ours."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import need

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "nginx.md"

FRAME = """\
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
    {above}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        {inside}
    }}
}}
"""


def guide_blocks() -> dict[str, str]:
    """Return the guide's nginx blocks by what stands before their braces: `location /`, …"""
    found = re.findall(r"^```nginx\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return {block.split(" {", 1)[0]: block for block in found}


def _block(blocks: dict[str, str], name: str) -> str:
    """Return the block of that name, or the one whose name begins so."""
    return blocks[name] if name in blocks else blocks[next(b for b in blocks if b.startswith(name))]


def write_config(folder: Path, locations: list[str], *, port: int, upstream: str) -> Path:
    """Frame blocks of the guide into a whole configuration, with a certificate for 127.0.0.1."""
    blocks = guide_blocks()
    inside = "\n".join(_block(blocks, name) for name in locations).replace(
        "127.0.0.1:8080", upstream
    )
    config = folder / "nginx.conf"
    above = _block(blocks, "map $http_upgrade")
    text = FRAME.format(folder=folder, above=above, port=port, inside=inside)
    config.write_text(text, encoding="utf-8")
    make_certificate(folder)
    return config


def check(config: Path) -> subprocess.CompletedProcess[str]:
    """Let nginx check a configuration without serving it."""
    command = [need("nginx"), "-t", "-c", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(config: Path) -> Iterator[None]:
    """Run nginx in the foreground while the block runs; it listens when the block starts."""
    process = subprocess.Popen(
        [need("nginx"), "-c", str(config)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stderr is not None
    try:
        said = b""
        while b"start worker process" not in said:
            line = process.stderr.readline()
            assert line, f"nginx ended: {said.decode()}"
            said += line
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


def trusting(folder: Path) -> ssl.SSLContext:
    """Return a client context that trusts the certificate of `write_config`."""
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


def make_certificate(folder: Path) -> None:
    command = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
        " -subj /CN=quintet -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    )
    subprocess.run(
        [need("openssl"), *command.split()],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=True,
    )
