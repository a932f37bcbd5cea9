"""Debian's sipp, which plays one side of a call as a scenario says: step by step, or it fails."""

from __future__ import annotations

import subprocess
from itertools import count
from pathlib import Path
from textwrap import dedent

from tests.support.programs import need

PATIENCE = 60.0
_HOSTS = count(1)

AUDIO = """\
v=0
o=sipp 1 [version] IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
"""


def session(direction: str = "", version: int = 1, profile: str = "RTP/AVP") -> str:
    """Return a description of sound; `direction` as "sendonly"."""
    text = AUDIO.replace("[version]", str(version)).replace("RTP/AVP", profile)
    return text + (f"a={direction}\n" if direction else "")


class Scenario:
    """The steps of one side, in order. It calls `user` at the server, or is called."""

    def __init__(self, user: str = "service") -> None:
        self.user = user
        self._steps: list[str] = []
        self._cseq = 0

    # --- what it sends

    def request(
        self,
        method: str,
        body: str = "",
        *headers: str,
        in_dialog: bool = True,
        cseq: int = 0,
        branch: str = "[branch]",
    ) -> Scenario:
        """Send a request; one that begins a dialog has no tag of the other side yet."""
        self._cseq = cseq or self._cseq + (method not in ("ACK", "CANCEL"))
        uri = "[next_url]" if in_dialog else f"sip:{self.user}@[remote_ip]:[remote_port]"
        tag = "[peer_tag_param]" if in_dialog else ""
        route = "[routes]" if in_dialog else ""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}",
            "From: <sip:caller@[local_ip]:[local_port]>;tag=[call_number]",
            f"To: <sip:{self.user}@[remote_ip]:[remote_port]>{tag}",
            "Call-ID: [call_id]",
            f"CSeq: {self._cseq} {method}",
            "Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>",
            "Max-Forwards: 70",
            *([route] if route else []),
            *headers,
        ]
        return self._send(lines, body, retransmits=method != "ACK")

    def invite(self, body: str = AUDIO, *headers: str, in_dialog: bool = False) -> Scenario:
        return self.request("INVITE", body.replace("[version]", "1"), *headers, in_dialog=in_dialog)

    def ack(self, body: str = "", *, in_dialog: bool = True) -> Scenario:
        """Acknowledge an answer; outside of a dialog, a refusal."""
        if in_dialog:
            return self.request("ACK", body.replace("[version]", "1"))
        lines = [
            f"ACK sip:{self.user}@[remote_ip]:[remote_port] SIP/2.0",
            "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]",
            f"CSeq: {self._cseq} ACK",
            "Max-Forwards: 70",
        ]  # fmt: skip
        return self._send(lines, "", retransmits=False)

    def answer(self, status: str, body: str = "", *headers: str, tagged: bool = True) -> Scenario:
        """Answer the last request, with "180 Ringing" and the like."""
        tag = ";tag=[call_number]" if tagged else ""
        lines = [
            f"SIP/2.0 {status}",
            "[last_Via:]", "[last_From:]", f"[last_To:]{tag}", "[last_Call-ID:]", "[last_CSeq:]",
            "Contact: <sip:service@[local_ip]:[local_port];transport=[transport]>",
            *headers,
        ]  # fmt: skip
        return self._send(lines, body.replace("[version]", "1"), retransmits=False)

    def answer_to_invite(self, status: str, body: str = "") -> Scenario:
        """Answer the INVITE although its CANCEL has come."""
        lines = [
            f"SIP/2.0 {status}",
            "[last_Via:]", "[last_From:]", "[last_To:];tag=[call_number]", "[last_Call-ID:]",
            "CSeq: [last_cseq_number] INVITE",
            "Contact: <sip:service@[local_ip]:[local_port];transport=[transport]>",
        ]  # fmt: skip
        return self._send(lines, body.replace("[version]", "1"), retransmits=False)

    # --- what it must get

    def gets(
        self, status: int, *, seconds: float = 15, optional: bool = False, matching: str = "",
        challenge: bool = False, record: bool = True,
    ) -> Scenario:  # fmt: skip
        """Get a response; all of it matches the pattern, if one is given."""
        flags = ' optional="true"' if optional else f' timeout="{int(seconds * 1000)}"'
        flags += ' rrs="true"' if record else ""
        flags += ' auth="true"' if challenge else ""
        return self._receive(f'response="{status}"{flags}', matching)

    def is_asked(
        self, method: str, *, seconds: float = 15, matching: str = "", record: bool = False
    ) -> Scenario:
        """Get a request."""
        flags = f' timeout="{int(seconds * 1000)}"' + (' rrs="true"' if record else "")
        return self._receive(f'request="{method}"{flags}', matching)

    def waits(self, seconds: float) -> Scenario:
        self._steps.append(f'<pause milliseconds="{int(seconds * 1000)}"/>')
        return self

    def does(self, action: str) -> Scenario:
        """Do something that sipp knows, as `<exec play_dtmf="1"/>`."""
        self._steps.append(f"<nop><action>{action}</action></nop>")
        return self

    def hangs_up(self) -> Scenario:
        return self.request("BYE").gets(200)

    def hangs_up_as_called(self) -> Scenario:
        """End a call that was taken."""
        lines = [
            "BYE [next_url] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            "From:[$3];tag=[call_number]",
            "To:[$2]",
            "Call-ID: [call_id]",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
        ]
        return self._send(lines, "", retransmits=True).gets(200)

    def is_called(self) -> Scenario:
        """Be called, with sound, and remember by whom."""
        kept = "".join(
            f'<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{number}"/>'
            for name, number in (("From", 2), ("To", 3))
        )
        check = (
            '<ereg regexp="m=audio [1-9][0-9]* RTP/AVP" search_in="msg" check_it="true"'
            ' assign_to="1"/>'
        )
        self._steps.append(
            f'<recv request="INVITE" rrs="true" timeout="15000"><action>{check}{kept}</action>'
            '</recv>\n<Reference variables="1,2,3"/>'
        )
        return self

    def is_hung_up(self, seconds: float = 15) -> Scenario:
        return self.is_asked("BYE", seconds=seconds).answer("200 OK", tagged=False)

    # --- inside

    def text(self) -> str:
        steps = "\n".join(self._steps)
        return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario>\n{steps}\n</scenario>\n'

    def _send(self, lines: list[str], body: str, *, retransmits: bool) -> Scenario:
        if body:
            lines = [*lines, "Content-Type: application/sdp"]
        lines = [*lines, "Content-Length: [len]", "", *dedent(body).splitlines()]
        attribute = ' retrans="500"' if retransmits else ""
        text = "\n".join(lines) + "\n"
        self._steps.append(f"<send{attribute}><![CDATA[\n{text}\n]]></send>")
        return self

    def _receive(self, attributes: str, matching: str) -> Scenario:
        if not matching:
            self._steps.append(f"<recv {attributes}/>")
            return self
        check = f'<ereg regexp="{matching}" search_in="msg" check_it="true" assign_to="1"/>'
        self._steps.append(f"<recv {attributes}><action>{check}</action></recv>")
        if '<Reference variables="1"/>' not in self._steps:
            self._steps.append('<Reference variables="1"/>')
        return self


