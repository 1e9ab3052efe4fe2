-- Binary data (RFC 8620 section 6). A blob is its uploader's, an API key's, within an account. "uploadedAt" is the last
-- time it was uploaded: what is the longest ago goes first when an account has too much, then what came first.
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

-- Blobs go with their tenant. No foreign key says so, because the account "global" is no tenant.
CREATE TRIGGER "Tenant:blobs" AFTER DELETE ON "Tenant" BEGIN
  DELETE FROM "blob" WHERE "account" = OLD."id";
END;
