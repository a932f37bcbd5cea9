"""TLS listeners: HTTP/2 and 1.1, websockets, and certificates read again."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
import trio
from quart import Blueprint, request
from trio_websocket import connect_websocket

from api.http.sockets import Socket, SocketClosed, Upgrade
from api.process.listeners import StartError, load_tls
from api.settings import ListenerSettings
from tests.support.programs import need
from tests.support.serving import mount, serving, settings_with


def certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """Make a self-signed certificate for a name and 127.0.0.1."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    options = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([need("openssl"), *options, *names, *files], check=True, capture_output=True)
    return cert, key


def tls_of(cert: Path, key: Path) -> ssl.SSLContext:
    context = load_tls(ListenerSettings(tls_certfile=str(cert), tls_keyfile=str(key)))
    assert context is not None
    return context


def trusting(cert: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=cert)


def pages() -> Blueprint:
    blueprint = Blueprint("test", __name__)

    @blueprint.post("/echo")
    async def echo() -> bytes:
        return await request.get_data()

    return blueprint


@pytest.mark.parametrize("http2", [True, False])
async def test_requests_are_served_over_http2_and_http1(tmp_path: Path, http2: bool) -> None:
    cert, key = certificate(tmp_path)
    async with serving(mount(blueprint=pages()), tls=tls_of(cert, key)) as server:
        url = server.url.replace("http:", "https:")
        async with httpx.AsyncClient(verify=trusting(cert), http2=http2) as http:
            for _ in range(3):
                answer = await http.post(f"{url}/echo", content=b"x" * 100_000)
                assert answer.content == b"x" * 100_000
            missing = await http.get(f"{url}/nothing")
            stopping = trio.current_time()
            assert server.connections is not None
            await server.connections.stop(60.0)
            assert trio.current_time() - stopping < 30.0
    assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert missing.status_code == 404


async def test_a_websocket_is_secure_there(tmp_path: Path) -> None:
    seen: list[Upgrade] = []
    left: list[bool] = []
    ended = trio.Event()

    async def echo(socket: Socket) -> None:
        seen.append(socket.upgrade)
        try:
            while True:
                payload, text = await socket.receive()
                socket.push(payload, text=text)
        except SocketClosed as closed:
            left.append(closed.page_left)
            ended.set()

    cert, key = certificate(tmp_path)
    async with (
        serving(mount(echo), tls=tls_of(cert, key)) as server,
        trio.open_nursery() as nursery,
    ):
        client = await connect_websocket(
            nursery, "localhost", server.port, "/ws", use_ssl=trusting(cert)
        )
        await client.send_message("over TLS")
        assert await client.get_message() == "over TLS"
        await client.aclose(1001)
        await ended.wait()
    assert left == [True]
    assert seen[0].secure
    assert seen[0].host == f"localhost:{server.port}"


async def test_a_replaced_certificate_serves_the_next_connection(tmp_path: Path) -> None:
    first, key = certificate(tmp_path)
    second, second_key = certificate(tmp_path, "example.test")
    async with serving(mount(blueprint=pages()), tls=tls_of(first, key)) as server:
        assert server.connections is not None
        server.connections.tls = tls_of(second, second_key)
        url = server.url.replace("http:", "https:")
        async with httpx.AsyncClient(verify=trusting(second)) as http:
            assert (await http.post(f"{url}/echo")).status_code == 200
        async with httpx.AsyncClient(verify=trusting(first)) as http:
            with pytest.raises(httpx.ConnectError):
                await http.post(f"{url}/echo")


async def test_a_client_that_speaks_no_tls_is_dropped_and_others_are_served(
    tmp_path: Path,
) -> None:
    cert, key = certificate(tmp_path)
    async with serving(mount(blueprint=pages()), tls=tls_of(cert, key)) as server:
        stream = await trio.open_tcp_stream(server.host, server.port)
        async with stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            with trio.fail_after(20):
                while await stream.receive_some():
                    pass
        url = server.url.replace("http:", "https:")
        async with httpx.AsyncClient(verify=trusting(cert)) as http:
            assert (await http.post(f"{url}/echo")).status_code == 200


async def test_a_head_that_never_ends_is_bounded_under_tls(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    settings = settings_with(limits={"header_seconds": 1.0})
    async with serving(
        mount(blueprint=pages()), tls=tls_of(cert, key), settings=settings
    ) as server:
        stream = trio.SSLStream(
            await trio.open_tcp_stream(server.host, server.port),
            trusting(cert),
            server_hostname="localhost",
            https_compatible=True,
        )
        await stream.send_all(b"GET / HTTP/1.1\r\nx: ")
        with trio.fail_after(9):  # header_seconds is ten where nobody sets it
            assert await stream.receive_some() == b""
        await stream.aclose()


def test_files_that_hold_no_certificate_are_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    listener = ListenerSettings(tls_certfile=str(wrong), tls_keyfile=str(wrong))
    with pytest.raises(StartError, match=r"certificate of 127\.0\.0\.1:8080"):
        load_tls(listener)
