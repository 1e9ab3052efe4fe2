"""What random histories are made of."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.stateful.model import World

WORDS = ("mail", "Mail", "web", "Zeta", "alpha", "beta2")
DESCRIPTIONS = (None, "red", "RED mail", "Réd herring", "Zoë's web", "éclair", "Éclair", "ångström of zeta")
CONTACTS = ("ann@example.com", "bob@example.org", "mail@zeta.example")
URIS = (
    "https://app.example.com/callback",
    "https://mail.example.org/red",
    "http://127.0.0.1/web",
    "com.example.zeta:/x",
)
DATES = tuple(f"20{year}-0{month}-01T00:00:00Z" for year in (27, 28) for month in (1, 2, 3))
TEXTS = ("", "red", "re", "mail", "ann example", "Eclair", "é", "zoe s", "127", "zeta x", "none such")
TESTS = ("IsGreaterThan", "IsGreaterThanOrEqual", "IsLessThan", "IsLessThanOrEqual")
SORTED = ("clientId", "description", "createdAt", "expiresAt", "id")
NEVER_CHANGES = ("createdAt", "id")


class Choices:
    """Chooses values, filters, sorts and windows, the same again for the same seed and history."""

    def __init__(self, random: Random, world: World) -> None:
        self.random = random
        self._world = world
        self._names = 0

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def some(self, values: Any, most: int) -> list[Any]:
        values = list(values)
        return self.random.sample(values, min(len(values), self.random.randint(0, most)))

    def name(self) -> str:
        """Return a clientId that was never there."""
        self._names += 1
        return f"{self.random.choice(WORDS)}-{self._names}"

    def values(self) -> dict[str, Any]:
        return {
            "description": self.random.choice(DESCRIPTIONS),
            "contacts": dict.fromkeys(self.some(CONTACTS, 2), True),
            "redirectUris": dict.fromkeys(self.some(URIS, 2), True),
            "expiresAt": self.random.choice((None, *DATES)),
        }

    def patch(self) -> dict[str, Any]:
        """Return new values for some properties, maybe those that are there already."""
        values = {**self.values(), "clientId": self.name()}
        return {name: values[name] for name in self.random.sample(sorted(values), self.random.randint(0, 3))}

    # --- queries ---

    def date(self, name: str) -> str:
        created: list[str] = [each["createdAt"] for each in self._world.objects.values()]
        return self.random.choice(created if name == "createdAt" and created else DATES)

    def condition(self, tenants: list[str], *, mutable: bool) -> dict[str, Any]:
        dates = self.random.choice(("createdAt", "expiresAt") if mutable else ("createdAt",))
        by_date = {dates + self.random.choice(TESTS): self.date(dates)}
        if not mutable or self.chance(0.3):
            return by_date
        known = [each["clientId"] for each in self._world.objects.values()] or ["none"]
        others = [
            {"text": self.random.choice(TEXTS)},
            {"clientId": self.random.choice(known)},
            {"memberTenantId": self.random.choice([None, *tenants])},
            {"text": self.random.choice(TEXTS), **by_date},
        ]
        return self.random.choice(others)

    def filter(self, tenants: list[str], *, mutable: bool = True, depth: int = 3) -> dict[str, Any]:
        if not depth or self.chance(0.4):
            return self.condition(tenants, mutable=mutable)
        parts = [self.filter(tenants, mutable=mutable, depth=depth - 1) for _ in range(self.random.randint(0, 3))]
        return {"operator": self.random.choice(("AND", "OR", "NOT")), "conditions": parts}

    def query(self, tenants: list[str]) -> dict[str, Any]:
        """Return a filter and a sort; of some neither looks at what can change."""
        mutable = self.chance(0.7)
        names = self.some(SORTED if mutable else NEVER_CHANGES, 3)
        return {
            "filter": None if self.chance(0.2) else self.filter(tenants, mutable=mutable),
            "sort": [{"property": name, "isAscending": self.chance(0.5)} for name in names],
        }

    def window(self) -> dict[str, Any]:
        window: dict[str, Any] = {"calculateTotal": self.chance(0.5)}
        if self.chance(0.7):
            window["limit"] = self.random.choice((0, 1, 3, 10, 1_000))
        if self.chance(0.5):
            window["position"] = self.random.choice((-1_000, -10, -1, 0, 1, 5, 20, 1_000))
        if self.chance(0.4):
            window["anchor"] = self.random.choice([*self._world.objects, "gone"])
            window["anchorOffset"] = self.random.choice((-1_000, -3, -1, 0, 1, 3, 1_000))
        return window
