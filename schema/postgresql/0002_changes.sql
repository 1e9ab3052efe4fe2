-- What /changes and /queryChanges need.

-- A random text by which this database knows its own states from those of another one.
CREATE TABLE "identity" (
  "text" TEXT COLLATE "C" NOT NULL
);
INSERT INTO "identity" ("text") VALUES (replace(gen_random_uuid()::text, '-', ''));

-- The highest number of a tombstone that was pruned: from a state before it, changes cannot be calculated.
ALTER TABLE "state" ADD COLUMN "pruned" BIGINT NOT NULL DEFAULT 0;

-- The order in which tombstones were made, and when, by which they are pruned. The index holds all that /changes reads.
ALTER TABLE "tombstone"
  ADD COLUMN "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ADD COLUMN "made_at" TEXT COLLATE "C" NOT NULL
    DEFAULT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
ALTER TABLE "tombstone" ALTER COLUMN "made_at" DROP DEFAULT;
DROP INDEX "tombstone:left_at";
CREATE INDEX "tombstone:left_at" ON "tombstone" ("type", "account", "left_at", "id", "joined");

-- Who came and who was changed since a state, of the server and of an account, in order and without looking at rows
-- (for that the last column, which the condition names). Who was never changed is found by having come, so the indexes
-- of changes are without them, and cost a creation nothing.
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

-- An index that is read backwards gives ties by descending id, and nulls first; they go by ascending id, and nulls
-- last. Without an index a descending sort reads the whole table, so the largest one has them, and not for an account,
-- which has fewer rows.
CREATE INDEX "OAuthClient:clientId:sort:descending"
  ON "OAuthClient" ("clientId:head" DESC NULLS LAST,
    (CASE WHEN length("clientId:sort") > 600 THEN NULL ELSE "id" END) NULLS FIRST);
CREATE INDEX "OAuthClient:description:sort:descending"
  ON "OAuthClient" ("description:head" DESC NULLS LAST,
    (CASE WHEN length("description:sort") > 600 THEN NULL ELSE "id" END) NULLS FIRST);
CREATE INDEX "OAuthClient:createdAt:descending" ON "OAuthClient" ("createdAt" DESC NULLS LAST, "id");
CREATE INDEX "OAuthClient:expiresAt:descending" ON "OAuthClient" ("expiresAt" DESC NULLS LAST, "id");
