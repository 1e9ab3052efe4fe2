"""The layers of the package: who may import what, and which words, statements and names stay where they belong.

Each check is a function from a module to its findings. It is run on the package, which has none, and on broken
samples, in which it must find something.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

from jmap_oauth.protocol.errors import MethodErrorType, RequestErrorType, SetErrorType

PACKAGE = "jmap_oauth"
ROOT = Path(__file__).parent.parent / PACKAGE
MAX_DOCSTRING, MAX_FILE, MAX_FUNCTION = 12, 500, 60


@dataclass(frozen=True)
class Layer:
    """What a package may import beside itself and the standard library; `lazily`: only once it is running."""

    own: frozenset[str]
    foreign: frozenset[str]
    lazily: frozenset[str]


def may_import(own: str = "", foreign: str = "", lazily: str = "") -> Layer:
    return Layer(frozenset(own.split()), frozenset(foreign.split()), frozenset(lazily.split()))


ANYTHING_SERVED = "protocol model store access methods objects http web config bootstrap provisioning database"

LAYERS = {
    "protocol": may_import("", "msgspec"),
    "model": may_import("protocol.types protocol.errors", "msgspec email_validator"),
    "store.interface": may_import("protocol.types model"),
    "store": may_import("model protocol.types", "msgspec sqlite3 aiosqlite"),
    "store.postgresql": may_import("store model protocol.types", "msgspec asyncpg"),
    "access": may_import("protocol model store.interface", "argon2 bcrypt"),
    "methods": may_import("protocol model store.interface access", "msgspec"),
    "objects": may_import("protocol model store.interface access methods", "msgspec"),
    "config": may_import("", "msgspec"),
    "bootstrap": may_import("protocol model store.interface access methods"),
    "provisioning": may_import("protocol model store.interface methods objects config", "msgspec"),
    "web": may_import(),
    "http": may_import(
        "protocol access store.interface config __version__",
        "starlette uvicorn httptools msgspec prometheus_client",
    ),
    "app": may_import(f"{ANYTHING_SERVED} __version__", "msgspec starlette uvicorn prometheus_client"),
    "database": may_import("config model store"),
    "administration": may_import("app config database model store.interface"),
    "keeping": may_import("access config database methods model objects store"),
    "embedded": may_import("app config model objects", "msgspec"),
    "cli": may_import(
        "config protocol.types protocol.errors __version__",
        "uvicorn typer click rich httpx",
        lazily="app administration keeping",
    ),
    "__init__": may_import(lazily="app config embedded"),
    "__main__": may_import("cli"),
}
"""The longest name counts. `sqlite3` is kept apart from the rest of the standard library, as the driver it is."""

GENERAL = ("protocol", "model", "store", "access", "methods", "http")
"""The packages that know nothing of what is served here."""


@dataclass(frozen=True)
class Module:
    """A file of the package. `name` is without the package: "store.sqlite"; the package itself is "__init__"."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def name(self) -> str:
        return ".".join(Path(self.path).with_suffix("").parts).removesuffix(".__init__")

    @property
    def package(self) -> list[str]:
        return [PACKAGE, *Path(self.path).parent.parts]

    @property
    def layer(self) -> str | None:
        return max((name for name in LAYERS if is_within(self.name, name)), key=len, default=None)

    def finding(self, line: int, what: str) -> str:
        return f"{self.path}:{line} {what}"


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def modules(root: Path) -> list[Module]:
    return [Module(path.relative_to(root).as_posix(), path.read_text()) for path in sorted(root.rglob("*.py"))]


# Imports


@dataclass(frozen=True)
class Import:
    """`names` are the module and what is taken from it, either of which may be what is allowed."""

    names: tuple[str, ...]
    line: int
    is_lazy: bool


