-- Tables for the pretend types of tests/support/widget.py; the first part is the same as in schema/postgresql.

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
  "pruned" BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY ("account", "type")
);

-- Who left an account, by destruction or by moving: the numbers of joining and leaving, and when. Nobody is kept from
-- coming back. Rows are in the order of their writes.
CREATE TABLE "tombstone" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "type" TEXT COLLATE "C" NOT NULL,
  "account" TEXT COLLATE "C" NOT NULL,
  "id" TEXT COLLATE "C" NOT NULL,
  "joined" BIGINT NOT NULL,
  "left_at" BIGINT NOT NULL,
  "made_at" TEXT COLLATE "C" NOT NULL
);
CREATE INDEX "tombstone:left_at" ON "tombstone" ("type", "account", "left_at", "id", "joined");

-- A random text by which this database knows its own states from those of another one.
CREATE TABLE "identity" (
  "text" TEXT COLLATE "C" NOT NULL
);
INSERT INTO "identity" ("text") VALUES (replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE "Team" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "name" TEXT COLLATE "C",
  "name:sort" TEXT COLLATE "C",
  "name:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("name:sort", 600)) STORED,
  ":words" TSVECTOR NOT NULL,
  "document" TEXT NOT NULL
);
CREATE INDEX "Team:name:sort"
  ON "Team" ("name:head", (CASE WHEN length("name:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "Team:words" ON "Team" USING gin (":words");

CREATE TABLE "Widget" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "code" TEXT COLLATE "C" UNIQUE,
  "code:sort" TEXT COLLATE "C",
  "code:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("code:sort", 600)) STORED,
  "note:sort" TEXT COLLATE "C",
  "note:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("note:sort", 600)) STORED,
  "tags" TEXT COLLATE "C",
  "secret" TEXT COLLATE "C",
  "token" TEXT COLLATE "C" UNIQUE,
  "createdAt" TEXT COLLATE "C",
  "endsAt" TEXT COLLATE "C",
  "teamId" TEXT COLLATE "C" REFERENCES "Team" ("id") ON DELETE RESTRICT,
  "size" BIGINT,
  "isHeavy" BIGINT,
  "extra" TEXT COLLATE "C",
  "extra:sort" TEXT COLLATE "C",
  "extra:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("extra:sort", 600)) STORED,
  "origin" TEXT COLLATE "C" UNIQUE,
  ":words" TSVECTOR NOT NULL,
  "document" TEXT NOT NULL
);
CREATE INDEX "Widget:note:sort"
  ON "Widget" ("note:head", (CASE WHEN length("note:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "Widget:account" ON "Widget" ("teamId", "id");
CREATE INDEX "Widget:account:endsAt" ON "Widget" ("teamId", "endsAt", "id");
CREATE INDEX "Widget:words" ON "Widget" USING gin (":words");

-- Binary data.
CREATE TABLE "blob" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "account" TEXT COLLATE "C" NOT NULL,
  "uploader" TEXT COLLATE "C" NOT NULL,
  "id" TEXT COLLATE "C" NOT NULL,
  "uploadedAt" TEXT COLLATE "C" NOT NULL,
  "size" BIGINT NOT NULL,
  "data" BYTEA NOT NULL,
  UNIQUE ("account", "uploader", "id")
);
CREATE INDEX "blob:account" ON "blob" ("account", "uploadedAt", "number", "size");
CREATE INDEX "blob:uploadedAt" ON "blob" ("uploadedAt");

CREATE FUNCTION "Team:blobs" () RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "blob" WHERE "account" = OLD."id";
  RETURN NULL;
END $$;
CREATE TRIGGER "Team:blobs" AFTER DELETE ON "Team" FOR EACH ROW EXECUTE FUNCTION "Team:blobs" ();

-- The types of tests/support/box.py.
CREATE TABLE "Box" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "kinds" TEXT COLLATE "C",
  "isLocked" BIGINT,
  "endsAt" TEXT COLLATE "C",
  "teamId" TEXT COLLATE "C" REFERENCES "Team" ("id") ON DELETE RESTRICT,
  "document" TEXT NOT NULL
);

CREATE TABLE "Lock" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "boxId" TEXT COLLATE "C" REFERENCES "Box" ("id") ON DELETE RESTRICT,
  "code" TEXT COLLATE "C",
  "createdAt" TEXT COLLATE "C",
  "teamId" TEXT COLLATE "C" REFERENCES "Team" ("id") ON DELETE RESTRICT,
  "document" TEXT NOT NULL
);

CREATE TABLE "Log" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "teamId" TEXT COLLATE "C",
  "document" TEXT NOT NULL
);
