"""The files of data_dir stay the service's, whoever runs a command on them.

As root, as CI is here, the server is nobody's and the commands are root's: what was lost before. As
any other user all is done by that user, who could not make it otherwise; the rule for both stands
in tests/api/process/test_private_files.py.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.command_line import command, command_in_shell
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

PATIENCE = 60.0
CLIENT = '[[auvious.clients]]\nid = "{}"\n'


@dataclass
class Service:
    """A folder whose data_dir belongs to the user of a service, and what runs programs as that."""

    folder: Path
    user: int
    group: int
    as_user: tuple[str, ...]

    @property
    def config(self) -> str:
        return str(self.folder / "config.toml")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def owners(self) -> dict[str, tuple[int, int, int]]:
        """Return user, group and mode of each file."""
        found = {}
        for file in self.data.iterdir():
            with suppress(FileNotFoundError):  # one that was there for a moment
                it = file.stat()
                found[file.name] = it.st_uid, it.st_gid, it.st_mode & 0o777
        return found


@pytest.fixture
def service() -> Iterator[Service]:
    """Make a folder that others may enter: those of pytest are their owner's alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "data").mkdir(0o700)
        if os.geteuid():
            yield Service(folder, os.geteuid(), os.getegid(), ())
        else:
            nobody = pwd.getpwnam("nobody")
            user, group = nobody.pw_uid, nobody.pw_gid
            os.chown(folder / "data", user, group)
            ids = (f"--reuid={user}", f"--regid={group}", "--clear-groups")
            as_nobody = ("setpriv", *ids)
            tried = subprocess.run([*as_nobody, sys.executable, "-c", ""], check=False)
            assert tried.returncode == 0, f"nobody may not run {sys.executable}"
            yield Service(folder, user, group, as_nobody)


def test_a_running_server_signs_with_the_key_that_root_has_rotated(service: Service) -> None:
    python = (*service.as_user, sys.executable)
    with ServerProcess(
        service.folder, port=free_port(), config=CLIENT.format("first"), program=python
    ) as server:
        rotated = command("secrets", "--config", service.config, "--rotate-auvious-key")
        assert rotated.code == 0
        server.signal(signal.SIGHUP)
        entry = server.wait_for("auvious.keys_rotated", within=PATIENCE)
        assert entry["current"] == rotated.answer.strip()
        with (service.folder / "config.toml").open("a") as file:
            file.write(CLIENT.format("second"))
        secret = command("secrets", "--config", service.config, "auvious.clients.second").answer
        assert len(secret) == 44
        owners = service.owners()
        assert {"secrets.toml", "auvious_keys.json", "lock"} <= owners.keys()
        private = (service.user, service.group, 0o600)
        assert {owners[name] for name in ("secrets.toml", "auvious_keys.json", "lock")} == {private}
        assert server.stop() == 0
        server.start()
        asked = httpx.post(
            f"{server.url}security/oauth/token",
            auth=("second", secret.strip()),
            data={"grant_type": "client_credentials"},
            timeout=PATIENCE,
        )
        assert asked.status_code == 200
        answer = httpx.get(f"{server.url}security/.well-known/jwks.json", timeout=PATIENCE)
        key = answer.json()["keys"][0]
        assert key["kid"] == entry["current"]
        assert server.stop() == 0


def test_a_file_that_the_service_may_not_read_is_one_message(service: Service) -> None:
    """As one of root's is, of a former version of these commands; else a link to itself."""
    file = service.data / "auvious_keys.json"
    if service.as_user:
        file.write_text("{}")
        file.chmod(0o600)
        reason = f"Permission denied. It belongs to root: as root, `chown nobody {file}`"
    else:
        file.symlink_to(file.name)
        reason = os.strerror(40)
    (service.folder / "config.toml").write_text(
        f'[server]\ndata_dir = "{service.data}"\n[jobs]\nwarm = 0\n'
        f'[[listeners]]\nbind = "127.0.0.1:0"\n{CLIENT.format("first")}'
    )
    done = command_in_shell("serve", "--config", service.config, before=service.as_user)
    assert done.code == 1
    assert done.remarks == f"quintet: cannot keep keys in {service.data}: {reason}\n"
    assert "Traceback" not in done.answer


def test_the_wrong_user_is_told_the_right_one(service: Service) -> None:
    """Nobody looks into what is root's own; without root there is no second user to be."""
    (service.folder / "config.toml").write_text(f'[server]\ndata_dir = "{service.data}"\n')
    if service.as_user:
        os.chown(service.data, 1, 1)
        whose = pwd.getpwuid(1).pw_name
        reason = f"It belongs to {whose}: run the command as that user, `runuser -u {whose} -- …`"
    else:
        service.data.chmod(0)
        reason = "Permission denied"
    done = command_in_shell(
        "secrets", "--config", service.config, "operator.token", before=service.as_user
    )
    service.data.chmod(0o700)
    assert (done.code, done.answer) == (1, "")
    assert done.remarks.startswith("quintet: cannot ")
    assert reason in done.remarks
    assert done.remarks.count("\n") == 1
    assert subprocess.run(["ls", "-A", service.data], capture_output=True, check=True).stdout == b""
