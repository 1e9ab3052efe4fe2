// "Would this URI match?": the rule that the server compares redirect URIs by, and what is different if it does not.
//
// The rule is the server's own (RFC 6749 section 3.1.2.3, RFC 8252 section 7.3). It is not asked, because a question
// to x:OAuthClient/authenticate counts as a use of the client.

import { el, icon, shown } from "./dom.js";

const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::[1-9][0-9]{0,4})?((?:[/?][^]*)?)$/;

/** Return the registered URI that one matches, or undefined. */
export function match(uri, registered) {
  if (registered.includes(uri)) return uri;
  const asked = LOOPBACK.exec(uri);
  return asked ? registered.find((each) => isSame(LOOPBACK.exec(each), asked)) : undefined;
}

const isSame = (known, asked) => known !== null && known[1] === asked[1] && known[2] === asked[2];

const PARTS = [["protocol", "the scheme"], ["hostname", "the host"], ["port", "the port"], ["pathname", "the path"], ["search", "the query"], ["hash", "the fragment"]];

/** Return the registered URI that is nearest, and in what it differs: {uri, parts}, or null if none is near. */
export function nearest(uri, registered) {
  const url = parse(uri);
  if (!url) return null;
  const compared = registered.map((each) => [each, parse(each)]).filter(([, other]) => other)
    .map(([each, other]) => ({ uri: each, parts: PARTS.filter(([part]) => url[part] !== other[part]).map(([, name]) => name) }));
  compared.sort((one, other) => one.parts.length - other.parts.length);
  const [best] = compared;
  if (!best || best.parts.length > 3) return null;
  return best.parts.length ? best : { uri: best.uri, parts: ["how it is written: it is compared character by character"] };
}

const parse = (text) => (URL.canParse(text) ? new URL(text) : null);

/** Return a section in which a URI can be tried; `registered` returns the URIs of the client as they are then. */
export function makeTester(registered) {
  const input = el("input", { type: "text", id: "tested-uri", inputmode: "url", autocomplete: "off", spellcheck: "false", placeholder: "https://app.example/callback", "aria-describedby": "verdict" });
  const verdict = el("p.verdict", { role: "status", id: "verdict" });
  input.addEventListener("input", () => verdict.replaceChildren(...judge(input.value.trim(), registered())));
  return el("section", el("h3", "Redirect tester"), el("label", { for: "tested-uri" }, "Would this URI match?"), input, verdict);
}

function judge(uri, registered) {
  if (!uri) return [];
  const found = match(uri, registered);
  if (found === uri) return [icon("enable"), " Yes, it is registered."];
  if (found) return [icon("enable"), " Yes, by ", shown(found), ": a loopback address may have any port."];
  if (!registered.length) return [icon("disable"), " No, none is registered."];
  const near = nearest(uri, registered);
  if (!near) return [icon("disable"), " No, and none is like it."];
  return [icon("disable"), " No. The nearest is ", shown(near.uri), "; what differs is ", near.parts.join(", "), "."];
}
