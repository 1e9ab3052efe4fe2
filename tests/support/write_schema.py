"""Write schema/objects.json anew from the declarations: python -m tests.support.write_schema"""

from __future__ import annotations

from pathlib import Path

from jmap_oauth.model.definition import Model
from jmap_oauth.model.document import encode
from jmap_oauth.objects import schema_document, served_types

PATH = Path(__file__).parents[2] / "schema" / "objects.json"


def generate() -> bytes:
    """Return what the file has to hold."""
    return encode(schema_document(Model(served_types(frozenset()))))


if __name__ == "__main__":
    PATH.write_bytes(generate())
