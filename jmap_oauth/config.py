"""The settings: one frozen value, and each setting documented where it is declared.

A setting is `name` in a TOML file, `JMAP_OAUTH_NAME` in the environment and `--name` of `jmap-oauth serve`.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

PREFIX = "JMAP_OAUTH_"
CONFIG_VARIABLE = PREFIX + "CONFIG"

MAX_FILE = 1_000_000
"""Bytes that a TOML file may have."""


class SettingsError(Exception):
    """A setting is unknown, wrong or missing. The sentence names it and where it came from, never a secret's value."""


def _number(least: int, most: int, description: str) -> Meta:
    return Meta(ge=least, le=most, description=description)


def _value(description: str, form: str | None = None, *, secret: bool = False) -> Meta:
    """Describe a setting. `form` says what is accepted where the type does not; a secret has no flag."""
    return Meta(description=description, extra={"form": form, "secret": secret})


class Settings(Struct, frozen=True, kw_only=True):
    """What an operator can choose. Sizes are bytes and times seconds, unless said otherwise.

    The constructor takes what it is given; `load_settings` checks and normalises.
    """

    host: Annotated[str, _value("Address to listen on.", "a host name, or an address without brackets and port")] = (
        "127.0.0.1"
    )
    port: Annotated[int, _number(0, 65_535, "Port to listen on; 0 takes a free one.")] = 8080
    database: Annotated[
        str,
        _value(
            "The database. The folder of a file has to be there; only the default's is made.",
            "the path of an SQLite file, sqlite:/// and that path, or a URL postgresql://user@host/name",
        ),
    ] = "data/jmap-oauth.db"
    admin_key: Annotated[
        str | None,
        _value(
            "An API key with all permissions, applied at every start; without it, the one applied before is revoked.",
            "24 to 512 printable characters with no space at either end",
            secret=True,
        ),
    ] = None
    public_url: Annotated[
        str | None,
        _value(
            "The URL under which clients reach the server; without it, taken from each request.",
            "an absolute http or https URL without user, query and fragment",
        ),
    ] = None
    provision: Annotated[
        str | None, _value("A TOML file of tenants and clients that are to be there, applied at every start.", "a path")
    ] = None
    workers: Annotated[int, _number(1, 256, "Processes. Concurrency and throttling count in each by itself.")] = 1

    log_format: Annotated[Literal["json", "text"], _value("Log a JSON object or a line of text an event.")] = "json"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _value("The least severe events.")] = "info"
    access_log: Annotated[bool, _value("Log every request.")] = True

    trusted_proxies: Annotated[
        tuple[str, ...],
        _value(
            "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
            "addresses and networks, such as 192.0.2.1 and 10.0.0.0/8",
        ),
    ] = ()
    redirect_uri_schemes: Annotated[
        tuple[str, ...],
        _value(
            "Schemes without a dot that redirect URIs may have, besides https, and http to the loopback interface.",
            "URI schemes other than http, https and those that run or embed what they name",
        ),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        _value("Origins whose pages may call the API in a browser.", "origins, such as https://admin.example.com"),
    ] = ()
    tls_certificate: Annotated[str | None, _value("The TLS certificate and its chain (PEM).", "a path")] = None
    tls_key: Annotated[str | None, _value("The certificate's private key (PEM, without password).", "a path")] = None
    allow_plain_http: Annotated[
        bool, _value("Listen without TLS on an address that is not loopback: keys can be read on the way.")
    ] = False

    max_size_request: Annotated[int, _number(1_000, 1_000_000_000, "maxSizeRequest: the body of an API request.")] = (
        10_000_000
    )
    max_size_response: Annotated[int, _number(1_000, 1_000_000_000, "The answer to an API request.")] = 64_000_000
    max_calls_in_request: Annotated[int, _number(1, 10_000, "maxCallsInRequest: method calls in a request.")] = 32
    max_concurrent_requests: Annotated[
        int, _number(1, 10_000, "maxConcurrentRequests: requests at once with one API key.")
    ] = 64
    max_objects_in_get: Annotated[int, _number(1, 10_000, "maxObjectsInGet: objects in a /get.")] = 1_000
    max_objects_in_set: Annotated[int, _number(1, 10_000, "maxObjectsInSet: objects in a /set.")] = 1_000
    max_query_results: Annotated[int, _number(1, 100_000, "Ids in the answer to a /query.")] = 5_000
    # At most 128: a filter nests half as many operators, and the stack of SQLite's parser has 100 places.
    max_depth: Annotated[int, _number(16, 128, "Levels to which a request may nest.")] = 64
    max_event_streams: Annotated[int, _number(1, 10_000, "Event streams at once with one API key.")] = 100
    max_size_upload: Annotated[int, _number(1, 100_000_000, "maxSizeUpload: an uploaded file.")] = 5_000_000
    max_concurrent_upload: Annotated[int, _number(1, 1_000, "maxConcurrentUpload: uploads at once to one account.")] = 4
    max_blob_bytes: Annotated[
        int, _number(1, 100_000_000_000, "Uploads of an account, beyond which the oldest go; no less than one upload.")
    ] = 50_000_000
    blob_lifetime: Annotated[int, _number(1, 8_760, "Hours for which an upload is kept.")] = 24
    keep_changes_days: Annotated[
        int, _number(1, 3_650, "Days for which /changes can tell what was destroyed or moved away.")
    ] = 30
    keep_audit_days: Annotated[int, _number(1, 36_500, "Days for which audit events are kept.")] = 365
    keep_expired_secrets_days: Annotated[
        int, _number(1, 3_650, "Days for which a client secret is kept once it has expired.")
    ] = 30

    max_connections: Annotated[
        int, _number(1, 1_000_000, "Connections at once; never more than the process may open files.")
    ] = 10_000
    max_header_bytes: Annotated[int, _number(8_192, 1_048_576, "A request line with its headers.")] = 65_536
    header_timeout: Annotated[int, _number(1, 3_600, "Time in which a request line and headers must arrive.")] = 10
    body_timeout: Annotated[
        int, _number(1, 3_600, "Time that a body, or a client that is sent an answer, may take without progress.")
    ] = 30
    keep_alive_timeout: Annotated[int, _number(1, 3_600, "Time that a connection is kept without a request.")] = 15
    stop_timeout: Annotated[int, _number(1, 3_600, "Time to finish what was begun when told to stop.")] = 10

    argon2_memory: Annotated[int, _number(7_168, 131_072, "Memory of Argon2id for a client secret, in KiB.")] = 19_456
    argon2_time: Annotated[int, _number(1, 6, "Passes of Argon2id over its memory.")] = 2
    argon2_parallelism: Annotated[int, _number(1, 8, "Threads of Argon2id for a client secret.")] = 1
    hash_concurrency: Annotated[
        int, _number(0, 64, "Secrets hashed at once, each in argon2_memory; 0 for as many as CPUs, at most 4.")
    ] = 0
    max_failed_logins: Annotated[
        int, _number(1, 100_000, "Wrong API keys at once from one address, before it is answered 429.")
    ] = 10
    max_failed_logins_per_minute: Annotated[
        int, _number(1, 100_000, "Wrong API keys a minute from one address, in the long run.")
    ] = 10

    @property
    def database_path(self) -> Path | None:
        """Return the SQLite file that `database` names, or None for PostgreSQL."""
        return None if _is_postgresql(self.database) else Path(self.database.removeprefix("sqlite:///"))

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        values = msgspec.structs.asdict(self).items()
        return [(name, "****" if value and _holds_secret(name, value) else value) for name, value in values]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class Setting(NamedTuple):
    """What there is to know about a setting. `type` is the kind of its value, `annotation` has the bounds as well."""

    name: str
    annotation: Any
    type: Any
    meta: Meta
    default: Any

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def description(self) -> str:
        return self.meta.description or ""

    @property
    def is_secret(self) -> bool:
        return bool(self.meta.extra and self.meta.extra["secret"])

    @property
    def is_list(self) -> bool:
        return get_origin(self.type) is tuple

    @property
    def form(self) -> str:
        """Return what a value must be, in words."""
        if self.type is bool:
            return "true or false"
        if self.type is int:
            return f"a whole number from {self.meta.ge:,} to {self.meta.le:,}"
        if get_origin(self.type) is Literal:
            return " or ".join(get_args(self.type))
        form = str(self.meta.extra and self.meta.extra["form"])
        return f"a list of {form}" if self.is_list else form


