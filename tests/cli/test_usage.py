"""What the command line says before it does anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from jmap_oauth import __version__
from jmap_oauth.config import SETTINGS
from tests.cli.process import ROOT, run
from tests.cli.shell import Shell

COMMANDS = {
    *("serve", "api-key", "snapshot", "apply", "get", "query", "create", "update", "delete", "describe", "changes"),
    *("rotate-secret", "authenticate", "audit", "import", "db"),
}
FOREIGN = {"typer", "shellingham", "annotated_doc", "typing_extensions", "msgspec"}
"""What --help cannot do without: typer with what it imports, and what the settings are declared with."""


def test_the_version_is_printed(tmp_path: Path) -> None:
    done = run("--version", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"jmap-oauth {__version__}\n", "")


def test_help_names_the_commands(tmp_path: Path) -> None:
    done = run("--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(re.findall("^  ([a-z][a-z-]+)  ", done.stdout, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", [(), ("query",), ("import",), ("api-key", "create"), ("db", "backup")])
def test_help_loads_nothing_that_takes_time(command: tuple[str, ...]) -> None:
    script = f"""
import sys
from jmap_oauth.cli import main
sys.argv = ["jmap-oauth", *{command!r}, "--help"]
try:
    main()
finally:
    loaded = {{name.partition(".")[0] for name in sys.modules}} - {{*sys.stdlib_module_names, "jmap_oauth"}}
    loaded = {{name for name in loaded if not name.startswith("_")}} - {FOREIGN!r}
    print(loaded | ({{"asyncio", "sqlite3", "jmap_oauth.app", "jmap_oauth.cli.client"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "set()", "")


@pytest.mark.parametrize(("number", "arguments", "code"), [(0, "Tenant", 0), (1, "Tenant", 0), (2, "Nothing", 2)])
def test_a_standard_stream_may_be_closed(shell: Shell, number: int, arguments: str, code: int) -> None:
    command = ["sh", "-c", f'"$0" -m jmap_oauth query {arguments} --json {number}>&-', sys.executable]
    done = subprocess.run(command, env=shell.variables(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.parametrize(
    ("arguments", "takers"),
    [
        (("apply", "--file", "-", "--key-file", "-"), "key-file and file"),
        (("import", "hydra", "-", "--key-file", "-"), "key-file and file"),
        (("delete", "Tenant", "--ids", "-", "--key-file", "-"), "key-file and ids"),
        (("authenticate", "a", "--secret-file", "-", "--key-file", "-"), "key-file and secret-file"),
        (("create", "OAuthClient", "--file", "-", "--secret-file", "-"), "file and secret-file"),
    ],
)
def test_standard_input_is_taken_for_one_thing_only(tmp_path: Path, arguments: tuple[str, ...], takers: str) -> None:
    done = run(*arguments, folder=tmp_path)
    error = f"Error: Invalid value: standard input can hold one thing only, not what {takers} are to be\n"
    assert (done.returncode, done.stderr[-len(error) :]) == (2, error)


@pytest.fixture(scope="module")
def help_of_serve(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run("serve", "--help", folder=tmp_path_factory.mktemp("help"), COLUMNS="300").stdout


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_but_the_secret_one_is_an_option_of_serve(help_of_serve: str, name: str) -> None:
    setting = SETTINGS[name]
    assert (f"{setting.option} " in help_of_serve) is not setting.is_secret


@pytest.mark.parametrize(
    "arguments",
    [
        ("sreve",),
        ("serve", "--prot", "1"),
        ("serve", "--port"),
        ("serve", "extra"),
        ("serve", "--admin-key", "a-key-that-has-no-place-here"),
        ("serve", "--admin-key=a-key-that-has-no-place-here"),
        ("api-key", "create"),
        ("api-key", "create", "--all-permissions", "--permission", "sysTenantGet"),
        ("api-key", "revoke"),
    ],
)
def test_wrong_usage_ends_with_2_does_nothing_and_repeats_no_value(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, folder=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert done.stderr.count("Error: ") == 1
    assert "no-place-here" not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [(), ("api-key",)])
def test_no_command_ends_with_2_and_shows_the_help(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, folder=tmp_path)
    assert (done.returncode, "Commands:" in done.stdout + done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "variables", "error"),
    [
        (("serve", "--port", "x"), {}, "port (from --port) must be a whole number from 0 to 65,535"),
        (("serve", "--trusted-proxies", "*"), {}, f"trusted_proxies (from --trusted-proxies) must be "
         f"{SETTINGS['trusted_proxies'].form}"),
        (("serve",), {"JMAP_OAUTH_PROT": "1"}, "JMAP_OAUTH_PROT (in the environment) is not a setting; "
         "did you mean JMAP_OAUTH_PORT?"),
        (("api-key", "list"), {"JMAP_OAUTH_ADMIN_KEY": "short"}, f"admin_key (from JMAP_OAUTH_ADMIN_KEY) must be "
         f"{SETTINGS['admin_key'].form}"),
        (("api-key", "list", "--config", "a\x1b[31mb.toml"), {}, r"a\x1b[31mb.toml cannot be read: "
         "No such file or directory"),
    ],
)  # fmt: skip
def test_wrong_settings_end_with_1_and_one_line(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], error: str
) -> None:
    done = run(*arguments, folder=tmp_path, **variables)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {error}\n")
