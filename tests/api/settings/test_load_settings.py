"""Loading a configuration: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.settings import ConfigError, Settings, config_path, load_settings, settings_of
from api.settings.fields import split_bind
from api.settings.telephones import SipBind

Load = Callable[[str], Settings]


def problems(load: Load, text: str) -> list[tuple[str, str, int | None]]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return [(each.key, each.message, each.line) for each in caught.value.problems]


def test_without_a_file_only_loopback_is_served_and_only_what_is_built() -> None:
    settings = load_settings(None)
    (listener,) = settings.listeners
    assert (listener.host, listener.port, listener.root) == ("127.0.0.1", 8080, "spreed")
    assert listener.dialects == ("spreed", "owt", "auvious", "peerjs", "barertc", "operator")
    assert settings.server.data_dir == Path.cwd() / "data"
    assert settings.file is None


def test_paths_are_relative_to_the_file(load: Load, tmp_path: Path) -> None:
    settings = load('[recording]\ndir = "films"\n[log]\nfile = "/dev/null"')
    assert settings.server.data_dir == tmp_path / "data"
    assert settings.recording.dir == tmp_path / "films"
    assert settings.log.file == Path("/dev/null")
    assert settings.file == tmp_path / "config.toml"


def test_values_arrive_in_the_types_the_server_uses(load: Load) -> None:
    settings = load(
        """
        [limits]
        header_seconds = 3
        trusted_proxies = ["10.0.0.0/8", "::1"]
        [ice]
        servers = [{ urls = ["stun:stun.example.org"] }]
        udp_port_range = [5000, 6000]
        [spreed]
        base_path = "/meet"
        [server]
        public_url = "https://meet.example.org/"
        """
    )
    assert settings.limits.header_seconds == 3.0
    assert settings.limits.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert settings.ice.servers[0].urls == ("stun:stun.example.org",)
    assert settings.ice.udp_port_range == (5000, 6000)
    assert settings.spreed.base_path == "/meet/"
    assert settings.server.public_url == "https://meet.example.org"


def test_telephones_are_listened_to_at_one_address_or_several(load: Load) -> None:
    one = load(
        '[sip]\nbind = "udp:0.0.0.0:5060"\ncall_allow = ["PBX.example.org.", "10.0.0.9"]'
    ).sip
    assert one.binds == (SipBind("udp", "0.0.0.0", 5060),)
    assert one.call_allow == ("pbx.example.org", "10.0.0.9/32")
    two = load('[sip]\nbind = ["tcp:[::1]:0", "udp:[::1]:0"]').sip
    assert two.binds == (SipBind("tcp", "::1", 0), SipBind("udp", "::1", 0))
    assert load('[sip]\nbind = ""').sip.binds == ()


def test_a_listener_with_one_dialect_gives_it_the_root(load: Load) -> None:
    settings = load('[[listeners]]\nbind = "[::1]:0"\ndialects = ["operator", "spreed"]')
    assert (settings.listeners[0].host, settings.listeners[0].port) == ("::1", 0)
    assert settings.listeners[0].root == "spreed"


def test_a_listener_of_the_operator_alone_has_no_root(load: Load) -> None:
    assert load('[[listeners]]\ndialects = ["operator"]').listeners[0].root == ""


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("[servr]", "servr", "unknown key (did you mean 'server'?)"),
        ("[limits]\nroms = 1", "limits.roms", "did you mean 'rooms'?"),
        ("[spreed.users]\nenable = true", "spreed.users.enable", "did you mean 'enabled'?"),
        ("[[listeners]]\nbnd = 'x'", "listeners[0].bnd", "did you mean 'bind'?"),
        ("limits = 3", "limits", "must be a table"),
        ("[limits]\nrooms = '10'", "limits.rooms", "must be a valid integer"),
        ("[limits]\nrooms = 1.5", "limits.rooms", "must be a valid integer"),
        ("[limits]\nrooms = 0", "limits.rooms", "must be greater than 0"),
        ("[limits]\nrooms = true", "limits.rooms", "must be a valid integer"),
        ("[limits]\nheader_seconds = -1", "limits.header_seconds", "must be greater than 0"),
        ("[limits]\nheader_seconds = inf", "limits.header_seconds", "must be a finite number"),
        ("[limits]\nask_seconds = nan", "limits.ask_seconds", "must be a finite number"),
        ("[limits]\nallowed_origins = 'x'", "limits.allowed_origins", "must be a list"),
        ("[limits]\nallowed_origins = ['a.b']", "limits.allowed_origins[0]", "must be an origin"),
        ("[limits]\ntrusted_proxies = ['10.0.0.1/8']", "limits.trusted_proxies[0]", "IP network"),
        ("[server]\npublic_url = 'meet.org'", "server.public_url", "must be a URL"),
        ("[server]\npublic_url = 'https://x:y'", "server.public_url", "must be a URL"),
        ("[server]\ndata_dir = ''", "server.data_dir", "must not be empty"),
        ("[log]\nlevel = 'loud'", "log.level", "must be 'debug'"),
        ("[log]\nfile = 'no/such/x.log'", "log.file", "folder that is not there"),
        ("[ice]\nservers = [{ urls = [] }]", "ice.servers[0].urls", "must name at least one"),
        ("[ice]\nservers = [{}]", "ice.servers[0].urls", "is missing"),
        ("[ice]\nservers = [{ urls = ['x'] }]", "ice.servers[0].urls[0]", "must begin with"),
        ("[ice]\nturn_urls = ['turn:a']", "ice.turn_urls", "needs ice.turn_secret"),
        ("[ice]\nudp_port_range = [9, 8]", "ice.udp_port_range", "the lower first"),
        ("[ice]\nlisten_ips = ['host']", "ice.listen_ips[0]", "is not an IP address"),
        ("[ice]\nlisten_ips = ['0.0.0.0']", "ice.listen_ips", "every interface, or give"),
        ("[ice]\nlisten_ips = ['10.0.0.1', '::']", "ice.listen_ips", "an IPv6 address"),
        (
            "[ice]\nlisten_ips = ['::']\nannounced_ips = ['192.0.2.1']",
            "ice.listen_ips",
            "holds ::, which no client can reach",
        ),
        ("[ice]\nlisten_ips = ['224.0.0.1']", "ice.listen_ips", "of no single host"),
        ("[ice]\nlisten_ips = ['255.255.255.255']", "ice.listen_ips", "of no single host"),
        ("[ice]\nannounced_ips = ['ff02::1']", "ice.announced_ips", "of no single host"),
        ("[ice]\nannounced_ips = ['0.0.0.0']", "ice.announced_ips", "no client can reach"),
        ("[spreed]\nbase_path = 'meet'", "spreed.base_path", "must be a path"),
        ("[spreed]\npublic_rooms = '('", "spreed.public_rooms", "not a regular expression"),
        ("[spreed]\nconference_rooms = ['a', '[']", "spreed.conference_rooms[1]", "regular"),
        ("[spreed]\nmodules = ['chess']", "spreed.modules[0]", "'screensharing'"),
        ("[spreed]\ntoken_file = 'no'", "spreed.token_file", "file that is not there"),
        ("[spreed]\nweb_client = 'no'", "spreed.web_client", "folder that is not there"),
        ("[spreed]\nrequire_access_token = true", "spreed.require_access_token", "token_file"),
        ("[spreed.users]\nmode = 'httpheader'", "spreed.users.mode", "limits.trusted_proxies"),
        ("[spreed.users]\nhttp_header = 'x y'", "spreed.users.http_header", "name of a header"),
        ("[owt]\nportal_host = 'https://x:8443'", "owt.portal_host", "must be a host"),
        ("[owt]\nportal_host = 'x:8443/path'", "owt.portal_host", "must be a host"),
        ("[owt]\nportal_host = 'x:port'", "owt.portal_host", "must be a host"),
        ("[owt]\nportal_host = '::1:8443'", "owt.portal_host", "must be a host"),
        ("[owt]\nsuper_service_id = 'x'", "owt.super_service_id", "match pattern"),
        ("[owt]\nsuper_service_key = 'x'", "owt.super_service_key", "needs super_service_id"),
        ("[owt]\nqueued_messages = 2048", "owt.queued_messages", "below outbox_messages (2048)"),
        ("[owt]\noutbox_messages = 1024", "owt.queued_messages", "below outbox_messages (1024)"),
        ("[owt]\nqueued_bytes = 16777217", "owt.queued_bytes", "above outbox_bytes (16777216)"),
        ("[auvious.broker]\nurl = 'http://h'", "auvious.broker.url", "must be a URL like"),
        ("[auvious.broker]\ntopic = 'a/#'", "auvious.broker.topic", "beginning of a topic"),
        ("[auvious.broker]\ntls_ca_file = 'no'", "auvious.broker.tls_ca_file", "not there"),
        ("[auvious.mqtt]\ninflight = 70000", "auvious.mqtt.inflight", "65535"),
        (
            "[auvious]\nreminder_event_type = 'CallEvent'",
            "auvious.reminder_event_type",
            "name of an event",
        ),
        ("[auvious]\naccess_token_seconds = 299", "auvious.access_token_seconds", "300"),
        ("[[auvious.clients]]\nid = 'a'\npublic = true", "auvious.clients[0].grants", "no secret"),
        (
            "[[auvious.clients]]\nid = 'a'\npublic = true\ngrants = ['password']\nsecret = 'x'",
            "auvious.clients[0].secret",
            "never asked for",
        ),
        (
            "[[auvious.clients]]\nid = 'a'\n[[auvious.users]]\nid = 'a'",
            "auvious.users[0].id",
            "share endpoints",
        ),
        (
            "[[auvious.clients]]\nid = 'ä'\n[[auvious.clients]]\nid = '33e6d73fee82904c'",
            "auvious.clients[1].id",
            "share a secret",
        ),
        (
            "[[auvious.users]]\nid = 'a'\npassword = '$argon2id$broken'",
            "auvious.users[0].password",
            "no whole argon2 hash",
        ),
        ("[sip]\nbind = 'sctp:0.0.0.0:5060'", "sip.bind[0]", "transport that is not udp, tcp"),
        ("[sip]\nbind = '0.0.0.0:5060'", "sip.bind[0]", "transport that is not udp, tcp or tls"),
        ("[sip]\nbind = 'udp:host:5060'", "sip.bind[0]", "needs a numeric address"),
        ("[sip]\nbind = 'udp:::1:5060'", "sip.bind[0]", "needs brackets"),
        ("[sip]\nbind = 'udp:0.0.0.0'", "sip.bind[0]", 'must be "host:port"'),
        ("[sip]\nbind = 'udp:0.0.0.0:70000'", "sip.bind[0]", "number from 0 to 65535"),
        ("[sip]\nbind = 'tls:0.0.0.0:5061'", "sip.bind[0]", "needs sip.tls_certfile and"),
        (
            "[sip]\nbind = ['udp:[::]:5060', 'tcp:[::]:5060', 'udp:[0::]:5060']",
            "sip.bind[2]",
            "same address as that of bind[0]",
        ),
        ("[sip]\ntls_certfile = 'x'", "sip.tls_certfile", "needs tls_keyfile"),
        ("[sip]\nallow = ['10.0.0.1/8']", "sip.allow[0]", "is not an IP network"),
        ("[sip]\nrtp_ports = [9, 8]", "sip.rtp_ports", "the lower first"),
        ("[sip]\ncalls = 0", "sip.calls", "must be greater than 0"),
        ("[sip]\nusers = [{ name = 'a', password = '' }]", "sip.users[0].password", "at least 1"),
        (
            "[[sip.users]]\nname = 'a'\npassword = 'x'\n[[sip.users]]\nname = 'a'\npassword = 'y'",
            "sip.users[1].name",
            "that of an earlier entry",
        ),
        ("[sip]\ncall_allow = ['a b']", "sip.call_allow[0]", "a host, an address or a network"),
        ("[sip]\ncall_allow = ['10.0.0.1/8']", "sip.call_allow[0]", "a host, an address or"),
        ("[sip]\ncall_allow = ['10.0.0']", "sip.call_allow[0]", "a host, an address or"),
        ("[sip]\ntrunk = 'provider.example'", "sip.trunk", "must be a URI like"),
        ("[sip]\ntrunk = 'sip:provider.example'", "sip.trunk", "must be a URI like"),
        ("[sip]\ntrunk = 'sip:a@p.example;self=1'", "sip.trunk", "must be a URI like"),
        ("[sip]\ntrunk = 'sip:a:b@provider.example'", "sip.trunk", "belongs into sip.users"),
        ("[sip]\ntrunk = 'sip:a@p.example;transport=x'", "sip.trunk", "not udp, tcp or tls"),
        (
            "[sip]\nbind = 'udp:0.0.0.0:5060'\ntrunk = 'sip:a@p.example'",
            "sip.trunk",
            "needs an entry of sip.users with the name 'a'",
        ),
        (
            "[sip]\ntrunk = 'sip:a@p.example'\nusers = [{ name = 'a', password = 'x' }]",
            "sip.trunk",
            "needs sip.bind",
        ),
        ("[skyway]\nudp_ports = [0, 0]", "skyway.udp_ports", "must name the ports"),
        ("[spreed]\nserver_realm = ''", "spreed.server_realm", "must have at least 1 character"),
        ("listeners = []", "listeners", "needs at least one entry"),
        ("[[listeners]]\ndialects = []", "listeners[0].dialects", "at least one dialect"),
        ("[[listeners]]\ndialects = ['spred']", "listeners[0].dialects", "mean 'spreed'?"),
        (
            "[[listeners]]\nbind = '0.0.0.0:8080'\ndialects = ['skyway']",
            "listeners[0].dialects",
            "anybody could use it",
        ),
        ("[skyway]\nudp_bind = '0.0.0.0'", "skyway.udp_advertise", "what programs are told"),
        ("[skyway]\nbroker_url = 'http://a'", "skyway.broker_url", "must be a URL like"),
        ("[skyway]\nbroker_url = 'wss://a..b/'", "skyway.broker_url", "must be a URL like"),
        (
            "[skyway]\npeer_idle_seconds = 20.0",
            "skyway.peer_idle_seconds",
            "longer than long_poll_seconds",
        ),
        (
            "[skyway]\napi_keys = [{ key = 'a' }, { key = 'a' }]",
            "skyway.api_keys[1].key",
            "that of an earlier entry",
        ),
        (
            "[[listeners]]\ndialects = ['spreed', 'spreed']",
            "listeners[0].dialects",
            "'spreed' twice",
        ),
        ("[[listeners]]\nroot = 'nobody'", "listeners[0].root", "not among"),
        ("[[listeners]]\nroot = 'operator'", "listeners[0].root", "operator's pages"),
        ("[[listeners]]\ntls_keyfile = 'x'", "listeners[0].tls_keyfile", "needs tls_certfile"),
        ("[[listeners]]\ntls_certfile = 'x'", "listeners[0].tls_certfile", "needs tls_keyfile"),
        (
            "[[listeners]]\n[[listeners]]\nbind = '127.0.0.1:8080'",
            "listeners[1].bind",
            "same address as that of listeners[0]",
        ),
        (
            "barertc.channels = [{ id = 'a', name = 'A' }, { id = 'a', name = 'B' }]",
            "barertc.channels[1].id",
            "that of an earlier entry",
        ),
    ],
)
def test_a_wrong_key_is_named(load: Load, text: str, key: str, words: str) -> None:
    ((found, message, line),) = problems(load, text)
    assert found == key
    assert words in message
    assert line is not None


@pytest.mark.parametrize(
    ("listen", "announced"),
    [
        ("['0.0.0.0']", "['192.0.2.1']"),
        ("['0.0.0.0', '::']", "['192.0.2.1', '2001:db8::1']"),
        ("[]", "[]"),
        ("['10.0.0.1']", "[]"),
    ],
)
def test_media_may_listen_everywhere_where_clients_are_told_an_address(
    load: Load, listen: str, announced: str
) -> None:
    assert load(f"[ice]\nlisten_ips = {listen}\nannounced_ips = {announced}").ice


def test_all_problems_are_told_at_once_in_the_order_of_the_file(load: Load) -> None:
    text = "[log]\nlevel = 1\n[limits]\nrooms = 0\nx = 1\n"
    assert [(key, line) for key, _, line in problems(load, text)] == [
        ("log.level", 2),
        ("limits.rooms", 4),
        ("limits.x", 5),
    ]


def test_two_listeners_may_both_ask_for_any_free_port(load: Load) -> None:
    text = "[[listeners]]\nbind = 'localhost:0'\n" * 2
    assert len(load(text).listeners) == 2


@pytest.mark.parametrize(
    "text", ["a = ", "[limits\n", "[limits]\n[limits]\n", 'x = """', "a = 1\na = 2"]
)
def test_what_is_not_toml_is_told_with_its_line(load: Load, text: str) -> None:
    ((key, message, line),) = problems(load, text)
    assert key == ""
    assert message.startswith("is not TOML: ")
    assert line is not None


