// What the server would refuse, said while it is typed. The server decides.

const LONGEST = { description: 2000, emailAddress: 254, uri: 2048, secret: 1024, logo: 90_000 };
const SCHEMES = /^(javascript|data|vbscript|file|blob|about):$/;
const LOOPBACK = /^(127\.0\.0\.1|\[::1\]|localhost)$/;

const RULES = {
  clientId: [/^(?!\.\.?$)[\x20-\x7e]*$/, "Only printable ASCII characters."],
  scopes: [/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'A scope has no spaces, no " and no backslash.'],
  emailAddress: [/^[^\s@]+@[^\s@]+\.[^\s@.]+$/, "An e-mail address, like name@example.com."],
  logo: [/^https?:\/\/|^data:image\/(png|jpeg|gif|webp);base64,|^[A-Za-z0-9+/]+={0,2}$/, "An http(s) URL, or a PNG, JPEG, GIF or WebP picture."],
};

export function fault({ name, maxLength, kind }, text) {
  const { format } = kind.class ?? kind;
  const longest = maxLength ?? LONGEST[name] ?? LONGEST[format] ?? 255;
  if (text.length > longest) return `At most ${longest.toLocaleString()} characters.`;
  if (/redirectUris$/i.test(name)) return faultOfRedirect(text);
  if (format === "uri") return /\s/.test(text) || !URL.canParse(text) ? "A whole URL, like https://example.com/." : null;
  const [pattern, words] = RULES[name] ?? RULES[format] ?? [/^/];
  return pattern.test(text) ? null : words;
}

function faultOfRedirect(text) {
  const url = URL.parse(text);
  if (!url || /[\s\\]/.test(text)) return "A whole URL, like https://app.example/callback.";
  if (SCHEMES.test(url.protocol)) return "Not with this scheme: it can run scripts or show local data.";
  if (text.includes("#")) return "No fragment (#).";
  if (text.includes("*")) return "No wildcard (*): write each URI out.";
  if (url.username || url.password) return "No user name or password before the host.";
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname)) return "https, unless the host is 127.0.0.1, [::1] or localhost.";
  return null;
}
