-- What every type shares.

-- The last number that a write took. Every write locks this row first and to its commit, so that writes take turns.
CREATE TABLE "sequence" (
  "number" BIGINT NOT NULL
);
INSERT INTO "sequence" ("number") VALUES (0);

-- The number of the last write that changed something of a type which an account sees.
CREATE TABLE "state" (
  "account" TEXT COLLATE "C" NOT NULL,
  "type" TEXT COLLATE "C" NOT NULL,
  "number" BIGINT NOT NULL,
  PRIMARY KEY ("account", "type")
);

-- Who left an account, by destruction or by moving: the numbers of joining and leaving. Nobody is kept from coming
-- back.
CREATE TABLE "tombstone" (
  "type" TEXT COLLATE "C" NOT NULL,
  "account" TEXT COLLATE "C" NOT NULL,
  "id" TEXT COLLATE "C" NOT NULL,
  "joined" BIGINT NOT NULL,
  "left_at" BIGINT NOT NULL
);
CREATE INDEX "tombstone:left_at" ON "tombstone" ("type", "account", "left_at");

-- One table for each type. "number" is the order in which rows were made, "created", "changed" and "joined" (its
-- account) are numbers of writes, "document" is the whole record, as text, which keeps the order of members. A column
-- beside those is there because something is looked for or sorted by it: "name:sort" holds the key that
-- i;unicode-casemap makes of "name"; a secret's column holds its hash; ":words" holds the words that
-- jmap_oauth.model.text makes, those of more than 500 characters in pieces. What is unique may be null for the moment
-- in which two records swap it. Texts are compared byte by byte, which in UTF-8 is code point by code point. Each sort
-- has an index for the whole server and one for an account; "id" breaks the ties. An entry of an index has room for
-- 2,704 bytes, so it holds "name:head", the first 600 characters of a "name:sort"; those few that are longer come after
-- them, in whatever order, and are sorted when they are read. It is a column, since what is counted by an expression is
-- read from the rows, and that takes twenty times as long as from an index.

CREATE TABLE "Tenant" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "name" TEXT COLLATE "C",
  "name:sort" TEXT COLLATE "C",
  "name:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("name:sort", 600)) STORED,
  "createdAt" TEXT COLLATE "C",
  ":words" TSVECTOR NOT NULL,
  "document" TEXT NOT NULL
);
CREATE INDEX "Tenant:changed" ON "Tenant" ("changed");
CREATE INDEX "Tenant:name" ON "Tenant" ("name");
CREATE INDEX "Tenant:name:sort"
  ON "Tenant" ("name:head", (CASE WHEN length("name:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "Tenant:createdAt" ON "Tenant" ("createdAt", "id");

CREATE TABLE "OAuthClient" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "clientId" TEXT COLLATE "C" UNIQUE,
  "clientId:sort" TEXT COLLATE "C",
  "clientId:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("clientId:sort", 600)) STORED,
  "description:sort" TEXT COLLATE "C",
  "description:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("description:sort", 600)) STORED,
  "secret" TEXT COLLATE "C",
  "createdAt" TEXT COLLATE "C",
  "expiresAt" TEXT COLLATE "C",
  "memberTenantId" TEXT COLLATE "C" REFERENCES "Tenant" ("id") ON DELETE RESTRICT,
  ":words" TSVECTOR NOT NULL,
  "document" TEXT NOT NULL
);
CREATE INDEX "OAuthClient:changed" ON "OAuthClient" ("changed");
CREATE INDEX "OAuthClient:account:changed" ON "OAuthClient" ("memberTenantId", "changed");
CREATE INDEX "OAuthClient:clientId:sort"
  ON "OAuthClient" ("clientId:head", (CASE WHEN length("clientId:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "OAuthClient:description:sort"
  ON "OAuthClient" ("description:head",
    (CASE WHEN length("description:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "OAuthClient:createdAt" ON "OAuthClient" ("createdAt", "id");
CREATE INDEX "OAuthClient:expiresAt" ON "OAuthClient" ("expiresAt", "id");
CREATE INDEX "OAuthClient:account" ON "OAuthClient" ("memberTenantId", "id");
CREATE INDEX "OAuthClient:account:clientId:sort"
  ON "OAuthClient" ("memberTenantId", "clientId:head",
    (CASE WHEN length("clientId:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "OAuthClient:account:description:sort"
  ON "OAuthClient" ("memberTenantId", "description:head",
    (CASE WHEN length("description:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "OAuthClient:account:createdAt" ON "OAuthClient" ("memberTenantId", "createdAt", "id");
CREATE INDEX "OAuthClient:account:expiresAt" ON "OAuthClient" ("memberTenantId", "expiresAt", "id");

CREATE TABLE "ApiKey" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "description:sort" TEXT COLLATE "C",
  "description:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("description:sort", 600)) STORED,
  "memberTenantId" TEXT COLLATE "C" REFERENCES "Tenant" ("id") ON DELETE RESTRICT,
  "expiresAt" TEXT COLLATE "C",
  "createdAt" TEXT COLLATE "C",
  "lastUsedAt" TEXT COLLATE "C",
  "secret" TEXT COLLATE "C" UNIQUE,
  "origin" TEXT COLLATE "C" UNIQUE,
  ":words" TSVECTOR NOT NULL,
  "document" TEXT NOT NULL
);
CREATE INDEX "ApiKey:changed" ON "ApiKey" ("changed");
CREATE INDEX "ApiKey:account:changed" ON "ApiKey" ("memberTenantId", "changed");
CREATE INDEX "ApiKey:description:sort"
  ON "ApiKey" ("description:head", (CASE WHEN length("description:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "ApiKey:expiresAt" ON "ApiKey" ("expiresAt", "id");
CREATE INDEX "ApiKey:createdAt" ON "ApiKey" ("createdAt", "id");
CREATE INDEX "ApiKey:lastUsedAt" ON "ApiKey" ("lastUsedAt", "id");
CREATE INDEX "ApiKey:account" ON "ApiKey" ("memberTenantId", "id");
CREATE INDEX "ApiKey:account:description:sort"
  ON "ApiKey" ("memberTenantId", "description:head",
    (CASE WHEN length("description:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "ApiKey:account:expiresAt" ON "ApiKey" ("memberTenantId", "expiresAt", "id");
CREATE INDEX "ApiKey:account:createdAt" ON "ApiKey" ("memberTenantId", "createdAt", "id");
CREATE INDEX "ApiKey:account:lastUsedAt" ON "ApiKey" ("memberTenantId", "lastUsedAt", "id");

-- Full text: words are looked for by their beginnings.
CREATE INDEX "Tenant:words" ON "Tenant" USING gin (":words");
CREATE INDEX "OAuthClient:words" ON "OAuthClient" USING gin (":words");
CREATE INDEX "ApiKey:words" ON "ApiKey" USING gin (":words");
