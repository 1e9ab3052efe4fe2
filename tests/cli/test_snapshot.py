"""What keeps `snapshot` from being less than it seems: it is whole, and of one moment, or says so."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.cli.client import Call, Client
from jmap_oauth.cli.connection import Connection
from jmap_oauth.cli.snapshot import snapshot
from jmap_oauth.cli.terminal import Failure
from tests.cli.process import COMMAND
from tests.cli.shell import Shell
from tests.cli.test_connection import Silent, answering, stranger
from tests.support.served import ADMIN_KEY


class Meddled(Client):
    """A client of a server where a tenant is made each of the first `times` times that a page is asked for."""

    def __init__(self, url: str, times: int) -> None:
        super().__init__(Connection(url, ADMIN_KEY))
        self.made = 0
        self._times = times

    def calls(self, calls: Sequence[Call]) -> list[dict[str, Any]]:
        answers = super().calls(calls)
        if calls[0][0] == "x:Tenant/query" and self.made < self._times:
            self.made += 1
            super().calls([("x:Tenant/set", {"create": {"a": {"name": f"meddled {self.made}"}}})])
        return answers


def tenants(path: Path) -> list[str]:
    return [json.loads(line)["properties"]["name"] for line in path.read_text().splitlines()]


def test_what_changes_while_it_is_read_is_read_again(
    shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.done("create", "Tenant", "--field", "name=first")
    with Meddled(shell.url, times=1) as client:
        snapshot(client, types=["Tenant"], file=tmp_path / "file")
    assert ({"first", "meddled 1"} <= set(tenants(tmp_path / "file")), capsys.readouterr().err) == (True, "")


def test_what_never_stops_changing_is_said_not_to_be_of_one_moment(
    shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.done("create", "Tenant", "--field", "name=first")
    with Meddled(shell.url, times=100) as client:
        snapshot(client, types=["Tenant"], file=tmp_path / "file")
    assert "first" in tenants(tmp_path / "file")
    assert capsys.readouterr().err == "Warning: Tenant changed while they were read: not all is of one moment\n"


def test_a_field_that_the_server_does_not_describe_ends_it(shell: Shell, tmp_path: Path) -> None:
    shell.done("create", "Tenant", "--field", "name=undescribed")
    with Client(Connection(shell.url, ADMIN_KEY)) as client:
        tenant = client.schema.type("Tenant")
        fields = {name: each for name, each in tenant.fields.items() if name != "quotas"}
        types = {**client.schema.types, tenant.name: dataclasses.replace(tenant, fields=fields)}
        client.__dict__["schema"] = dataclasses.replace(client.schema, types=types)
        with pytest.raises(Failure, match="does not describe these fields of Tenant: quotas"):
            snapshot(client, types=["Tenant"], file=tmp_path / "file")
    assert list(tmp_path.glob("*file*")) == []


def test_a_name_that_looks_like_a_path_leads_nowhere(shell: Shell) -> None:
    name = "../../escaped"
    line = {"type": "OAuthClient", "id": "../../x", "properties": {"clientId": name}}
    shell.run("apply", "--file", shell.write("plan", line))
    shell.done("snapshot", "--types", "OAuthClient", "--file", "file")
    assert {path.name for path in shell.folder.iterdir()} == {"plan", "file"}
    assert f'"clientId": "{name}"' in (shell.folder / "file").read_text()


def test_a_key_without_a_description_comes_back(shell: Shell) -> None:
    key = shell.json("create", "ApiKey", "--field", "permissions=sysTenantGet")[0]["id"]
    shell.done("snapshot", "--types", "ApiKey", "--file", "file")
    assert f'"id": "{key}"' in (shell.folder / "file").read_text()
    assert shell.run("apply", "--file", "file", "--check").stderr == ""


def test_a_snapshot_that_is_terminated_leaves_nothing_behind(shell: Shell) -> None:
    with stranger(answering(), kind=Silent) as url:
        command = [*COMMAND, "snapshot", "--file", "file"]
        with subprocess.Popen(command, cwd=shell.folder, env=shell.variables(JMAP_OAUTH_URL=url)) as process:
            while process.poll() is None and not list(shell.folder.iterdir()):
                time.sleep(0.01)
            process.terminate()
    assert (process.returncode, list(shell.folder.iterdir())) == (143, [])


@pytest.mark.parametrize("name", ["pipe", "folder", "link"])
def test_what_is_no_file_is_not_replaced(shell: Shell, name: str) -> None:
    os.mkfifo(shell.folder / "pipe")
    (shell.folder / "folder").mkdir()
    (shell.folder / "link").symlink_to("pipe")
    error = shell.error("snapshot", "--types", "Tenant", "--file", name)
    assert error == f"Error: {name} is no file that could be replaced; without --file it goes to standard output"
    assert sorted(each.name for each in shell.folder.iterdir()) == ["folder", "link", "pipe"]


def test_a_link_stays_one(shell: Shell) -> None:
    shell.done("create", "Tenant", "--field", "name=linked")
    (shell.folder / "folder").mkdir()
    (shell.folder / "link").symlink_to("folder/file")
    shell.done("snapshot", "--types", "Tenant", "--file", "link")
    assert "linked" in (shell.folder / "folder" / "file").read_text()
    assert (shell.folder / "link").is_symlink()


def test_a_minus_is_standard_output(shell: Shell) -> None:
    shell.done("create", "Tenant", "--field", "name=minus")
    assert '"minus"' in shell.done("snapshot", "--types", "Tenant", "--file", "-")
    assert list(shell.folder.iterdir()) == []
