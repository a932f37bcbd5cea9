"""A test CA and a certificate of it, made by the cryptography library."""

from __future__ import annotations

import datetime
import ssl
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "camera.example"


@cache
def _made(*hosts: str) -> tuple[bytes, bytes]:
    """Return a self-signed certificate for NAME and addresses, and it with its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    addresses = [x509.IPAddress(ip_address(each)) for each in hosts]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), *addresses]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate, certificate + secret


def pem_file(folder: Path, *hosts: str) -> Path:
    """Write a certificate for these addresses, and its key, to one file; return that."""
    file = folder / "certificate.pem"
    file.write_bytes(_made(*hosts)[1])
    return file


def trusting() -> ssl.SSLContext:
    """Return the context of a client that trusts this certificate only."""
    return ssl.create_default_context(cadata=_made()[0].decode())


def serving_tls(names: list[str | None] | None = None) -> ssl.SSLContext:
    """Return the context of a server; `names` are the names that clients ask for (SNI)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        file = Path(folder, "certificate.pem")
        file.write_bytes(_made()[1])
        context.load_cert_chain(file)
    if names is not None:
        context.sni_callback = lambda _, name, __: names.append(name)
    return context
