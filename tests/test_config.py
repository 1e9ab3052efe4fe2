"""Settings: where they come from, what they may be, and that the secret one stays one."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jmap_oauth.config import _NOT_SCHEMES, SETTINGS, Setting, Settings, SettingsError, load_settings
from jmap_oauth.objects.redirects import NEVER
from jmap_oauth.protocol.types import Limits
from tests.support.served import ADMIN_KEY, call, serve_in_process

KEY = "marker-of-a-key-that-nobody-may-see"
NUMBERS = [pytest.param(each, id=each.name) for each in SETTINGS.values() if each.meta.ge is not None]


def from_environment(**variables: str) -> Settings:
    return load_settings({}, {f"JMAP_OAUTH_{name.upper()}": value for name, value in variables.items()}, None)


def refusal(flags: dict[str, object], environ: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(flags, environ, file)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.touch(mode=0o600)
    return path


def test_nothing_given_means_the_defaults() -> None:
    assert load_settings({}, {"PATH": "/bin", "HOME": "/root"}, None) == Settings()


def test_the_defaults_are_what_the_check_accepts() -> None:
    texts = {name: str(each.default).lower() for name, each in SETTINGS.items() if each.default not in (None, ())}
    assert from_environment(**texts) == Settings()


def test_the_limits_have_the_names_and_defaults_of_the_protocol() -> None:
    ours = {name: getattr(Settings(), name) for name in Limits.__struct_fields__}
    assert ours == msgspec.structs.asdict(Limits())


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda each: each.name)
def test_every_setting_says_what_it_is_and_what_it_accepts(setting: Setting) -> None:
    assert setting.description.endswith(".")
    assert setting.form != "None"


GOOD: list[tuple[str, str, Any]] = [
    ("host", "localhost", "localhost"),
    ("host", "::1", "::1"),
    ("port", "0", 0),
    ("port", "65535", 65535),
    ("database", "clients.db", "clients.db"),
    ("database", "sqlite:///clients.db", "sqlite:///clients.db"),
    ("database", "sqlite:////srv/clients.db", "sqlite:////srv/clients.db"),
    *(
        ("database", url, url)
        for url in (
            "postgresql://db/clients",
            "postgresql://user:pass%20word@[::1]:5433/clients?sslmode=verify-full",
            "postgresql://user@one:5432,two:5432/clients?target_session_attrs=read-write",
            "postgresql://user@/clients?host=/run/postgresql",
        )
    ),
    ("admin_key", "k" * 24, "k" * 24),
    ("admin_key", "correct horse battery staple ü", "correct horse battery staple ü"),
    ("public_url", "https://id.example.com/", "https://id.example.com"),
    ("public_url", "http://[::1]:8080/clients/", "http://[::1]:8080/clients"),
    ("public_url", "", None),
    ("log_format", "text", "text"),
    ("log_level", "debug", "debug"),
    ("access_log", "false", False),
    ("access_log", "1", True),
    ("trusted_proxies", "10.0.0.0/8, 2001:DB8::1,10.0.0.0/8,", ("10.0.0.0/8", "2001:db8::1")),
    ("trusted_proxies", "", ()),
    ("redirect_uri_schemes", "MyApp,other+app", ("myapp", "other+app")),
    ("cors_origins", "https://Admin.example.com:443/,http://localhost:3000",
     ("https://admin.example.com", "http://localhost:3000")),
    ("tls_key", "", None),
    ("hash_concurrency", "3", 3),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_good_value_is_taken(name: str, text: str, value: object) -> None:
    assert getattr(from_environment(**{name: text}), name) == value


BAD = [
    ("host", ""),
    ("host", "127.0.0.1:8080"),
    ("host", "[::1]"),
    ("host", "a host"),
    ("port", ""),
    ("port", "http"),
    ("port", "80.5"),
    ("database", ""),
    ("database", "sqlite:///"),
    ("database", ":memory:"),
    ("database", "sqlite:///:memory:"),
    ("database", "postgresql://user:password@db:port/clients"),
    ("database", "postgresql://user:password@db:99999/clients"),
    ("database", "postgresql://db/cli\nents"),
    ("database", "postgres://db/clients"),
    ("database", "mysql://db/clients"),
    ("database", "postgresql:keeper:secret@db/clients"),
    ("database", "sqlite:clients.db"),
    ("database", "file:clients.db?mode=memory"),
    ("database", "a\nb"),
    ("admin_key", ""),
    ("admin_key", "k" * 23),
    ("admin_key", "k" * 513),
    ("admin_key", "k" * 24 + "\n"),
    ("admin_key", " " + "k" * 24),
    ("admin_key", "k" * 12 + "\x00" + "k" * 12),
    ("public_url", "id.example.com"),
    ("public_url", "/clients"),
    ("public_url", "ftp://id.example.com"),
    ("public_url", "https://user@id.example.com"),
    ("public_url", "https://id.example.com/?a=b"),
    ("public_url", "https://id.example.com/#a"),
    ("public_url", "https://id.example.com:0"),
    ("public_url", "https://id.example.com:65536"),
    ("public_url", "https://id.example.com/a b"),
    ("public_url", "https://id.example.com\n"),
    ("public_url", "https://" + "a" * 2048),
    ("workers", "-1"),
    ("log_format", "JSON"),
    ("log_level", "verbose"),
    ("access_log", "maybe"),
    ("access_log", ""),
    ("trusted_proxies", "*"),
    ("trusted_proxies", "10.0.0.1/8"),
    ("trusted_proxies", "10.0.0.0/8,proxy.example.com"),
    ("redirect_uri_schemes", "http"),
    ("redirect_uri_schemes", "JavaScript"),
    ("redirect_uri_schemes", "my app"),
    ("cors_origins", "*"),
    ("cors_origins", "null"),
    ("cors_origins", "https://example.com/page"),
    ("tls_certificate", "a\nb"),
    ("max_depth", "1e400"),
]


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_is_refused_by_name_and_origin_and_not_repeated(name: str, text: str) -> None:
    variable = SETTINGS[name].variable
    assert refusal({}, {variable: text}) == f"{name} (from {variable}) must be {SETTINGS[name].form}"


@pytest.mark.parametrize(
    "url", ["postgresql://u:SECRET@db/x", "postgresql://u:a%2FSECRET@db/x", "postgresql://db/x?user=u&password=SECRET"]
)
def test_a_url_with_a_password_is_not_shown(url: str) -> None:
    settings = from_environment(database=url)
    assert settings.database == url
    assert "database='****'" in repr(settings)


def test_a_url_without_a_password_is_shown() -> None:
    assert "database='postgresql://u@db/x'" in repr(Settings(database="postgresql://u@db/x"))


def test_a_url_with_a_password_may_not_stand_in_a_file_for_all(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('database = "postgresql://u:SECRET@db/x"')
    file.chmod(0o644)
    assert refusal({}, {}, file) == f"{file} holds database and is open to all users: chmod o= {file}"
    file.chmod(0o640)
    assert load_settings({}, {}, file).database.endswith("SECRET@db/x")


def test_postgresql_is_no_file() -> None:
    assert Settings(database="postgresql://db/x").database_path is None


@pytest.mark.parametrize("setting", NUMBERS)
def test_a_number_is_bounded_on_both_sides(setting: Setting) -> None:
    least, most = int(setting.meta.ge or 0), int(setting.meta.le or 0)
    assert getattr(from_environment(**{setting.name: str(least)}), setting.name) == least
    assert getattr(from_environment(**{setting.name: str(most)}), setting.name) == most
    for beyond in (least - 1, most + 1):
        assert f"from {least:,} to {most:,}" in refusal({}, {setting.variable: str(beyond)})


async def test_a_filter_can_be_as_deep_as_the_setting_allows(tmp_path: Path) -> None:
    """The parser of SQLite has a stack of 100 entries, and ends the statement when it is full."""
    deepest = int(SETTINGS["max_depth"].meta.le or 0)
    filter: dict[str, Any] = {"clientId": "none"}
    for number in range((deepest - 5) // 2):  # an operator is two levels; the Request around the filter is four
        filter = {"operator": ("AND", "OR")[number % 2], "conditions": [filter, {"clientId": str(number)}]}
    async with serve_in_process(tmp_path, max_depth=deepest) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        answer = await call(client, "x:OAuthClient/query", filter=filter)
    assert answer.get("ids") == [], answer


def test_the_schemes_that_no_setting_allows_are_those_that_no_redirect_uri_may_have() -> None:
    assert NEVER | {"http", "https"} == _NOT_SCHEMES


def test_flags_go_before_variables_before_the_file_before_defaults(file: Path) -> None:
    file.write_text("port = 1\nworkers = 1\nmax_depth = 20\n")
    environ = {"JMAP_OAUTH_PORT": "2", "JMAP_OAUTH_WORKERS": "2", "JMAP_OAUTH_CONFIG": "/not/read"}
    loaded = load_settings({"port": "3", "host": None}, environ, file)
    assert loaded == Settings(port=3, workers=2, max_depth=20)


def test_a_variable_names_the_file(file: Path) -> None:
    file.write_text("port = 1\n")
    assert load_settings({}, {"JMAP_OAUTH_CONFIG": str(file)}, None).port == 1


def test_an_empty_flag_puts_away_what_the_file_says(file: Path) -> None:
    file.write_text('public_url = "https://id.example.com"\ntrusted_proxies = ["10.0.0.1"]\n')
    assert load_settings({"public_url": "", "trusted_proxies": [""]}, {}, file) == Settings()


def test_a_flag_of_a_list_may_be_repeated() -> None:
    settings = load_settings({"trusted_proxies": ["10.0.0.1,10.0.0.2", "10.0.0.3"]}, {}, None)
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2", "10.0.0.3")


def test_a_file_holds_values_of_toml_types(file: Path) -> None:
    file.write_text(f'port = 9000\naccess_log = false\ncors_origins = ["https://a.example"]\nadmin_key = "{KEY}"\n')
    assert load_settings({}, {}, file) == Settings(
        port=9000, access_log=False, cors_origins=("https://a.example",), admin_key=KEY
    )


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('port = "9000"', "port"),
        ("port = true", "port"),
        ("access_log = 1", "access_log"),
        ('cors_origins = "https://a.example"', "cors_origins"),
        ("cors_origins = [1]", "cors_origins"),
        ("host = 1979-05-27", "host"),
        ('tls_key = ""', "tls_key"),
    ],
)
def test_a_value_of_another_toml_type_is_refused(file: Path, line: str, name: str) -> None:
    file.write_text(line)
    assert refusal({}, {}, file) == f"{name} (from {file}) must be {SETTINGS[name].form}"


def test_an_unknown_variable_is_named_with_the_nearest_setting() -> None:
    assert refusal({}, {"JMAP_OAUTH_ADMINKEY": KEY}) == (
        "JMAP_OAUTH_ADMINKEY (in the environment) is not a setting; did you mean JMAP_OAUTH_ADMIN_KEY?"
    )


def test_an_unknown_name_in_a_file_is_named_with_the_nearest_setting(file: Path) -> None:
    file.write_text('public-url = "https://id.example.com"')
    assert refusal({}, {}, file) == f"public-url (in {file}) is not a setting; did you mean public_url?"


def test_a_name_that_is_near_to_nothing_gets_no_suggestion() -> None:
    assert refusal({"zzz": 1}, {}) == "zzz (in a flag) is not a setting"


def test_variables_of_the_client_and_of_tests_are_no_settings() -> None:
    others = {"JMAP_OAUTH_URL": "x", "JMAP_OAUTH_KEY": "x", "JMAP_OAUTH_TEST_URL": "x", "JMAP_OAUTH_CONFIG": ""}
    assert load_settings({}, others, None) == Settings()


def test_the_admin_key_cannot_be_a_flag() -> None:
    message = refusal({"admin_key": KEY}, {})
    assert message == "admin_key cannot be a flag, which other users can see: use JMAP_OAUTH_ADMIN_KEY"


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_file_with_the_admin_key_that_is_open_to_all_is_refused(file: Path, mode: int) -> None:
    file.write_text(f'admin_key = "{KEY}"')
    file.chmod(mode)
    assert refusal({}, {}, file) == f"{file} holds admin_key and is open to all users: chmod o= {file}"


def test_a_file_with_the_admin_key_may_be_read_by_its_group(file: Path) -> None:
    file.write_text(f'admin_key = "{KEY}"')
    file.chmod(0o640)
    assert load_settings({}, {}, file).admin_key == KEY


def test_a_file_without_the_admin_key_may_be_open_to_all(file: Path) -> None:
    file.write_text("port = 1")
    file.chmod(0o644)
    assert load_settings({}, {}, file).port == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert refusal({}, {}, missing) == f"{missing} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (f"admin_key = {KEY}".encode(), " (at line 1, column 13)"),
        (b"port = \xff", ""),
        (b"port = " + b"[" * 5000, ""),
    ],
)
def test_a_file_that_is_not_toml_is_named_with_the_place_and_not_quoted(file: Path, content: bytes, place: str) -> None:
    file.write_bytes(content)
    assert refusal({}, {}, file) == f"{file} is not TOML{place}"


def test_the_admin_key_is_not_shown() -> None:
    settings = Settings(admin_key=KEY)
    assert KEY not in repr(settings)
    assert "admin_key='****'" in str(settings)
    assert ("admin_key", "****") in settings.__rich_repr__()


def test_a_missing_admin_key_shows_as_none() -> None:
    assert "admin_key=None" in repr(Settings())


def test_settings_travel_to_another_process_whole() -> None:
    settings = Settings(admin_key=KEY, trusted_proxies=("10.0.0.1",))
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301


@pytest.mark.parametrize(
    ("database", "path"), [("a.db", "a.db"), ("sqlite:///a.db", "a.db"), ("sqlite:////srv/a.db", "/srv/a.db")]
)
def test_the_database_names_a_file(database: str, path: str) -> None:
    assert Settings(database=database).database_path == Path(path)


@pytest.mark.parametrize("given", ["tls_certificate", "tls_key"])
def test_half_of_a_tls_pair_is_refused(given: str) -> None:
    message = refusal({given: "file.pem"}, {})
    assert message == "tls_certificate and tls_key need each other: set both or none"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "id.example.com"])
def test_plain_http_beyond_loopback_is_refused_with_the_ways_out(host: str) -> None:
    message = refusal({"host": host}, {})
    assert re.findall(r"tls_\w+|trusted_proxies|allow_plain_http", message) == [
        "tls_certificate", "tls_key", "trusted_proxies", "allow_plain_http",
    ]  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_plain_http_on_loopback_needs_nothing_more(host: str) -> None:
    assert load_settings({"host": host}, {}, None).host == host


@pytest.mark.parametrize(
    "flags",
    [
        {"tls_certificate": "a.pem", "tls_key": "b.pem"},
        {"trusted_proxies": "10.0.0.1"},
        {"allow_plain_http": True},
    ],
)
def test_a_protected_server_may_listen_on_every_address(flags: dict[str, object]) -> None:
    assert load_settings({"host": "0.0.0.0", **flags}, {}, None).host == "0.0.0.0"
