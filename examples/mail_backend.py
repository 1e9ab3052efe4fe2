"""A mail server that takes mail only from programs of registered OAuth clients: AUTH OAUTHBEARER (RFC 7628).

The token is a JWT of an authorization server. Its signature, issuer, audience and end are checked here, by its keys;
whether the client it was issued to is (still) good, the registry knows, from the moment of a change on.

Run it: JMAP_OAUTH_DATABASE=clients.db ISSUER=https://id.example KEYS=keys.json python examples/mail_backend.py [PORT]
with the JWK Set of the authorization server in keys.json. Without CERTIFICATE and KEY, files for TLS, it listens on
loopback only and takes tokens without encryption.
"""

from __future__ import annotations

import asyncio
import binascii
import json
import os
import re
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

import jmap_oauth
from jmap_oauth.config import load_settings

AUDIENCE = "smtp"
ALGORITHMS = ["ES256", "RS256", "EdDSA"]

# GS2 header with the user's name, then pairs of key and value, each ended by ^A (RFC 7628 section 3.1).
RESPONSE = re.compile(
    rb"n,(?:a=([^,]*))?,\x01(?:[^\x01]+\x01)*?auth=Bearer ([A-Za-z0-9._~+/=-]+)\x01(?:[^\x01]+\x01)*\x01"
)


class Backend:
    """Handles the commands of aiosmtpd."""

    def __init__(self, registry: jmap_oauth.OpenRegistry, issuer: str, keys: KeySet) -> None:
        self._registry = registry
        self._issuer = issuer
        self._keys = keys

    async def auth_OAUTHBEARER(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        """Answer AUTH OAUTHBEARER, with the token in the command or after it."""
        challenge = args[1] if len(args) > 1 else None
        response = await server.challenge_auth("") if challenge is None else decode(challenge)
        if response is MISSING:
            return AuthResult(success=False)
        user = await self.user_of(bytes(response))
        if user is None:
            # The client hears why, says that it has, and only then is refused (RFC 7628 section 3.2.3).
            await server.challenge_auth(json.dumps({"status": "invalid_token"}))
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=user)

    async def user_of(self, response: bytes) -> str | None:
        """Return the user whom a token was issued for, if it is good and so is the client that it was issued to."""
        found = RESPONSE.fullmatch(response)
        if found is None:
            return None
        rules = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            sub={"essential": True},
            client_id={"essential": True},
        )
        try:
            claims = jwt.decode(found[2].decode(), self._keys, algorithms=ALGORITHMS).claims
            rules.validate(claims)
        except (JoseError, ValueError):
            return None
        user, client_id = claims["sub"], claims["client_id"]
        if not isinstance(user, str) or not isinstance(client_id, str) or found[1] not in (b"", None, user.encode()):
            return None
        answer = await self._registry.authenticate(client_id)
        return user if answer.error is None else None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, and do nothing with it."""
        return f"250 Taken from {session.auth_data}"


def decode(text: str) -> bytes:
    """Read base64; what is none is a response that is not understood."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return b""


def read_keys() -> KeySet:
    return KeySet.import_key_set(json.loads(Path(os.environ["KEYS"]).read_text("utf-8")))


def read_certificate() -> ssl.SSLContext | None:
    if "CERTIFICATE" not in os.environ:
        return None
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])
    return tls


async def main() -> None:
    """Serve until the process is ended."""
    settings, keys, tls = load_settings({}, os.environ, None), read_keys(), read_certificate()
    async with await jmap_oauth.open_registry(settings) as registry:
        backend = Backend(registry, os.environ["ISSUER"], keys)
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(backend, auth_required=True, auth_require_tls=tls is not None, tls_context=tls),
            "0.0.0.0" if tls else "127.0.0.1",  # noqa: S104 - a mail server
            int(sys.argv[1]) if len(sys.argv) > 1 else 8025,
        )
        print("Listening on port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