class Playing:
    """A scenario that is being played."""

    def __init__(self, process: subprocess.Popen[bytes], file: Path) -> None:
        self._process = process
        self._file = file

    def ends(self, within: float = PATIENCE) -> None:
        """Wait for its end. Raises AssertionError with what came where that was not as it says."""
        try:
            code = self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"it goes on\n{self._said()}") from None
        assert code == 0, self._said()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)

    @property
    def messages(self) -> str:
        """What was sent and received so far."""
        file = self._file.with_suffix(".messages")
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def _said(self) -> str:
        file = self._file.with_suffix(".errors")
        errors = file.read_text("utf-8", "replace") if file.exists() else ""
        return f"{errors}\n{self.messages}"


class Sipp:
    """Plays scenarios in a folder, each from a loopback address of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._playing: list[Playing] = []

    def begin(
        self,
        scenario: Scenario,
        server: tuple[str, int] | None = None,
        *options: str,
        transport: str = "u1",
    ) -> tuple[Playing, str]:
        """Begin to play it once, calling `server` or waiting to be called; return its host, too.

        `transport`: "u1" is UDP, "t1" TCP.
        """
        host = f"127.0.78.{next(_HOSTS)}"
        file = self._folder / f"{host}.xml"
        file.write_text(scenario.text())
        command = [
            need("sipp"), "-sf", str(file), "-i", host, "-p", "5060", "-mi", host,
            "-t", transport, "-m", "1", "-nostdin", "-trace_err", "-trace_msg",
            "-error_file", str(file.with_suffix(".errors")),
            "-message_file", str(file.with_suffix(".messages")),
            "-timeout", f"{PATIENCE:.0f}s", "-timeout_error", *options,
        ]  # fmt: skip
        if server is not None:
            command.append(f"{server[0]}:{server[1]}")
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env={"TERM": "xterm", "PATH": "/usr/bin:/bin"},
        )
        playing = Playing(process, file)
        self._playing.append(playing)
        return playing, host

    def play(
        self,
        scenario: Scenario,
        server: tuple[str, int],
        *options: str,
        transport: str = "u1",
    ) -> Playing:
        """Play it to its end. Raises what `Playing.ends` raises."""
        playing, _ = self.begin(scenario, server, *options, transport=transport)
        playing.ends(PATIENCE + 10)
        return playing

    def close(self) -> None:
        """End what still plays."""
        for playing in self._playing:
            playing.stop()
