"""When the certificates end that listeners and telephones use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.http.mounts import Services
    from api.settings import ListenerSettings, SipSettings


def note_certificate(services: Services, listener: ListenerSettings) -> None:
    """Note when the certificate ends that a listener has just taken into use, if it has one."""
    _note(services, (listener.bind,), listener.tls_certfile)


def note_telephone_certificate(services: Services, sip: SipSettings) -> None:
    """Note when the certificate of telephones ends, by each address of `sip.bind` with TLS."""
    binds = zip(sip.bind, sip.binds, strict=True)
    _note(services, (name for name, bind in binds if bind.transport == "tls"), sip.tls_certfile)


def certificate_end(file: Path | None) -> float | None:
    """Return when the certificate of a file ends, in Unix seconds; None where there is no file.

    The first one of the file counts: it is that of the server. The file has just been loaded; what
    cannot be read again ends nothing.
    """
    if file is None:
        return None
    from cryptography.x509 import load_pem_x509_certificate  # 8 MiB, for who speaks TLS himself

    try:
        return load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None


def _note(services: Services, names: Iterable[str], file: Path | None) -> None:
    end = certificate_end(file)
    if end is not None:
        services.certificates.update(dict.fromkeys(names, end))
