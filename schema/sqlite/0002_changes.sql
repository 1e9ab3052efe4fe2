-- What /changes and /queryChanges need.

-- A random text by which this database knows its own states from those of another one.
CREATE TABLE "identity" (
  "text" TEXT NOT NULL
) STRICT;
INSERT INTO "identity" ("text") VALUES (lower(hex(randomblob(16))));

-- The highest number of a tombstone that was pruned: from a state before it, changes cannot be calculated.
ALTER TABLE "state" ADD COLUMN "pruned" INTEGER NOT NULL DEFAULT 0;

-- Anew, with the time at which each was made, by which they are pruned; of those that are there it is not known. Rows
-- are in the order of their writes. The index holds all that /changes reads.
ALTER TABLE "tombstone" RENAME TO "tombstone:old";
CREATE TABLE "tombstone" (
  "number" INTEGER PRIMARY KEY,
  "type" TEXT NOT NULL,
  "account" TEXT NOT NULL,
  "id" TEXT NOT NULL,
  "joined" INTEGER NOT NULL,
  "left_at" INTEGER NOT NULL,
  "made_at" TEXT NOT NULL
) STRICT;
INSERT INTO "tombstone" ("type", "account", "id", "joined", "left_at", "made_at")
  SELECT "type", "account", "id", "joined", "left_at", strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
  FROM "tombstone:old" ORDER BY "left_at";
DROP TABLE "tombstone:old";
CREATE INDEX "tombstone:left_at" ON "tombstone" ("type", "account", "left_at", "id", "joined");

-- Who came and who was changed since a state, of the server and of an account, in order and without looking at rows (for
-- that the last column, which the condition names). Who was never changed is found by having come, so the indexes of
-- changes are without them, and cost a creation nothing.
DROP INDEX "Tenant:changed";
CREATE INDEX "Tenant:created" ON "Tenant" ("created", "id");
CREATE INDEX "Tenant:changed" ON "Tenant" ("changed", "id", "created") WHERE "changed" > "created";

DROP INDEX "OAuthClient:changed";
DROP INDEX "OAuthClient:account:changed";
CREATE INDEX "OAuthClient:created" ON "OAuthClient" ("created", "id");
CREATE INDEX "OAuthClient:changed" ON "OAuthClient" ("changed", "id", "created") WHERE "changed" > "created";
CREATE INDEX "OAuthClient:account:joined" ON "OAuthClient" ("memberTenantId", "joined", "id");
CREATE INDEX "OAuthClient:account:changed" ON "OAuthClient" ("memberTenantId", "changed", "id", "joined")
  WHERE "changed" > "joined";

DROP INDEX "ApiKey:changed";
DROP INDEX "ApiKey:account:changed";
CREATE INDEX "ApiKey:created" ON "ApiKey" ("created", "id");
CREATE INDEX "ApiKey:changed" ON "ApiKey" ("changed", "id", "created") WHERE "changed" > "created";
CREATE INDEX "ApiKey:account:joined" ON "ApiKey" ("memberTenantId", "joined", "id");
CREATE INDEX "ApiKey:account:changed" ON "ApiKey" ("memberTenantId", "changed", "id", "joined")
  WHERE "changed" > "joined";

-- An index that is read backwards gives ties by descending id, and they go by ascending id: of a descending sort each
-- block of ties was sorted anew, 25 ms of 100,000 clients for the first page, 60 to 170 ms for the 1,000th. With these it
-- is below 1 ms. They cost a creation a quarter of its time in bulk and a tenth by itself, so only the largest table has
-- them, and not for an account, which has fewer rows.
CREATE INDEX "OAuthClient:clientId:sort:descending" ON "OAuthClient" ("clientId:sort" DESC, "id");
CREATE INDEX "OAuthClient:description:sort:descending" ON "OAuthClient" ("description:sort" DESC, "id");
CREATE INDEX "OAuthClient:createdAt:descending" ON "OAuthClient" ("createdAt" DESC, "id");
CREATE INDEX "OAuthClient:expiresAt:descending" ON "OAuthClient" ("expiresAt" DESC, "id");