def _declared() -> Iterator[Setting]:
    for field in msgspec.structs.fields(Settings):
        kind, meta = get_args(field.type)
        yield Setting(field.name, field.type, kind, meta, field.default)


SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in _declared()}


class _Given(NamedTuple):
    """A value as it was given, and where. Text stands for a value of any type, unless it comes from TOML."""

    value: object
    origin: str
    typed: bool = False


def load_settings(flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None) -> Settings:
    """Read the settings from flags, else the environment, else a TOML file, else defaults.

    `flags` go by the names of the settings; None means not given. JMAP_OAUTH_CONFIG names a file where `file` does not.

    Raises:
        SettingsError: one is unknown or wrong, two contradict each other, or the file cannot be used.
    """
    if file is None and environ.get(CONFIG_VARIABLE):
        file = Path(environ[CONFIG_VARIABLE])
    given = {**(_from_file(file) if file else {}), **_from_environment(environ), **_from_flags(flags)}
    settings = Settings(**{name: _read(SETTINGS[name], found) for name, found in given.items()})
    _check_tls(settings)
    return settings


# --- where settings come from ---


def _from_flags(flags: Mapping[str, object]) -> dict[str, _Given]:
    for name in flags:
        _check_known(name, SETTINGS, "a flag")
        if SETTINGS[name].is_secret:
            raise SettingsError(f"{name} cannot be a flag, which other users can see: use {SETTINGS[name].variable}")
    return {name: _Given(value, SETTINGS[name].option) for name, value in flags.items() if value is not None}


