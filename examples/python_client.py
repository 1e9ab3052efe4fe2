"""Find clients and read them in one request: the ids for /get come from the answer to /query, by a back-reference.

Run against a server: TOKEN=jmo_… python examples/python_client.py [URL] [WORDS]
"""

from __future__ import annotations

import os
import sys
from typing import Any

import httpx

USING = ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"]


def find_clients(http: httpx.Client, text: str) -> list[dict[str, Any]]:
    """Return the clients that have all words of a text, ordered by clientId."""
    calls = [
        ["x:OAuthClient/query", {"filter": {"text": text}, "sort": [{"property": "clientId"}], "limit": 50}, "found"],
        [
            "x:OAuthClient/get",
            {
                "#ids": {"resultOf": "found", "name": "x:OAuthClient/query", "path": "/ids"},
                "properties": ["clientId", "redirectUris"],
            },
            "read",
        ],
    ]
    response = http.post("/api", json={"using": USING, "methodCalls": calls})
    response.raise_for_status()
    for name, answer, _ in response.json()["methodResponses"]:
        if name == "error":
            raise RuntimeError(f"{answer['type']}: {answer.get('description')}")
        clients = answer.get("list")
    return list(clients)


def main() -> None:
    """Print one line for each client that is found."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
    text = sys.argv[2] if len(sys.argv) > 2 else ""
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    with httpx.Client(base_url=url, headers=headers) as http:
        for client in find_clients(http, text):
            print(client["id"], client["clientId"], *client["redirectUris"])


if __name__ == "__main__":
    main()
