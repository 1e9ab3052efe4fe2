-- Binary data (RFC 8620 section 6). A blob is its uploader's, an API key's, within an account. "uploadedAt" is the last
-- time it was uploaded: what is the longest ago goes first when an account has too much, then what came first.
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

-- Blobs go with their tenant. No foreign key says so, because the account "global" is no tenant.
CREATE FUNCTION "Tenant:blobs" () RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "blob" WHERE "account" = OLD."id";
  RETURN NULL;
END $$;
CREATE TRIGGER "Tenant:blobs" AFTER DELETE ON "Tenant" FOR EACH ROW EXECUTE FUNCTION "Tenant:blobs" ();
