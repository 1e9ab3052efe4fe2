"""What bash completes, asked as bash asks: with no server and no key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import environment


def completed(folder: Path, line: str) -> list[str]:
    """Return what bash is told for the last word of a line."""
    script = "import sys; sys.argv = ['jmap-oauth']; from jmap_oauth.cli import main; main()"
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_JMAP_OAUTH_COMPLETE": "complete_bash"}
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment(asked), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("jmap-oauth rotate", ["rotate-secret"]),
        ("jmap-oauth import k", ["keycloak"]),
        ("jmap-oauth query Ten", ["Tenant"]),
        ("jmap-oauth describe OAuth", ["OAuthClient", "OAuthClientSecret"]),
        ("jmap-oauth audit --type Au", ["AuditEvent"]),
        ("jmap-oauth snapshot --types Tenant,O", ["Tenant,OAuthClient"]),
        ("jmap-oauth create OAuthClient --field redirectUris=x --field red", ["redirectUris="]),
        ("jmap-oauth create OAuthClient --field sec", ["sectorIdentifierUri="]),
        ("jmap-oauth update oauthclient i06g --field cre", []),
        ("jmap-oauth get Tenant i06g --fields quotas,na", ["quotas,name"]),
        ("jmap-oauth query OAuthClient --where sta", ["status="]),
        ("jmap-oauth query OAuthClient --sort clientId,up", ["clientId,updatedAt"]),
        ("jmap-oauth query Unknown --fields c", []),
    ],
)
def test_the_shell_completes(tmp_path: Path, line: str, expected: list[str]) -> None:
    assert completed(tmp_path, line) == expected