def test_a_file_that_is_not_there_or_not_text_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml: cannot be read: No such file"):
        load_settings(tmp_path / "no.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_settings(binary)


def test_a_problem_reads_like_a_compilers_message(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[limits]\nrooms = 0\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert str(caught.value) == f"{file}:2: limits.rooms must be greater than 0"


def test_messages_and_reprs_hold_no_secret(load: Load) -> None:
    text = '[operator]\ntoken = "hush"\n[ice]\nturn_secret = "hush"\n[store]\n'
    text += 'url = "postgresql+psycopg://quintet:hush@db/quintet"\n'
    assert "hush" not in repr(load(text))
    with pytest.raises(ConfigError) as caught:
        load("[operator]\ntoken = ['hush']\n[owt]\nsuper_service_id = 'hush'")
    assert "hush" not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings_of({}).limits.rooms = 3


def test_a_pair_of_certificate_and_key_is_tried(load: Load, tmp_path: Path) -> None:
    for name in ("one", "two"):
        command = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name}"
        files = ["-keyout", f"{tmp_path}/{name}.key", "-out", f"{tmp_path}/{name}.pem"]
        subprocess.run(["openssl", *command.split(), *files], check=True, capture_output=True)
    text = "[[listeners]]\ntls_certfile = 'one.pem'\ntls_keyfile = '{}.key'"
    assert load(text.format("one")).listeners[0].secure
    ((key, message, _),) = problems(load, text.format("two"))
    assert key == "listeners[0].tls_certfile"
    assert "not a certificate and its unencrypted key" in message


def test_the_environment_names_the_file_unless_one_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("QUINTET_CONFIG", raising=False)
    assert config_path() is None
    monkeypatch.setenv("QUINTET_CONFIG", "/a/b.toml")
    assert config_path() == Path("/a/b.toml")
    assert config_path(Path("c.toml")) == Path("c.toml")


@pytest.mark.parametrize(
    ("bind", "parts"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::]:65535", ("::", 65535)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
    ],
)
def test_a_bind_is_split(bind: str, parts: tuple[str, int]) -> None:
    assert split_bind(bind) == parts