@dataclass
class Importing(ast.NodeVisitor):
    """Gathers the imports of a module: in functions, for type checkers and by `import_module` as well."""

    module: Module
    found: list[Import] = field(default_factory=list)
    is_lazy: bool = False

    def visit_Import(self, node: ast.Import) -> None:
        for each in node.names:
            self._add(node, each.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        start = self.module.package[: len(self.module.package) - node.level + 1] if node.level else []
        source = ".".join([*start, *([node.module] if node.module else [])])
        for each in node.names:
            self._add(node, source, f"{source}.{each.name}")

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if function in {"import_module", "__import__"} and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self._add(node, name.value)
            else:
                self._add_all_spoken_of()
        self.generic_visit(node)

    def _add_all_spoken_of(self) -> None:
        """Take each module of the package whose name the file holds for imported: it might be."""
        for line, text in strings(self.module.tree):
            if re.fullmatch(rf"{PACKAGE}(\.\w+)+", text):
                self.found.append(Import((text,), line, self.is_lazy))

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            self._visit_lazily(node.body)
            for each in node.orelse:
                self.visit(each)
        else:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for each in (*node.decorator_list, node.args):
            self.visit(each)
        self._visit_lazily(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def _visit_lazily(self, nodes: Iterable[ast.AST]) -> None:
        before, self.is_lazy = self.is_lazy, True
        for each in nodes:
            self.visit(each)
        self.is_lazy = before

    def _add(self, node: ast.stmt | ast.expr, *names: str) -> None:
        self.found.append(Import(names, node.lineno, self.is_lazy))


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every text in a tree with its line; f-strings once as a whole, with a hole for each value."""
    parts: set[ast.AST] = set()
    for node in ast.walk(tree):  # what holds others comes before them
        if isinstance(node, ast.JoinedStr):
            parts.update(node.values)
            texts = [str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values]
            yield node.lineno, "".join(texts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.lineno, node.value


def is_allowed(each: Import, layer: str) -> bool:
    rule = LAYERS[layer]
    own = [name.removeprefix(f"{PACKAGE}.") for name in each.names if name.startswith(f"{PACKAGE}.")]
    if own or PACKAGE in each.names:
        allowed = {layer, *rule.own, *(rule.lazily if each.is_lazy else ())}
        return any(is_within(name, package) for name in own for package in allowed)
    top = each.names[0].partition(".")[0]
    return top in rule.foreign or (top in sys.stdlib_module_names and top != "sqlite3")


def check_imports(module: Module) -> Iterator[str]:
    if module.layer is None:
        yield module.finding(1, "belongs to no layer")
        return
    importing = Importing(module)
    importing.visit(module.tree)
    for each in importing.found:
        if not is_allowed(each, module.layer):
            yield module.finding(each.line, f"imports {each.names[-1]}, which {module.layer} may not")


# Words, statements, names


def check_words(module: Module) -> Iterator[str]:
    """The general packages speak of no particular type; the name of the whole package is apart."""
    if module.name.partition(".")[0] not in GENERAL:
        return
    for line, text in enumerate([module.path, *module.text.splitlines()]):
        if "oauth" in re.sub(r"jmap[-_]oauth", "", text.lower()):
            yield module.finding(line, 'says "oauth"')


SQL = re.compile(
    r"\b(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\b|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\b|PRAGMA\s"
    r"|(CREATE|ALTER|DROP)\s+(TEMP\s+|UNIQUE\s+|VIRTUAL\s+)?(TABLE|INDEX|VIEW|TRIGGER)\b)"
)


def check_sql(module: Module) -> Iterator[str]:
    if is_within(module.name, "store") and module.name != "store.interface":
        return
    for line, text in strings(module.tree):
        if SQL.search(text):
            yield module.finding(line, "holds SQL")


ERROR_NAMES = frozenset(each.value for names in (RequestErrorType, MethodErrorType, SetErrorType) for each in names)


def check_error_names(module: Module) -> Iterator[str]:
    if module.name == "protocol.errors":
        return
    for line, text in strings(module.tree):
        if text in ERROR_NAMES or "urn:ietf:params:jmap:error" in text:
            yield module.finding(line, f"spells out {text!r}")


def check_prints(module: Module) -> Iterator[str]:
    if is_within(module.name, "cli"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield module.finding(node.lineno, "prints")


# Shape


def check_docstring(module: Module) -> Iterator[str]:
    """Each package says in a few lines what it owns, what it does not, and what it may import."""
    if Path(module.path).name != "__init__.py":
        return
    docstring = ast.get_docstring(module.tree) or ""
    if not docstring or len(docstring.splitlines()) > MAX_DOCSTRING:
        yield module.finding(1, f"has no docstring of at most {MAX_DOCSTRING} lines")
    elif module.name != "__init__":
        for heading in ("Owns: ", "Does not own: ", "May import: "):
            if heading not in docstring:
                yield module.finding(1, f"does not say {heading!r}")


def check_length(module: Module) -> Iterator[str]:
    """Docstrings of functions do not count."""
    lines = module.text.count("\n")
    if lines > MAX_FILE:
        yield module.finding(lines, f"is over {MAX_FILE} lines")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            spoken = docstring.count("\n") + 1 if docstring else 0
            if (node.end_lineno or 0) - node.lineno + 1 - spoken > MAX_FUNCTION:
                yield module.finding(node.lineno, f"{node.name} is over {MAX_FUNCTION} lines")


Check = Callable[[Module], Iterator[str]]
CHECKS: list[Check] = [
    check_imports,
    check_words,
    check_sql,
    check_error_names,
    check_prints,
    check_docstring,
    check_length,
]


def findings(check: Check, root: Path) -> list[str]:
    return sorted({each for module in modules(root) for each in check(module)})


@pytest.mark.parametrize("check", CHECKS)
def test_the_package_keeps_to_its_architecture(check: Check) -> None:
    assert findings(check, ROOT) == []


def test_the_whole_package_is_looked_at() -> None:
    names = {module.name.partition(".")[0] for module in modules(ROOT)}

    assert names == set(LAYERS) - {"web", "store.interface", "store.postgresql"}


def test_every_folder_with_modules_is_a_package() -> None:
    assert [folder.parent for folder in ROOT.rglob("*.py") if not (folder.parent / "__init__.py").is_file()] == []


def test_statements_in_files_stand_in_the_schema_folder() -> None:
    assert [
        path.name for path in ROOT.rglob("*.sql") if path.relative_to(ROOT).parts[0] not in {"schema", "store"}
    ] == []


# Each check finds what is broken, where it is

LONG_FUNCTION = "def long():\n" + "    pass\n" * 60
OWNS = "Owns: a.\nDoes not own: b.\nMay import: c.\n"

BROKEN: list[tuple[Check, str, str, str]] = [
    (check_imports, "protocol/x.py", "import jmap_oauth.model.ids", "1 imports jmap_oauth.model.ids, which protocol"),
    (check_imports, "protocol/x.py", "import jmap_oauth", "1 imports jmap_oauth, which protocol may"),
    (check_imports, "protocol/x.py", "from jmap_oauth import model", "1 imports jmap_oauth.model, which protocol may"),
    (check_imports, "protocol/x.py", "import json, aiosqlite", "1 imports aiosqlite, which protocol may"),
    (check_imports, "model/x.py", "from jmap_oauth.protocol import dispatch", "1 imports jmap_oauth.protocol.dispatch"),
    (check_imports, "model/x.py", "from jmap_oauth.protocol import *", "1 imports jmap_oauth.protocol.*,"),
    (check_imports, "model/x.py", "def f():\n    from jmap_oauth.store import sql", "2 imports jmap_oauth.store.sql,"),
    (check_imports, "model/x.py", "async def f():\n    import starlette", "2 imports starlette,"),
    (check_imports, "model/x.py", "@import_module('rich')\ndef f(): pass", "1 imports rich,"),
    (check_imports, "cli/x.py", "def f(a=import_module('jmap_oauth.app')): pass", "1 imports jmap_oauth.app,"),
    (check_imports, "model/x.py", "class A:\n    import sqlite3", "2 imports sqlite3,"),
    (check_imports, "model/x.py", "try:\n    import rich\nexcept ImportError:\n    pass", "2 imports rich,"),
    (check_imports, "model/x.py", "if TYPE_CHECKING:\n    import jmap_oauth.app", "2 imports jmap_oauth.app,"),
    (check_imports, "model/x.py", "if typing.TYPE_CHECKING:\n    pass\nelse:\n    import httpx", "4 imports httpx,"),
    (check_imports, "model/x.py", "from ..store import sql", "1 imports jmap_oauth.store.sql,"),
    (check_imports, "model/x.py", "from .. import app", "1 imports jmap_oauth.app,"),
    (check_imports, "model/__init__.py", "from ..app import App", "1 imports jmap_oauth.app.App,"),
    (check_imports, "model/x.py", "import_module('jmap_oauth.app')", "1 imports jmap_oauth.app,"),
    (check_imports, "model/x.py", "importlib.import_module('jmap_oauth.app')", "1 imports jmap_oauth.app,"),
    (check_imports, "model/x.py", "__import__('starlette.routing')", "1 imports starlette.routing,"),
    (check_imports, "model/x.py", "NAME = 'jmap_oauth.app'\nimport_module(NAME)", "1 imports jmap_oauth.app,"),
    (check_imports, "store/interface.py", "import msgspec", "1 imports msgspec, which store.interface may"),
    (check_imports, "store/interface.py", "from jmap_oauth.store import sql", "1 imports jmap_oauth.store.sql,"),
    (check_imports, "store/sqlite.py", "import asyncpg", "1 imports asyncpg, which store may"),
    (check_imports, "store/sqlite.py", "import jmap_oauth.access.keys", "1 imports jmap_oauth.access.keys,"),
    (check_imports, "store/postgresql.py", "import aiosqlite", "1 imports aiosqlite, which store.postgresql may"),
    (check_imports, "access/x.py", "import jmap_oauth.store.sqlite", "1 imports jmap_oauth.store.sqlite,"),
    (check_imports, "access/x.py", "import jmap_oauth.store.interfaces", "1 imports jmap_oauth.store.interfaces,"),
    (check_imports, "methods/x.py", "import jmap_oauth.objects.tenant", "1 imports jmap_oauth.objects.tenant,"),
    (check_imports, "http/x.py", "import jmap_oauth.model.ids", "1 imports jmap_oauth.model.ids, which http"),
    (check_imports, "http/x.py", "import jmap_oauth.methods.call", "1 imports jmap_oauth.methods.call,"),
    (check_imports, "app.py", "import jmap_oauth.cli", "1 imports jmap_oauth.cli, which app may"),
    (check_imports, "cli/x.py", "from jmap_oauth.app import create_app", "1 imports jmap_oauth.app.create_app"),
    (check_imports, "cli/x.py", "def f():\n    import jmap_oauth.store", "2 imports jmap_oauth.store,"),
    (check_imports, "__init__.py", "from jmap_oauth.app import create_app", "1 imports jmap_oauth.app.create_app,"),
    (check_imports, "web/x.py", "import msgspec", "1 imports msgspec, which web may"),
    (check_imports, "helpers/x.py", "", "1 belongs to no layer"),
    (check_imports, "modelling.py", "", "1 belongs to no layer"),
    (check_words, "protocol/x.py", "class OAuthThing: pass", '1 says "oauth"'),
    (check_words, "store/x.py", "\nx = 'x:OAuthClient'", '2 says "oauth"'),
    (check_words, "http/x.py", "pass  # an OAUTH server", '1 says "oauth"'),
    (check_words, "model/x.py", "import jmap_oauth.oauth", '1 says "oauth"'),
    (check_words, "access/oauth.py", "", '0 says "oauth"'),
    (check_sql, "objects/x.py", "x = 'SELECT id FROM t'", "1 holds SQL"),
    (check_sql, "objects/x.py", "x = f'SELECT {a} FROM {b}'", "1 holds SQL"),
    (check_sql, "objects/x.py", "x = f'UPDATE {a} SET {b}'", "1 holds SQL"),
    (check_sql, "objects/x.py", "x = '''\nDELETE\nFROM t'''", "1 holds SQL"),
    (check_sql, "app.py", "x = 'INSERT OR IGNORE INTO t VALUES (1)'", "1 holds SQL"),
    (check_sql, "cli/x.py", "x = 'CREATE UNIQUE INDEX i ON t (a)'", "1 holds SQL"),
    (check_sql, "cli/x.py", "x = 'PRAGMA data_version'", "1 holds SQL"),
    (check_sql, "store/interface.py", "x = 'SELECT 1'", "1 holds SQL"),
    (check_error_names, "methods/x.py", "x = 'stateMismatch'", "1 spells out 'stateMismatch'"),
    (check_error_names, "methods/x.py", "x = {'type': 'notFound'}", "1 spells out 'notFound'"),
    (check_error_names, "http/x.py", "x = f'urn:ietf:params:jmap:error:{y}'", "1 spells out 'urn:ietf:"),
    (check_prints, "access/x.py", "def f():\n    print(secret)", "2 prints"),
    (check_docstring, "model/__init__.py", "", "1 has no docstring of at most 12 lines"),
    (check_docstring, "model/__init__.py", f'"""Models.\n\n{OWNS}{"x" + chr(10) * 9}x"""', "1 has no docstring"),
    (check_docstring, "model/__init__.py", f'"""Models.\n\n{OWNS[9:]}"""', "1 does not say 'Owns: '"),
    (check_docstring, "__init__.py", "x = 1", "1 has no docstring of at most 12 lines"),
    (check_length, "model/x.py", "\n" * 501, "501 is over 500 lines"),
    (check_length, "model/x.py", LONG_FUNCTION, "1 long is over 60 lines"),
    (check_length, "model/x.py", f"class A:\n  async {LONG_FUNCTION}", "2 long is over 60 lines"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "path", "text", "what"), BROKEN)
def test_what_is_broken_is_found(tmp_path: Path, check: Check, path: str, text: str, what: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(text)

    [finding] = findings(check, tmp_path)

    assert finding.startswith(f"{path}:{what}")


SOUND: list[tuple[str, str]] = [
    ("protocol/x.py", "import json, msgspec.json\nfrom jmap_oauth.protocol.types import Limits"),
    ("protocol/x.py", "from . import types\nfrom .types import Limits"),
    ("model/x.py", "from jmap_oauth.protocol import types, errors\nimport email_validator"),
    ("model/x.py", "import_module('json')\nNAME = 'jmap_oauth.app'"),
    ("store/sqlite.py", "import sqlite3, aiosqlite\nfrom jmap_oauth.store import sql\nx = 'SELECT 1'"),
    ("store/postgresql.py", "import asyncpg\nfrom jmap_oauth.store import sql"),
    ("access/x.py", "from jmap_oauth.store import interface"),
    ("cli/x.py", "def f():\n    from jmap_oauth.app import create_app\n    print(create_app)"),
    ("cli/x.py", "from jmap_oauth import __version__"),
    ("__init__.py", '"""It."""\nif TYPE_CHECKING:\n    from jmap_oauth.app import create_app'),
    ("http/x.py", "import http\nx = 'urn:jmap-oauth:metadata'  # JMAP_OAUTH_PORT, jmap-oauth"),
    ("objects/x.py", "x = 'Select one to update, insert into it or delete from it: x:OAuthClient'"),
    ("objects/x.py", "x = 'UPDATES'\ny = 'The notFound list'"),
    ("model/__init__.py", f'"""Models.\n\n{OWNS}"""'),
    ("model/x.py", "\n" * 500),
    ("model/x.py", LONG_FUNCTION.replace("pass\n", '"""One.\n\n    Two.\n    """\n', 1)),
]  # fmt: skip


@pytest.mark.parametrize(("path", "text"), SOUND)
def test_what_is_sound_is_let_pass(path: str, text: str) -> None:
    assert [finding for check in CHECKS for finding in check(Module(path, text))] == []
