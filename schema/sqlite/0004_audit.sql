-- Who changed what. An event stays when its tenant or its object is gone, so it refers to neither. Events are read by
-- object, by actor, by account and in the order of time; they are never changed, and their many rows are written beside
-- each change, so nothing else has an index. That of objects knows the account as well, or SQLite would rather read all
-- events of a tenant to find those of an object.

CREATE TABLE "AuditEvent" (
  "number" INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "created" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "joined" INTEGER NOT NULL,
  "at" TEXT,
  "actorId" TEXT,
  "action" TEXT,
  "objectType" TEXT,
  "objectId" TEXT,
  "memberTenantId" TEXT,
  "document" TEXT NOT NULL
) STRICT;
CREATE INDEX "AuditEvent:at" ON "AuditEvent" ("at", "id");
CREATE INDEX "AuditEvent:actorId" ON "AuditEvent" ("actorId", "id");
CREATE INDEX "AuditEvent:objectId" ON "AuditEvent" ("objectId", "memberTenantId", "id");
CREATE INDEX "AuditEvent:created" ON "AuditEvent" ("created", "id");
CREATE INDEX "AuditEvent:changed" ON "AuditEvent" ("changed", "id", "created") WHERE "changed" > "created";
CREATE INDEX "AuditEvent:account" ON "AuditEvent" ("memberTenantId", "id");
CREATE INDEX "AuditEvent:account:at" ON "AuditEvent" ("memberTenantId", "at", "id");
CREATE INDEX "AuditEvent:account:joined" ON "AuditEvent" ("memberTenantId", "joined", "id");
CREATE INDEX "AuditEvent:account:changed" ON "AuditEvent" ("memberTenantId", "changed", "id", "joined")
  WHERE "changed" > "joined";
