// What the server would refuse, said while it is typed. The server decides; here are only the rules it tells people.

const LONGEST = { description: 2000, clientId: 255, emailAddress: 254, uri: 2048, secret: 1024, logo: 90_000 };
const SCHEMES = new Set(["javascript:", "data:", "vbscript:", "file:", "blob:", "about:"]);
const LOOPBACK = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** Return what is wrong with one text of a field, or null. `format` is that of the schema document. */
export function fault(name, format, text) {
  const longest = LONGEST[name] ?? LONGEST[format] ?? 255;
  if (text.length > longest) return `At most ${longest.toLocaleString()} characters.`;
  if (/[\p{Cc}]/u.test(name === "description" ? text.replace(/[\n\t]/g, "") : text)) return "No control characters.";
  return (BY_NAME[name] ?? BY_FORMAT[format] ?? (() => null))(text);
}

const BY_NAME = {
  clientId: (text) => (/^[\x20-\x7e]*$/.test(text) && text !== "." && text !== ".." ? null : "Only printable ASCII characters."),
  scopes: (text) => (/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text) ? null : 'A scope has no spaces, no " and no backslash.'),
  redirectUris: redirectUri,
  postLogoutRedirectUris: redirectUri,
  grantTypes: (text) => (/^[a-z_]+$|:/.test(text) ? null : "The name of a grant, or its URI."),
};

const BY_FORMAT = {
  emailAddress: (text) => (/^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(text) ? null : "An e-mail address, like name@example.com."),
  uri: (text) => (parsed(text) ? null : "A whole URL, like https://example.com/."),
  ipNetwork: (text) => (/^[0-9a-f.:]+(\/\d{1,3})?$/i.test(text) ? null : "An address or a network, like 192.0.2.0/24."),
};

function parsed(text) {
  try {
    return /\s/.test(text) ? null : new URL(text);
  } catch {
    return null;
  }
}

function redirectUri(text) {
  const url = parsed(text);
  if (!url || text.includes("\\")) return "A whole URL, like https://app.example/callback.";
  if (SCHEMES.has(url.protocol)) return "Not with this scheme: it can run scripts or show local data.";
  if (text.includes("#")) return "No fragment (#).";
  if (text.includes("*")) return "No wildcard (*): write each URI out.";
  if (url.username || url.password) return "No user name or password before the host.";
  if (url.protocol === "http:" && !LOOPBACK.has(url.hostname)) return "https, unless the host is 127.0.0.1, [::1] or localhost.";
  return null;
}
