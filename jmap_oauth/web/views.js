// What the page knows of types beside their declarations: columns, groups of properties, and the ways to create one.

export const CLIENT = "x:OAuthClient";
export const SECRET = "x:OAuthClientSecret";
export const TENANT = "x:Tenant";
export const KEY = "x:ApiKey";
export const AUDIT = "x:AuditEvent";

/** The types that have a list of their own, in the order of the menu, with the picture of each. */
export const MENU = [[CLIENT, "client"], [TENANT, "tenant"], [KEY, "key"], [AUDIT, "audit"]];

/** Labels, or false where the server may have others. */
export const GRANT_TYPES = {
  authorization_code: "Authorization code",
  client_credentials: "Client credentials",
  refresh_token: "Refresh token",
  implicit: "Implicit (legacy)",
  password: "Password (legacy)",
  "urn:ietf:params:oauth:grant-type:device_code": "Device code",
  "urn:ietf:params:oauth:grant-type:jwt-bearer": "JWT bearer",
};

export const VIEWS = {
  [CLIENT]: {
    labels: ["clientName", "clientId"],
    columns: ["clientName", "clientId", "grantTypes", "status", "memberTenantId", "createdAt", "lastUsedAt"],
    suggestions: { grantTypes: GRANT_TYPES, scopes: { openid: "", profile: "", email: "", offline_access: "" } },
    sections: [
      ["Client", ["clientName", "clientId", "description", "memberTenantId", "owner", "contacts", "isEnabled", "isProtected", "expiresAt"]],
      ["Grants", ["grantTypes", "responseTypes", "redirectUris"]],
      ["Authentication", ["tokenEndpointAuthMethod", "secret"]],
      ["Consent", ["logo"]],
      ...["OpenID Connect", "Logout", "Tokens", "Metadata"].map((title) => [title, []]),
      ["History", ["createdAt"]],
    ],
    ways: [
      {
        name: "Sync Connector",
        description: "A service that synchronises a directory (LDAP, Active Directory) by itself: client credentials, its scopes, a secret.",
        prefix: "sync",
        shown: ["clientName", "clientId", "description", "memberTenantId", "scopes", "expiresAt"],
        values: {
          clientName: "Sync Connector",
          grantTypes: { client_credentials: true },
          scopes: { "directory:read": true, "directory:sync": true },
          tokenEndpointAuthMethod: "client_secret_basic",
        },
      },
      {
        name: "Custom",
        description: "An application of any kind, with all settings: grants, redirect URIs, scopes, authentication, tokens.",
        prefix: "client",
        values: {},
      },
    ],
  },
  [KEY]: { columns: ["description", "status", "memberTenantId", "createdAt", "expiresAt", "lastUsedAt"] },
  [TENANT]: { columns: ["name", "description", "createdAt"] },
  [AUDIT]: {
    columns: ["at", "actorName", "action", "objectType", "objectId", "memberTenantId", "remoteIp"],
    sort: { property: "at", isAscending: false },
  },
};

/** Properties of which the server keeps no more than the day. */
export const isDay = (type, name) => name === "lastUsedAt" && type.name !== SECRET;