# Of the command line client; no settings of the server.
_CLIENT_VARIABLES = frozenset({CONFIG_VARIABLE, PREFIX + "URL", PREFIX + "KEY"})


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    names = {setting.variable: name for name, setting in SETTINGS.items()}
    ours = {variable for variable in environ if variable.startswith(PREFIX)} - _CLIENT_VARIABLES
    found = sorted(variable for variable in ours if not variable.startswith(PREFIX + "TEST_"))
    for variable in found:
        _check_known(variable, names, "the environment")
    return {names[variable]: _Given(environ[variable], variable) for variable in found}


def _from_file(file: Path) -> dict[str, _Given]:
    values, mode = read_toml(file)
    for name in values:
        _check_known(name, SETTINGS, str(file))
        # The group may read: a file of root's for the group of the service is how packages keep secrets.
        if _holds_secret(name, values[name]) and mode & stat.S_IRWXO and os.name == "posix":
            raise SettingsError(f"{file} holds {name} and is open to all users: chmod o= {file}")
    return {name: _Given(value, str(file), typed=True) for name, value in values.items()}


def read_toml(file: Path) -> tuple[dict[str, Any], int]:
    """Return what a TOML file says, and the file's mode.

    Raises:
        SettingsError: it cannot be read, is too large, or is not TOML.
    """
    try:
        with file.open("rb") as opened:
            content, mode = opened.read(MAX_FILE + 1), os.fstat(opened.fileno()).st_mode
        if len(content) > MAX_FILE:
            raise SettingsError(f"{file} has more than {MAX_FILE:,} bytes")
        return tomllib.loads(content.decode()), mode
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        place = re.search(r" \(at .*\)$", str(error))
        raise SettingsError(f"{file} is not TOML{place[0] if place else ''}") from None


