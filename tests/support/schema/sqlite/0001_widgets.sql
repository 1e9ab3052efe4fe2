-- Tables for the pretend types of tests/support/widget.py; the first part is the same as in schema/sqlite.

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

CREATE TABLE "Team" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "name" TEXT,
  "name:sort" TEXT,
  "document" TEXT NOT NULL
) STRICT;
CREATE INDEX "Team:name:sort" ON "Team" ("name:sort", "id");

CREATE TABLE "Widget" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "code" TEXT UNIQUE,
  "code:sort" TEXT,
  "note:sort" TEXT,
  "tags" TEXT,
  "secret" TEXT,
  "token" TEXT UNIQUE,
  "createdAt" TEXT,
  "endsAt" TEXT,
  "teamId" TEXT REFERENCES "Team" ("id") ON DELETE RESTRICT,
  "size" INTEGER,
  "isHeavy" INTEGER,
  "extra" TEXT,
  "extra:sort" TEXT,
  "origin" TEXT UNIQUE,
  "document" TEXT NOT NULL
) STRICT;
CREATE INDEX "Widget:note:sort" ON "Widget" ("note:sort", "id");
CREATE INDEX "Widget:account" ON "Widget" ("teamId", "id");
CREATE INDEX "Widget:account:endsAt" ON "Widget" ("teamId", "endsAt", "id");

CREATE VIRTUAL TABLE "Team:words" USING fts5 ("words", detail = none, columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE "Widget:words" USING fts5 ("words", detail = none, columnsize = 0, tokenize = 'ascii');

-- Binary data.
CREATE TABLE "blob" (
  "number" INTEGER PRIMARY KEY,
  "account" TEXT NOT NULL,
  "uploader" TEXT NOT NULL,
  "id" TEXT NOT NULL,
  "uploadedAt" TEXT NOT NULL,
  "size" INTEGER NOT NULL,
  "data" BLOB NOT NULL,
  UNIQUE ("account", "uploader", "id")
) STRICT;
CREATE INDEX "blob:account" ON "blob" ("account", "uploadedAt", "number", "size");
CREATE INDEX "blob:uploadedAt" ON "blob" ("uploadedAt");

CREATE TRIGGER "Team:blobs" AFTER DELETE ON "Team" BEGIN
  DELETE FROM "blob" WHERE "account" = OLD."id";
END;

-- The types of tests/support/box.py.
CREATE TABLE "Box" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "kinds" TEXT,
  "isLocked" INTEGER,
  "endsAt" TEXT,
  "teamId" TEXT REFERENCES "Team" ("id") ON DELETE RESTRICT,
  "document" TEXT NOT NULL
) STRICT;

CREATE TABLE "Lock" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "boxId" TEXT REFERENCES "Box" ("id") ON DELETE RESTRICT,
  "code" TEXT,
  "createdAt" TEXT,
  "teamId" TEXT REFERENCES "Team" ("id") ON DELETE RESTRICT,
  "document" TEXT NOT NULL
) STRICT;

CREATE TABLE "Log" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "teamId" TEXT,
  "document" TEXT NOT NULL
) STRICT;
