"""Which server a client command speaks to, with which key, and what is said where that does not work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jmap_oauth.cli.client import MAX_EVENT_LINE, Client, Disconnected
from jmap_oauth.cli.connection import Connection, default_file, find_connection
from jmap_oauth.cli.schema import Type
from jmap_oauth.cli.terminal import Failure
from tests.cli.process import kept_port
from tests.cli.shell import Shell
from tests.support.served import ADMIN_KEY

KEY = "key-of-the-tests"
TENANT = Type("x:Tenant", "", {}, (), {}, (), "name")


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def find(**environ: str) -> tuple[str, str]:
    found = find_connection(None, None, None, False, environ)
    return found.url, found.key


def test_an_option_goes_before_a_variable_and_a_variable_before_the_file(tmp_path: Path) -> None:
    private(tmp_path / "jmap-oauth" / "client.toml", 'url = "https://file.example/"\nkey = "of-the-file"')
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert find(**environ) == ("https://file.example", "of-the-file")
    environ |= {"JMAP_OAUTH_URL": "https://variable.example", "JMAP_OAUTH_KEY": "of-the-variable"}
    assert find(**environ) == ("https://variable.example", "of-the-variable")
    key_file = private(tmp_path / "key", "of-the-option\n")
    found = find_connection("https://option.example", str(key_file), None, False, environ)
    assert found == Connection("https://option.example", "of-the-option")


def test_the_file_may_name_the_file_of_the_key(tmp_path: Path) -> None:
    private(tmp_path / "key", KEY)
    path = private(tmp_path / "own.toml", 'key_file = "key"')
    assert find_connection(None, None, path, False, {}) == Connection("http://127.0.0.1:8080", KEY)


def test_the_file_is_where_xdg_says() -> None:
    assert default_file({"XDG_CONFIG_HOME": "/etc/xdg"}) == Path("/etc/xdg/jmap-oauth/client.toml")
    assert default_file({"XDG_CONFIG_HOME": "relative"}) == Path.home() / ".config" / "jmap-oauth" / "client.toml"


def test_a_connection_does_not_show_its_key() -> None:
    assert KEY not in repr(Connection("https://a.example", KEY))


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (f'key = "{KEY}"', 0o604, "is open to all users: chmod o="),
        (f'key = "{KEY}"\nkey = "{KEY}"', 0o600, "is not TOML"),
        (f'kay = "{KEY}"', 0o600, "is not known; did you mean key?"),
        ("key = 5", 0o600, "key (in "),
        (f'key = "{KEY}"\nurl = "http://server.example"', 0o600, "is not https"),
        (f'key = "{KEY}"\nurl = "ftp://server.example"', 0o600, "must be an http or https URL"),
        (f'key = "{KEY}"\nurl = "https://a:{KEY}@server.example"', 0o600, "without user"),
        (f'key = "{KEY}\\r\\nX: y"', 0o600, "one word of ASCII"),
        (f'key = "{KEY}"\n{"#" * 65_536}', 0o600, "is longer than 65,536 bytes"),
        ("", 0o600, "there is no API key"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_its_key_not_told(
    tmp_path: Path, text: str, mode: int, said: str
) -> None:
    path = private(tmp_path / "client.toml", text, mode)
    with pytest.raises(Failure) as error:
        find_connection(None, None, path, False, {})
    assert said in str(error.value)
    assert KEY not in str(error.value)


def test_a_key_file_that_is_open_to_all_is_refused(shell: Shell) -> None:
    private(shell.folder / "key", ADMIN_KEY, 0o644)
    assert shell.error("query", "Tenant", "--key-file", "key") == "Error: key is open to all users: chmod o= key"


def test_the_key_can_come_from_standard_input(shell: Shell) -> None:
    done = shell.run("describe", "--key-file", "-", input=f"{ADMIN_KEY}\n", JMAP_OAUTH_KEY="")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_file_is_all_that_a_command_needs(shell: Shell) -> None:
    text = f'url = "{shell.url}/"\nkey = "{ADMIN_KEY}"'
    private(shell.folder / ".config" / "jmap-oauth" / "client.toml", text)
    done = shell.run("describe", JMAP_OAUTH_URL="", JMAP_OAUTH_KEY="", XDG_CONFIG_HOME="")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_key_is_said_to_be_refused_and_not_repeated(shell: Shell) -> None:
    error = shell.error("query", "Tenant", JMAP_OAUTH_KEY="wrong-key-that-is-not-told")
    assert error == f"Error: {shell.url} refuses the key (HTTP 401)"


def test_a_server_that_is_not_there_is_named(shell: Shell) -> None:
    with kept_port() as port:
        url = f"http://127.0.0.1:{port}"
        assert shell.error("query", "Tenant", "--url", url).startswith(f"Error: {url} cannot be reached: ")


class Stranger(BaseHTTPRequestHandler):
    """A server of another kind, with the same answer to everything."""

    status = 200
    body = b""
    headers_sent: tuple[tuple[str, str], ...] = ()

    def do_GET(self) -> None:
        self.send_response(self.status)
        for name, value in (*self.headers_sent, ("Content-Length", str(len(self.body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Silent(Stranger):
    """A server that never answers to calls."""

    def do_POST(self) -> None:
        self.rfile.read()  # until the client has gone


@contextmanager
def stranger(body: bytes, status: int = 200, kind: type[Stranger] = Stranger, **headers: str) -> Iterator[str]:
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    handler = type("Handler", (kind,), {"body": body, "status": status, "headers_sent": sent})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


SESSION = b'{"capabilities": {"urn:ietf:params:jmap:core": {}, "urn:stalwart:jmap": {}}}'


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"<html>", 200, "does not answer as a jmap-oauth server does"),
        (b"not found", 404, "does not answer as a jmap-oauth server does"),
        (b'{"capabilities": {}}', 200, "the schema of the server cannot be read; it may be of a newer version"),
        (SESSION, 200, "the schema of the server cannot be read; it may be of a newer version"),
        (b"[" * 100_000, 200, "does not answer as a jmap-oauth server does"),
        (b"", 302, "does not answer as a jmap-oauth server does"),
        (b'{"title": "Teapot \\u001b[2J"}', 418, r"answered HTTP 418: Teapot \x1b[2J"),
        (b"", 503, "answered HTTP 503"),
    ],
)
def test_a_server_of_another_kind_is_an_error_in_one_line(shell: Shell, body: bytes, status: int, said: str) -> None:
    with stranger(body, status) as url:
        assert shell.error("query", "Tenant", "--url", url).endswith(said)


def answering(*responses: str) -> bytes:
    """Return an answer to calls that is well-formed; what else is asked for has the same."""
    capabilities = '"urn:ietf:params:jmap:core": {"maxObjectsInGet": 9}, "urn:stalwart:jmap": {}'
    schema = (
        '"objects": {"x:A": {"description": "A"}}, "lists": {"x:A": {"labelProperty": "b"}}, "fields": {"x:A": '
        '{"properties": {"b": {"description": "B", "type": {"type": "string"}, "update": "mutable"}}}}'
    )
    calls = f'"methodResponses": [{", ".join(responses)}], "sessionState": "s"'
    return f'{{"capabilities": {{{capabilities}}}, {schema}, {calls}}}'.encode()


@pytest.mark.parametrize(
    ("arguments", "responses", "missing"),
    [
        (("changes", "A"), ['["x:A/get", {}, "c0"]'], "state"),
        (("changes", "A", "--since", "s"), ['["x:A/changes", {}, "c0"]'], "newState"),
        (("query", "A"), ['["x:A/query", {}, "c0"]', '["x:A/get", {}, "c1"]'], "ids"),
        (("query", "A"), ['["x:A/query", {"ids": ["a"]}, "c0"]', '["x:A/get", {}, "c1"]'], "list"),
        (("get", "A", "a"), ['["x:A/get", {"list": [{}]}, "c0"]'], "id"),
        (("create", "A", "--field", "b=c"), ['["x:A/set", {"created": {"new": {}}}, "c0"]'], "id"),
    ],
)
def test_a_member_that_is_missing_is_an_error_in_one_line(
    shell: Shell, arguments: tuple[str, ...], responses: list[str], missing: str
) -> None:
    with stranger(answering(*responses)) as url:
        error = shell.error(*arguments, "--url", url)
    assert error == f"Error: the server does not answer as a jmap-oauth server does: {missing} is missing"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_an_event_stream_may_end_in_three_ways(end: str) -> None:
    event = 'data: {"changed": {"global": {"x:Tenant": "s1"}}}'
    with stranger(end.join(["event: state", event, "", ""]).encode()) as url, Client(Connection(url, "key")) as client:
        assert list(client.events(TENANT)) == [None, "s1"]


def test_a_line_of_an_event_stream_has_a_bound() -> None:
    with (
        stranger(b"data:" + b" " * MAX_EVENT_LINE) as url,
        Client(Connection(url, "key")) as client,
        pytest.raises(Failure, match="a line of more than 1,048,576 bytes"),
    ):
        list(client.events(TENANT))


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_a_proxy_says_of_a_server_that_starts_anew_is_a_cut_connection(status: int) -> None:
    """So a watch tries again, and a plan says how far it came."""
    with (
        stranger(b"", status) as url,
        Client(Connection(url, "key")) as client,
        pytest.raises(Disconnected, match=f"answered HTTP {status}"),
    ):
        client.call("Core/echo")


def test_a_name_that_no_host_can_have_is_an_error(shell: Shell) -> None:
    url = f"http://{'a' * 64}"
    assert shell.error("query", "Tenant", "--url", url, "--allow-plain-http").startswith(f"Error: {url} cannot be")


def test_a_name_that_no_file_can_have_is_an_error(shell: Shell) -> None:
    (shell.folder / "client.toml").write_text(r'key_file = "\u0000"')
    (shell.folder / "client.toml").chmod(0o600)
    error = shell.error("query", "Tenant", "--config", "client.toml", JMAP_OAUTH_KEY="")
    assert error == r"Error: \x00 is no name of a file"


def test_a_redirect_takes_the_key_nowhere_else(shell: Shell) -> None:
    with stranger(SESSION) as other, stranger(b"", 302, Location=f"{other}/api/schema/x") as url:
        assert "does not answer as a jmap-oauth server does" in shell.error("describe", "--url", url)


def test_what_is_new_in_a_schema_does_no_harm(shell: Shell) -> None:
    newer = (
        b'{"objects": {"x:Tenant": {"description": "A", "new": 1}}, "lists": {}, "more": {},'
        b' "fields": {"x:Tenant": {"properties": {"b": {"description": "B", "type": {"type": "new"}, "update": "?"}}}}}'
    )
    with stranger(newer) as url:
        shown = shell.run("describe", "Tenant", "--url", url)
    assert (shown.returncode, "new" in shown.stdout, shown.stderr) == (0, True, "")
