// What the page adds to the declarations of types.

export const CLIENT = "x:OAuthClient";
export const SECRET = "x:OAuthClientSecret";
export const KEY = "x:ApiKey";
export const AUDIT = "x:AuditEvent";

// What ThetaSecure names for that very client (docs.thetasecure.com/docs/configuration/oauth-scopes).
const SYNC_SCOPES = { "scim:read": true, "scim:write": true, "sync:profile:read": true, "connector:read": true, "connector:write": true };

export const VIEWS = {
  [CLIENT]: {
    labels: ["clientName", "clientId"],
    columns: ["clientName", "clientId", "grantTypes", "status", "memberTenantId", "createdAt", "lastUsedAt"],
    sections: {
      Client: ["clientName", "clientId", "description", "memberTenantId", "owner", "contacts", "isEnabled", "isProtected", "expiresAt"],
      Grants: ["grantTypes", "responseTypes", "redirectUris"],
      Authentication: ["tokenEndpointAuthMethod", "secret"],
      Consent: ["logo"],
      History: ["createdAt"],
    },
    ways: [
      {
        name: "Sync Connector",
        description: "A service that synchronises a directory (LDAP, Active Directory), with the right grant and scopes.",
        shown: ["clientName", "clientId", "description", "memberTenantId", "scopes", "expiresAt"],
        values: {
          clientName: "Sync Connector",
          grantTypes: { client_credentials: true },
          scopes: SYNC_SCOPES,
          tokenEndpointAuthMethod: "client_secret_basic",
        },
      },
      { name: "Custom", description: "An application of any other kind, with all settings." },
    ],
  },
  [KEY]: { columns: ["description", "status", "memberTenantId", "createdAt", "expiresAt", "lastUsedAt"] },
  [AUDIT]: { columns: ["at", "actorName", "action", "objectType", "objectId", "memberTenantId", "remoteIp"] },
};

export const KEY_IDS = ["createdBy", "updatedBy", "actorId"];

export const offered = (name) => [...(document.getElementById(`offered-${name}`)?.options ?? [])].map(({ value, label }) => [value, label]);
