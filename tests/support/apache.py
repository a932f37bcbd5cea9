"""A real Apache with the blocks of docs/apache.md, in front of a server of ours."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.nginx import make_certificate, trusting
from tests.support.programs import need

__all__ = ["check", "serving", "trusting", "write_config"]

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "apache.md"
MODULES = Path("/usr/lib/apache2/modules")  # where Debian keeps them
LOADED = (
    "mpm_event", "authz_core", "authz_host", "reqtimeout", "proxy", "proxy_http", "headers", "ssl",
)  # fmt: skip

FRAME = """\
ServerRoot {folder}
ServerName 127.0.0.1
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder} default
ErrorLog /dev/stderr
LogLevel notice
{modules}
User www-data
Group www-data
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
DocumentRoot {folder}/nothing
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    SSLEngine on
    SSLCertificateFile {folder}/cert.pem
    SSLCertificateKeyFile {folder}/key.pem
    {inside}
</VirtualHost>
"""


def guide_blocks() -> dict[str, str]:
    """Return the guide's blocks by the first path that they pass on; "" passes nothing on."""
    text = GUIDE.read_text("utf-8")
    blocks = re.findall(r"^```apache\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    first = re.compile(r'^ProxyPass "([^"]+)"', re.MULTILINE)
    return {match[1] if (match := first.search(block)) else "": block for block in blocks}


def write_config(folder: Path, paths: list[str], *, port: int, upstream: str) -> Path:
    """Frame blocks of the guide into a whole configuration, with a certificate for 127.0.0.1."""
    blocks = guide_blocks()
    chosen = "\n".join(blocks[name] for name in ("", *paths))
    modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED)
    config = folder / "apache.conf"
    inside = chosen.replace("127.0.0.1:8080", upstream)
    (folder / "nothing").mkdir(exist_ok=True)
    config.write_text(FRAME.format(folder=folder, modules=modules, port=port, inside=inside))
    make_certificate(folder)
    return config


def check(config: Path) -> subprocess.CompletedProcess[str]:
    """Let Apache check a configuration without serving it."""
    command = [need("apache2"), "-t", "-f", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(config: Path) -> Iterator[None]:
    """Run Apache in the foreground while the block runs; it listens when the block starts."""
    process = subprocess.Popen(
        [need("apache2"), "-DFOREGROUND", "-f", str(config)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert process.stderr is not None
    try:
        said = b""
        while b"resuming normal operations" not in said:
            line = process.stderr.readline()
            assert line, f"Apache ended: {said.decode()}"
            said += line
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)
