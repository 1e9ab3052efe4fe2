-- Who changed what. An event stays when its tenant or its object is gone, so it refers to neither. Events are read by
-- object, by actor, by account and in the order of time, from either end; they are never changed, and their many rows
-- are written beside each change, so nothing else has an index.

CREATE TABLE "AuditEvent" (
  "number" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "id" TEXT COLLATE "C" NOT NULL UNIQUE,
  "created" BIGINT NOT NULL,
  "changed" BIGINT NOT NULL,
  "joined" BIGINT NOT NULL,
  "at" TEXT COLLATE "C",
  "actorId" TEXT COLLATE "C",
  "action" TEXT COLLATE "C",
  "objectType" TEXT COLLATE "C",
  "objectId" TEXT COLLATE "C",
  "memberTenantId" TEXT COLLATE "C",
  "document" TEXT NOT NULL
);
CREATE INDEX "AuditEvent:at" ON "AuditEvent" ("at", "id");
CREATE INDEX "AuditEvent:at:descending" ON "AuditEvent" ("at" DESC NULLS LAST, "id");
CREATE INDEX "AuditEvent:actorId" ON "AuditEvent" ("actorId", "id");
CREATE INDEX "AuditEvent:objectId" ON "AuditEvent" ("objectId", "memberTenantId", "id");
CREATE INDEX "AuditEvent:created" ON "AuditEvent" ("created", "id");
CREATE INDEX "AuditEvent:changed" ON "AuditEvent" ("changed", "id", "created") WHERE "changed" > "created";
CREATE INDEX "AuditEvent:account" ON "AuditEvent" ("memberTenantId", "id");
CREATE INDEX "AuditEvent:account:at" ON "AuditEvent" ("memberTenantId", "at", "id");
CREATE INDEX "AuditEvent:account:joined" ON "AuditEvent" ("memberTenantId", "joined", "id");
CREATE INDEX "AuditEvent:account:changed" ON "AuditEvent" ("memberTenantId", "changed", "id", "joined")
  WHERE "changed" > "joined";
