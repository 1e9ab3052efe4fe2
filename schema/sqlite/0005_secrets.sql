-- What more there is to a client, and its secrets as objects of their own.

-- Columns for what is looked for or sorted by. "grantTypes" holds each member between two line feeds, and where there is
-- none the grant that is then meant. Clients tie by name and last use where most have none: these sorts have descending
-- indexes, since the first page of one would put all of those in order, 4 ms of 10,000 clients and 0.4 s of 1,000,000.
-- Each index costs a creation, and few clients were changed in the same second, so that sort has none.
ALTER TABLE "OAuthClient" ADD COLUMN "clientName:sort" TEXT;
ALTER TABLE "OAuthClient" ADD COLUMN "updatedAt" TEXT;
ALTER TABLE "OAuthClient" ADD COLUMN "lastUsedAt" TEXT;
ALTER TABLE "OAuthClient" ADD COLUMN "owner" TEXT;
ALTER TABLE "OAuthClient" ADD COLUMN "grantTypes" TEXT;
ALTER TABLE "OAuthClient" ADD COLUMN "isEnabled" INTEGER;

-- Until now a client with a secret was confidential and every other one public. When it was last changed is not known.
UPDATE "OAuthClient" SET
  "updatedAt" = "createdAt",
  "grantTypes" = char(10) || 'authorization_code' || char(10),
  "isEnabled" = TRUE,
  "document" = json_set(
    "document",
    '$.tokenEndpointAuthMethod', iif("secret" IS NULL, 'none', 'client_secret_basic'),
    '$.requirePkce', json(iif("secret" IS NULL, 'true', 'false')),
    '$.updatedAt', "createdAt"
  );

CREATE INDEX "OAuthClient:clientName:sort" ON "OAuthClient" ("clientName:sort", "id");
CREATE INDEX "OAuthClient:clientName:sort:descending" ON "OAuthClient" ("clientName:sort" DESC, "id");
CREATE INDEX "OAuthClient:updatedAt" ON "OAuthClient" ("updatedAt", "id");
CREATE INDEX "OAuthClient:lastUsedAt" ON "OAuthClient" ("lastUsedAt", "id");
CREATE INDEX "OAuthClient:lastUsedAt:descending" ON "OAuthClient" ("lastUsedAt" DESC, "id");
-- What is rarely found by status or grant is looked for in all rows: without this, of 100,000 clients that takes half a
-- second and more, and with it a tenth, since no row is read. It begins with the id, so it grows at its end only.
CREATE INDEX "OAuthClient:status" ON "OAuthClient" ("id", "isEnabled", "expiresAt", "grantTypes");
CREATE INDEX "OAuthClient:owner" ON "OAuthClient" ("owner", "id") WHERE "owner" IS NOT NULL;
CREATE INDEX "OAuthClient:account:clientName:sort" ON "OAuthClient" ("memberTenantId", "clientName:sort", "id");
CREATE INDEX "OAuthClient:account:updatedAt" ON "OAuthClient" ("memberTenantId", "updatedAt", "id");
CREATE INDEX "OAuthClient:account:lastUsedAt" ON "OAuthClient" ("memberTenantId", "lastUsedAt", "id");

-- The hashes of a client share a salt, so that a text is compared with all of them at the price of one.
CREATE TABLE "OAuthClientSecret" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "oauthClientId" TEXT REFERENCES "OAuthClient" ("id") ON DELETE RESTRICT,
  "secret" TEXT,
  "notBefore" TEXT,
  "expiresAt" TEXT,
  "createdAt" TEXT,
  "memberTenantId" TEXT REFERENCES "Tenant" ("id") ON DELETE RESTRICT,
  "document" TEXT NOT NULL
) STRICT;

-- The secrets that clients have become objects with the ids of their clients, which nothing else of their type can have.
INSERT INTO "OAuthClientSecret"
  ("id", "created", "changed", "joined", "oauthClientId", "secret", "createdAt", "memberTenantId", "document")
  SELECT "id", "created", "changed", "joined", "id", "secret", "createdAt", "memberTenantId", json_object(
    'id', "id", 'oauthClientId', "id", 'label', NULL, 'secret', '****', 'secretHash', NULL, 'hint', NULL,
    'notBefore', NULL, 'expiresAt', NULL, 'createdAt', "createdAt", 'lastUsedAt', NULL,
    'memberTenantId', "memberTenantId"
  )
  FROM "OAuthClient" WHERE "secret" IS NOT NULL ORDER BY "number";
ALTER TABLE "OAuthClient" DROP COLUMN "secret";

INSERT INTO "state" ("account", "type", "number")
  SELECT 'global', 'OAuthClientSecret', MAX("changed") FROM "OAuthClientSecret" HAVING COUNT(*) > 0
  UNION ALL
  SELECT "memberTenantId", 'OAuthClientSecret', MAX("changed") FROM "OAuthClientSecret"
  WHERE "memberTenantId" IS NOT NULL GROUP BY "memberTenantId";

CREATE INDEX "OAuthClientSecret:oauthClientId" ON "OAuthClientSecret" ("oauthClientId", "id");
CREATE INDEX "OAuthClientSecret:createdAt" ON "OAuthClientSecret" ("createdAt", "id");
CREATE INDEX "OAuthClientSecret:expiresAt" ON "OAuthClientSecret" ("expiresAt", "id");
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
