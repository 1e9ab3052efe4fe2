-- Tables for the types of tests/support/keys.py; the first part is the same as in schema/sqlite.

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
  "pruned" INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY ("account", "type")
) STRICT, WITHOUT ROWID;

-- Who left an account, by destruction or by moving: the numbers of joining and leaving. Nobody is kept from coming back.
CREATE TABLE "tombstone" (
  "number" INTEGER PRIMARY KEY,
  "type" TEXT NOT NULL,
  "account" TEXT NOT NULL,
  "id" TEXT NOT NULL,
  "joined" INTEGER NOT NULL,
  "left_at" INTEGER NOT NULL,
  "made_at" TEXT NOT NULL
) STRICT;
CREATE INDEX "tombstone:left_at" ON "tombstone" ("type", "account", "left_at", "id", "joined");

-- A random text by which this database knows its own states from those of another one.
CREATE TABLE "identity" (
  "text" TEXT NOT NULL
) STRICT;
INSERT INTO "identity" ("text") VALUES (lower(hex(randomblob(16))));

CREATE TABLE "Tenant" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "document" TEXT NOT NULL
) STRICT;

CREATE TABLE "ApiKey" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "memberTenantId" TEXT REFERENCES "Tenant" ("id") ON DELETE RESTRICT,
  "secret" TEXT UNIQUE,
  "origin" TEXT UNIQUE,
  "document" TEXT NOT NULL
) STRICT;