@pytest.mark.parametrize(
    "bind",
    [
        "",
        "8080",
        ":8080",
        "host",
        "host:",
        "host:65536",
        "::1:80",
        "[::1]",
        "[x]:1",
        "a b:1",
        "h:٣",
    ],
)
def test_what_is_no_bind_is_refused(bind: str) -> None:
    with pytest.raises(ValueError):
        split_bind(bind)


@given(st.text())
def test_any_text_is_a_bind_or_a_value_error(text: str) -> None:
    try:
        host, port = split_bind(text)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65535


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgresql+psycopg://db.example.org/quintet",
        "postgresql+psycopg://quintet:p%40ss@[::1]:5433/quintet?sslmode=require",
        "postgresql+psycopg:///quintet?host=/run/postgresql",
        "postgresql+psycopg://quintet:a#b?c@127.0.0.1/quintet",
    ],
)
def test_the_url_of_a_store_may_be(load: Load, url: str) -> None:
    assert load(f'[store]\nurl = "{url}"').store.url == url


@pytest.mark.parametrize(
    "url",
    [
        "hush",
        "sqlite:///hush.sqlite",
        "postgresql://quintet:hush@db/quintet",
        "postgresql+psycopg2://quintet:hush@db/quintet",
        "mysql://quintet:hush@db/quintet",
        "postgresql+psycopg://quintet:hu@sh@db/quintet",
        "postgresql+psycopg://quintet:hu@sh/@db/quintet",
        "postgresql+psycopg://quintet:hush@db",
        "postgresql+psycopg://quintet:hush@db/",
        "postgresql+psycopg://quintet:hush@db:port/quintet",
        "postgresql+psycopg://quintet:hush@db:99999/quintet",
        "postgresql+psycopg://quintet:hush@d b/quintet",
        r"postgresql+psycopg://quintet:hush\u0000@db/quintet",
    ],
)
def test_the_url_of_a_store_may_not_be_and_is_not_repeated(load: Load, url: str) -> None:
    ((key, message, _),) = problems(load, f'[store]\nurl = "{url}"')
    assert key == "store.url"
    assert "postgresql+psycopg://user:password@host/database" in message
    for part in ("hu@sh", "hush", "sh@db"):
        assert part not in message
