"""Which TLS is spoken (RFC 8620 section 8.1)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.process import serve

TLS = Path(__file__).parent / "tls"
REFUSED = {"TLSV1_ALERT_PROTOCOL_VERSION", "UNEXPECTED_EOF_WHILE_READING"}
"""How a client learns that the server would not; uvloop ends the connection without a word."""

KEY = "test-administrator-key-0123456789"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Where a server speaks TLS."""
    pair = ("--tls-certificate", str(TLS / "certificate.pem"), "--tls-key", str(TLS / "key.pem"))
    with serve(*pair, folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY) as server:
        url = urlsplit(server.url)
        yield str(url.hostname), int(url.port or 0)


def shake_hands(address: tuple[str, int], context: ssl.SSLContext) -> str | None:
    """Return the version that both sides agreed on."""
    with socket.create_connection(address, timeout=60) as plain, context.wrap_socket(plain) as tls:
        return tls.version()


def client_of(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return a client that speaks one version only, however old."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


def test_tls_1_2_and_1_3_are_spoken(address: tuple[str, int]) -> None:
    versions = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

    assert [shake_hands(address, client_of(version)) for version in versions] == ["TLSv1.2", "TLSv1.3"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused_by_the_server(address: tuple[str, int], version: ssl.TLSVersion) -> None:
    with pytest.deprecated_call():
        client = client_of(version)

    with pytest.raises(ssl.SSLError) as raised:
        shake_hands(address, client)
    assert raised.value.reason in REFUSED
