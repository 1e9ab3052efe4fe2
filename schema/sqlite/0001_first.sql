-- What every type shares.

-- The last number that a write took.
CREATE TABLE "sequence" (
  "number" INTEGER NOT NULL
) STRICT;
INSERT INTO "sequence" ("number") VALUES (0);

-- The number of the last write that changed something of a type which an account sees.
CREATE TABLE "state" (
  "account" TEXT NOT NULL,
  "type" TEXT NOT NULL,
  "number" INTEGER NOT NULL,
  PRIMARY KEY ("account", "type")
) STRICT, WITHOUT ROWID;

-- Who left an account, by destruction or by moving: the numbers of joining and leaving. Nobody is kept from coming back.
CREATE TABLE "tombstone" (
  "type" TEXT NOT NULL,
  "account" TEXT NOT NULL,
  "id" TEXT NOT NULL,
  "joined" INTEGER NOT NULL,
  "left_at" INTEGER NOT NULL
) STRICT;
CREATE INDEX "tombstone:left_at" ON "tombstone" ("type", "account", "left_at");

-- One table for each type. "number" is the row of the words, "created", "changed" and "joined" (its account) are numbers
-- of writes, "document" is the whole record. A column beside those is there because something is looked for or sorted by
-- it: "name:sort" holds the key that i;unicode-casemap makes of "name"; a secret's column holds its hash. What is unique
-- may be null for the moment in which two records swap it.
-- Each sort has an index for the whole server and one for an account; "id" breaks the ties.

CREATE TABLE "Tenant" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "name" TEXT,
  "name:sort" TEXT,
  "createdAt" TEXT,
  "document" TEXT NOT NULL
) STRICT;
CREATE INDEX "Tenant:changed" ON "Tenant" ("changed");
CREATE INDEX "Tenant:name" ON "Tenant" ("name");
CREATE INDEX "Tenant:name:sort" ON "Tenant" ("name:sort", "id");
CREATE INDEX "Tenant:createdAt" ON "Tenant" ("createdAt", "id");

CREATE TABLE "OAuthClient" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "clientId" TEXT UNIQUE,
  "clientId:sort" TEXT,
  "description:sort" TEXT,
  "secret" TEXT,
  "createdAt" TEXT,
  "expiresAt" TEXT,
  "memberTenantId" TEXT REFERENCES "Tenant" ("id") ON DELETE RESTRICT,
  "document" TEXT NOT NULL
) STRICT;
CREATE INDEX "OAuthClient:changed" ON "OAuthClient" ("changed");
CREATE INDEX "OAuthClient:clientId:sort" ON "OAuthClient" ("clientId:sort", "id");
CREATE INDEX "OAuthClient:description:sort" ON "OAuthClient" ("description:sort", "id");
CREATE INDEX "OAuthClient:createdAt" ON "OAuthClient" ("createdAt", "id");
CREATE INDEX "OAuthClient:expiresAt" ON "OAuthClient" ("expiresAt", "id");
CREATE INDEX "OAuthClient:account" ON "OAuthClient" ("memberTenantId", "id");
CREATE INDEX "OAuthClient:account:changed" ON "OAuthClient" ("memberTenantId", "changed");
CREATE INDEX "OAuthClient:account:clientId:sort" ON "OAuthClient" ("memberTenantId", "clientId:sort", "id");
CREATE INDEX "OAuthClient:account:description:sort" ON "OAuthClient" ("memberTenantId", "description:sort", "id");
CREATE INDEX "OAuthClient:account:createdAt" ON "OAuthClient" ("memberTenantId", "createdAt", "id");
CREATE INDEX "OAuthClient:account:expiresAt" ON "OAuthClient" ("memberTenantId", "expiresAt", "id");

CREATE TABLE "ApiKey" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "description:sort" TEXT,
  "memberTenantId" TEXT REFERENCES "Tenant" ("id") ON DELETE RESTRICT,
  "expiresAt" TEXT,
  "createdAt" TEXT,
  "lastUsedAt" TEXT,
  "secret" TEXT UNIQUE,
  "origin" TEXT UNIQUE,
  "document" TEXT NOT NULL
) STRICT;
CREATE INDEX "ApiKey:changed" ON "ApiKey" ("changed");
CREATE INDEX "ApiKey:description:sort" ON "ApiKey" ("description:sort", "id");
CREATE INDEX "ApiKey:expiresAt" ON "ApiKey" ("expiresAt", "id");
CREATE INDEX "ApiKey:createdAt" ON "ApiKey" ("createdAt", "id");
CREATE INDEX "ApiKey:lastUsedAt" ON "ApiKey" ("lastUsedAt", "id");
CREATE INDEX "ApiKey:account" ON "ApiKey" ("memberTenantId", "id");
CREATE INDEX "ApiKey:account:changed" ON "ApiKey" ("memberTenantId", "changed");
CREATE INDEX "ApiKey:account:description:sort" ON "ApiKey" ("memberTenantId", "description:sort", "id");
CREATE INDEX "ApiKey:account:expiresAt" ON "ApiKey" ("memberTenantId", "expiresAt", "id");
CREATE INDEX "ApiKey:account:createdAt" ON "ApiKey" ("memberTenantId", "createdAt", "id");
CREATE INDEX "ApiKey:account:lastUsedAt" ON "ApiKey" ("memberTenantId", "lastUsedAt", "id");

-- Full text: the words that jmap_oauth.model.text makes, with blanks between them. The tokenizer takes every character
-- beyond ASCII as part of a word, so exactly those words come back. "rowid" is the "number" of the row.

CREATE VIRTUAL TABLE "Tenant:words" USING fts5 ("words", detail = none, columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE "OAuthClient:words" USING fts5 ("words", detail = none, columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE "ApiKey:words" USING fts5 ("words", detail = none, columnsize = 0, tokenize = 'ascii');
