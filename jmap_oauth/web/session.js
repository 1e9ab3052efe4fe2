// Who is signed in. The key lives in this module's memory and in no URL.

const KEPT = "jmap-oauth-key";
const CAPABILITIES = ["urn:ietf:params:jmap:core", "urn:stalwart:jmap", "urn:jmap-oauth:metadata"];

/** `type` is "offline", "signedOut", "problem", or that of a JMAP error. */
const failure = (type, message) => Object.assign(new Error(message), { type });

const BREAKS = { TypeError: "The server cannot be reached.", TimeoutError: "The server did not answer." };

/** Emits "signedout" when the key is good no more. */
export class Session extends EventTarget {
  #key;

  static keptKey = () => sessionStorage.getItem(KEPT);
  static forget = () => sessionStorage.removeItem(KEPT);

  /** Ask whose a key is; `keep` it for this tab if it is good. */
  static async open(key, keep) {
    if (!/^[\x21-\x7e]+$/.test(key)) throw failure("signedOut", "This is no API key: it has other characters.");
    const session = new Session();
    session.#key = key;
    const asked = ["jmap/session", "api/account", "api/schema"].map((path) => session.#ask(path));
    const [{ username, accounts, capabilities }, { permissions }, schema] = await Promise.all(asked);
    if (keep) sessionStorage.setItem(KEPT, key);
    const [[id, account]] = Object.entries(accounts);
    const using = CAPABILITIES.filter((name) => name in capabilities);
    const { maxObjectsInSet } = capabilities[CAPABILITIES[0]];
    return Object.assign(session, { username, account, isGlobal: id === "global", permissions, schema, using, maxObjectsInSet });
  }

  /** Call methods, [name, arguments] each, in one request, and return their answers. */
  async call(calls, signal) {
    const methodCalls = calls.map(([name, given], index) => [name, given, String(index)]);
    const body = JSON.stringify({ using: this.using, methodCalls });
    const headers = { "Content-Type": "application/json" };
    const { methodResponses } = await this.#ask("api", { method: "POST", headers, body, signal });
    const failed = methodResponses.find(([name]) => name === "error")?.[1];
    if (failed) throw failure(failed.type, failed.description ?? `The server says ${failed.type}.`);
    return methodResponses.map(([, answer]) => answer);
  }

  /** Fetch JSON. What takes a minute does not come any more. */
  async #ask(path, { signal, ...options } = {}) {
    const signals = [AbortSignal.timeout(60_000), signal].filter(Boolean);
    try {
      return await (await this.fetch(path, { ...options, signal: AbortSignal.any(signals) })).json();
    } catch (error) {
      throw error.name in BREAKS ? failure("offline", BREAKS[error.name]) : error;
    }
  }

  /** Fetch a path beside the page, without anything that the browser has stored. */
  async fetch(path, { headers, ...options } = {}) {
    const sent = { Authorization: `Bearer ${this.#key}`, ...headers };
    const response = await fetch(path, { ...options, headers: sent, credentials: "omit" });
    if (response.ok) return response;
    if (response.status === 401) {
      this.dispatchEvent(new Event("signedout"));
      throw failure("signedOut", "The key is not accepted: it is unknown, expired or revoked.");
    }
    const { detail = `The server answered with status ${response.status}.` } = await response.json().catch(() => ({}));
    throw failure("problem", detail);
  }
}
