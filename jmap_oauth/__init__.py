"""jmap-oauth: a JMAP-style admin RPC server for OAuth client registrations.

`create_app(settings)` gives the whole server as one ASGI application, to run by itself or to mount in another one, and
`open_registry(settings)` just the answers to whether a client, its secret and its redirect URI are good.
Everything else of the package is internal; its layers are described in the README ("How it is built").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jmap_oauth.app import create_app as create_app
    from jmap_oauth.config import Settings as Settings
    from jmap_oauth.embedded import OpenRegistry as OpenRegistry
    from jmap_oauth.embedded import open_registry as open_registry

__version__ = "0.1.0"

_LAZY = {
    "create_app": "jmap_oauth.app",
    "Settings": "jmap_oauth.config",
    "OpenRegistry": "jmap_oauth.embedded",
    "open_registry": "jmap_oauth.embedded",
}


def __getattr__(name: str) -> object:
    """Load the server only when it is asked for, so that the command line starts quickly."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
