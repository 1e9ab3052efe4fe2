-- What more there is to a client, and its secrets as objects of their own.

-- Columns for what is looked for or sorted by. "grantTypes" holds each member between two line feeds, and where there is
-- none the grant that is then meant.
ALTER TABLE "OAuthClient"
  ADD COLUMN "clientName:sort" TEXT COLLATE "C",
  ADD COLUMN "clientName:head" TEXT COLLATE "C" GENERATED ALWAYS AS (left("clientName:sort", 600)) STORED,
  ADD COLUMN "updatedAt" TEXT COLLATE "C",
  ADD COLUMN "lastUsedAt" TEXT COLLATE "C",
  ADD COLUMN "owner" TEXT COLLATE "C",
  ADD COLUMN "grantTypes" TEXT COLLATE "C",
  ADD COLUMN "isEnabled" BIGINT;

-- Until now a client with a secret was confidential and every other one public. When it was last changed is not known.
-- Members are added before the closing brace of a document: as jsonb it would lose the order of those that it has.
UPDATE "OAuthClient" SET
  "updatedAt" = "createdAt",
  "grantTypes" = chr(10) || 'authorization_code' || chr(10),
  "isEnabled" = 1,
  "document" = left("document", -1) || ',' || substr(json_build_object(
    'tokenEndpointAuthMethod', CASE WHEN "secret" IS NULL THEN 'none' ELSE 'client_secret_basic' END,
    'requirePkce', "secret" IS NULL,
    'updatedAt', "createdAt"
  )::text, 2);

CREATE INDEX "OAuthClient:clientName:sort"
  ON "OAuthClient" ("clientName:head",
    (CASE WHEN length("clientName:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "OAuthClient:updatedAt" ON "OAuthClient" ("updatedAt", "id");
CREATE INDEX "OAuthClient:lastUsedAt" ON "OAuthClient" ("lastUsedAt", "id");
CREATE INDEX "OAuthClient:owner" ON "OAuthClient" ("owner", "id") WHERE "owner" IS NOT NULL;
CREATE INDEX "OAuthClient:account:clientName:sort"
  ON "OAuthClient" ("memberTenantId", "clientName:head",
    (CASE WHEN length("clientName:sort") > 600 THEN NULL ELSE "id" END));
CREATE INDEX "OAuthClient:account:updatedAt" ON "OAuthClient" ("memberTenantId", "updatedAt", "id");
CREATE INDEX "OAuthClient:account:lastUsedAt" ON "OAuthClient" ("memberTenantId", "lastUsedAt", "id");

-- What is rarely found by status is looked for in all rows, and with this without reading one. It begins with the id, so
-- it grows at its end only.
CREATE INDEX "OAuthClient:status" ON "OAuthClient" ("id", "isEnabled", "expiresAt");
-- Other than on SQLite, a grant is found by its members.
CREATE INDEX "OAuthClient:grantTypes"
  ON "OAuthClient" USING gin (string_to_array(btrim("grantTypes", E'\n'), E'\n'));

-- Read backwards, an index begins with the nulls, which come last.
CREATE INDEX "OAuthClient:clientName:sort:descending"
  ON "OAuthClient" ("clientName:head" DESC NULLS LAST,
    (CASE WHEN length("clientName:sort") > 600 THEN NULL ELSE "id" END) NULLS FIRST);
CREATE INDEX "OAuthClient:updatedAt:descending" ON "OAuthClient" ("updatedAt" DESC NULLS LAST, "id");
CREATE INDEX "OAuthClient:lastUsedAt:descending" ON "OAuthClient" ("lastUsedAt" DESC NULLS LAST, "id");

-- The hashes of a client share a salt, so that a text is compared with all of them at the price of one.
CREATE TABLE "OAuthClientSecret" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "oauthClientId" TEXT COLLATE "C" REFERENCES "OAuthClient" ("id") ON DELETE RESTRICT,
  "secret" TEXT COLLATE "C",
  "notBefore" TEXT COLLATE "C",
  "expiresAt" TEXT COLLATE "C",
  "createdAt" TEXT COLLATE "C",
  "memberTenantId" TEXT COLLATE "C" REFERENCES "Tenant" ("id") ON DELETE RESTRICT,
  "document" TEXT NOT NULL
);

-- The secrets that clients have become objects with the ids of their clients, which nothing else of their type can have.
INSERT INTO "OAuthClientSecret"
  ("id", "created", "changed", "joined", "oauthClientId", "secret", "createdAt", "memberTenantId", "document")
  SELECT "id", "created", "changed", "joined", "id", "secret", "createdAt", "memberTenantId", json_build_object(
    'id', "id", 'oauthClientId', "id", 'label', NULL, 'secret', '****', 'secretHash', NULL, 'hint', NULL,
    'notBefore', NULL, 'expiresAt', NULL, 'createdAt', "createdAt", 'lastUsedAt', NULL,
    'memberTenantId', "memberTenantId"
  )::text
  FROM "OAuthClient" WHERE "secret" IS NOT NULL ORDER BY "number";
ALTER TABLE "OAuthClient" DROP COLUMN "secret";

INSERT INTO "state" ("account", "type", "number")
  SELECT 'global', 'OAuthClientSecret', MAX("changed") FROM "OAuthClientSecret" HAVING COUNT(*) > 0
  UNION ALL
  SELECT "memberTenantId", 'OAuthClientSecret', MAX("changed") FROM "OAuthClientSecret"
  WHERE "memberTenantId" IS NOT NULL GROUP BY "memberTenantId";

CREATE INDEX "OAuthClientSecret:oauthClientId" ON "OAuthClientSecret" ("oauthClientId", "id");
CREATE INDEX "OAuthClientSecret:createdAt" ON "OAuthClientSecret" ("createdAt", "id");
CREATE INDEX "OAuthClientSecret:createdAt:descending" ON "OAuthClientSecret" ("createdAt" DESC NULLS LAST, "id");
CREATE INDEX "OAuthClientSecret:expiresAt" ON "OAuthClientSecret" ("expiresAt", "id");
CREATE INDEX "OAuthClientSecret:expiresAt:descending" ON "OAuthClientSecret" ("expiresAt" DESC NULLS LAST, "id");
CREATE INDEX "OAuthClientSecret:notBefore" ON "OAuthClientSecret" ("notBefore", "id") WHERE "notBefore" IS NOT NULL;
CREATE INDEX "OAuthClientSecret:account" ON "OAuthClientSecret" ("memberTenantId", "id");
CREATE INDEX "OAuthClientSecret:account:createdAt" ON "OAuthClientSecret" ("memberTenantId", "createdAt", "id");
CREATE INDEX "OAuthClientSecret:account:expiresAt" ON "OAuthClientSecret" ("memberTenantId", "expiresAt", "id");
CREATE INDEX "OAuthClientSecret:account:notBefore" ON "OAuthClientSecret" ("memberTenantId", "notBefore", "id")
  WHERE "notBefore" IS NOT NULL;
CREATE INDEX "OAuthClientSecret:created" ON "OAuthClientSecret" ("created", "id");
CREATE INDEX "OAuthClientSecret:changed" ON "OAuthClientSecret" ("changed", "id", "created") WHERE "changed" > "created";
CREATE INDEX "OAuthClientSecret:account:joined" ON "OAuthClientSecret" ("memberTenantId", "joined", "id");
CREATE INDEX "OAuthClientSecret:account:changed" ON "OAuthClientSecret" ("memberTenantId", "changed", "id", "joined")
  WHERE "changed" > "joined";