def _check_known(name: str, known: Iterable[str], origin: str) -> None:
    names = list(known)
    if name not in names:
        near = difflib.get_close_matches(name.replace("-", "_"), names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SettingsError(f"{name} (in {origin}) is not a setting{hint}")


# --- what a value must be ---


def _read(setting: Setting, given: _Given) -> Any:
    try:
        value = given.value if given.typed else _shape(setting, given.value)
        value = msgspec.convert(value, setting.annotation, strict=given.typed)
        normalise = _NORMALISERS.get(setting.name)
        if normalise is None or value is None:
            return value
        # dict.fromkeys: each once, in the order given
        return tuple(dict.fromkeys(map(normalise, value))) if setting.is_list else normalise(value)
    except ValueError:
        # The cause is not told: it may quote the value, which may be a secret.
        raise SettingsError(f"{setting.name} (from {given.origin}) must be {setting.form}") from None


def _shape(setting: Setting, value: object) -> object:
    """Shape what came as text: members of a list stand between commas, nothing is None where that is allowed.

    An empty secret stays as it is, and is refused: whatever should have filled it has failed.
    """
    if setting.is_list and isinstance(value, str | list):
        text = value if isinstance(value, str) else ",".join(value)
        return [member for member in map(str.strip, text.split(",")) if member]
    if value == "" and not setting.is_secret and type(None) in get_args(setting.type):
        return None
    return value


def _require(holds: object) -> None:
    if not holds:
        raise ValueError


def _host(text: str) -> str:
    _require(re.fullmatch(r"[A-Za-z0-9._:%-]{1,253}", text))
    if ":" in text:
        ipaddress.IPv6Address(text)
    return text


def _path(text: str) -> str:
    _require(text and text.isprintable())
    return text


def _is_postgresql(database: str) -> bool:
    return database.startswith("postgresql://")


def _holds_secret(name: str, value: object) -> bool:
    """Tell whether a value may not be seen: of URLs of PostgreSQL any that could have a password in it."""
    if name == "database":
        return isinstance(value, str) and _is_postgresql(value) and bool(_PASSWORD.search(value))
    return SETTINGS[name].is_secret


_PASSWORD = re.compile(r"password|//.*:.*@", re.IGNORECASE)


def _database(text: str) -> str:
    if _is_postgresql(text):
        hosts = urlsplit(_path(text)).netloc.rpartition("@")[2].split(",")  # there may be several
        _require(len(text) <= _MAX_URL and all(urlsplit(f"//{host}").port != 0 for host in hosts))
        return text
    path = _path(text.removeprefix("sqlite:///"))
    # SQLite takes ":memory:" and the like for no file at all. What begins like a URL is one of another database, or has
    # a slash too few: as a path it would be shown, with the password that may be in it.
    _require(not _SCHEME.match(path) and "://" not in path)
    return text


_SCHEME = re.compile(r"[A-Za-z0-9+.-]*:")


def _admin_key(text: str) -> str:
    _require(24 <= len(text) <= 512 and text.isprintable() and text == text.strip())
    return text


_URL = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?"
)


def _public_url(text: str) -> str:
    _require(len(text) <= _MAX_URL and _URL.fullmatch(text))
    _require(urlsplit(text).port != 0)  # which also raises for one beyond 65,535
    return text.rstrip("/")


def _origin(text: str) -> str:
    """Write an origin as browsers do: lower case, without the port that the scheme implies (RFC 6454 section 6.2)."""
    url = urlsplit(_public_url(text.lower()))
    _require(not url.path)
    return f"{url.scheme}://{url.netloc.removesuffix(':443' if url.scheme == 'https' else ':80')}"


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))


def _scheme(text: str) -> str:
    _require(re.fullmatch(r"[a-z][a-z0-9+.-]{0,63}", text.lower()) and text.lower() not in _NOT_SCHEMES)
    return text.lower()


_MAX_URL = 2_048
# The first two are judged by their host; the others run what they hold or show it as if it came from elsewhere.
_NOT_SCHEMES = frozenset({"http", "https", "javascript", "data", "vbscript", "file", "blob", "about"})

_NORMALISERS: Mapping[str, Callable[[str], str]] = {
    "host": _host,
    "database": _database,
    "admin_key": _admin_key,
    "public_url": _public_url,
    "trusted_proxies": _network,
    "provision": _path,
    "redirect_uri_schemes": _scheme,
    "cors_origins": _origin,
    "tls_certificate": _path,
    "tls_key": _path,
}


def _check_tls(settings: Settings) -> None:
    """Refuse half a TLS pair, and keys that anyone on the way could read."""
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise SettingsError("tls_certificate and tls_key need each other: set both or none")
    protected = settings.tls_key or settings.trusted_proxies or settings.allow_plain_http
    if not protected and not _is_loopback(settings.host):
        raise SettingsError(
            f"host {settings.host} is not loopback, and without TLS anyone on the way could read API keys: set "
            "tls_certificate and tls_key, or trusted_proxies for a proxy that speaks TLS, or allow_plain_http"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
