// "Would this URI match?", by the server's rule (RFC 6749 section 3.1.2.3, RFC 8252 section 7.3). It is not asked itself:
// that counts as a use of the client.

import { el, fill, icon, parts, shown, template } from "./dom.js";

const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::[1-9][0-9]{0,4})?((?:[/?][^]*)?)$/;

export function match(uri, registered) {
  if (registered.includes(uri)) return uri;
  const parts = (text) => LOOPBACK.exec(text)?.slice(1).join(" ");
  const asked = URL.canParse(uri) && parts(uri);
  return asked && registered.find((each) => parts(each) === asked);
}

const PARTS = { protocol: "scheme", hostname: "host", port: "port", pathname: "path", search: "query", hash: "fragment" };

function nearest(uri, registered) {
  const url = URL.parse(uri);
  const differing = (other) => Object.keys(PARTS).filter((part) => url?.[part] !== other?.[part]);
  const compared = registered.map((each) => [each, differing(URL.parse(each))]);
  return compared.filter(([, parts]) => parts.length < 4).sort(([, one], [, other]) => one.length - other.length)[0];
}

export function makeTester(registered) {
  const section = el("section", template("tester"));
  const [input, verdict] = parts(section, "input", ".verdict");
  input.oninput = () => fill(verdict, input.value.trim() && registered() && judge(input.value.trim(), registered()));
  return section;
}

function judge(uri, registered) {
  const found = match(uri, registered);
  if (found) return [icon("enable"), found === uri ? " Yes, it is registered." : [" Yes, by ", shown(found), ": a loopback address may have any port."]];
  const [near, parts] = nearest(uri, registered) ?? [];
  if (!near) return [icon("disable"), ` No, ${registered.length ? "and none is like it" : "none is registered"}.`];
  const differing = parts.map((part) => `the ${PARTS[part]}`).join(", ") || "how it is written: it is compared character by character";
  return [icon("disable"), " No. The nearest is ", shown(near), "; what differs is ", differing, "."];
}
