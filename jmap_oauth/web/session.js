// Who is signed in, and what is asked in that name. The key lives in this module's memory and in no URL.

const KEPT = "jmap-oauth-key";
const CAPABILITIES = ["urn:ietf:params:jmap:core", "urn:stalwart:jmap", "urn:jmap-oauth:metadata"];

/** What went wrong: `type` is "offline", "signedOut", "busy", "problem", or the type of a JMAP method error. */
export class Failure extends Error {
  constructor(type, message, retryAfter = 0) {
    super(message);
    this.type = type;
    this.retryAfter = retryAfter;
  }
}

/** A method call under way: await it for its answer, or let another call of the same turn refer to it. */
class Call {
  constructor(name, args, id) {
    Object.assign(this, { name, args, id });
    this.promise = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
  }

  ref(path) {
    return { resultOf: this.id, name: this.name, path };
  }

  then(...handlers) {
    return this.promise.then(...handlers);
  }

  settle([name, answer]) {
    if (name === "error") this.reject(new Failure(answer.type, answer.description ?? `The server says ${answer.type}.`));
    else this.resolve(answer);
  }
}

/** A key that was found good. Emits "signedout" when it is good no more. */
export class Session extends EventTarget {
  #key;
  #waiting = new Map();
  #count = 0;

  static keptKey() {
    return sessionStorage.getItem(KEPT);
  }

  /** Ask who a key belongs to; `keep` it for this tab if it is good. */
  static async open(key, keep) {
    if (!/^[\x21-\x7e]+$/.test(key)) throw new Failure("signedOut", "This is no API key: it has other characters.");
    const session = new Session(key);
    const asked = ["jmap/session", "api/account", "api/schema"].map((path) => session.fetch(path).then((answer) => answer.json()));
    [session.resource, session.account, session.document] = await Promise.all(asked);
    if (keep) sessionStorage.setItem(KEPT, key);
    session.permissions = new Set(session.account.permissions);
    session.using = CAPABILITIES.filter((name) => name in session.resource.capabilities);
    session.limits = session.resource.capabilities[CAPABILITIES[0]];
    return session;
  }

  constructor(key) {
    super();
    this.#key = key;
  }

  get name() {
    return this.resource.username;
  }

  get isGlobal() {
    return "global" in this.resource.accounts;
  }

  /** Tell whether the key allows an action (Get, Query, Create, Update, Destroy) on a type. */
  may(type, ...actions) {
    return actions.every((action) => this.permissions.has(type.permission + action));
  }

  /** Forget the key. The page is loaded anew, so that nothing of it stays in memory. */
  static forget() {
    sessionStorage.removeItem(KEPT);
  }

  /** Call a method. Calls of one turn with the same `signal` go out as one request. */
  call(name, args, signal) {
    const call = new Call(name, args, `c${this.#count++}`);
    call.promise.catch(() => {}); // whoever refers to a call only need not look at its failure
    if (!this.#waiting.has(signal)) {
      this.#waiting.set(signal, []);
      queueMicrotask(() => this.#send(signal));
    }
    this.#waiting.get(signal).push(call);
    return call;
  }

  async #send(signal) {
    const calls = this.#waiting.get(signal);
    this.#waiting.delete(signal);
    try {
      const body = JSON.stringify({ using: this.using, methodCalls: calls.map(({ name, args, id }) => [name, args, id]) });
      const headers = { "Content-Type": "application/json" };
      const response = await this.fetch("api", { method: "POST", headers, body, signal });
      const { methodResponses } = await response.json();
      for (const call of calls) call.settle(methodResponses.find((answer) => answer[2] === call.id));
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  }

  /** Fetch a path of the server, which lies beside the page, without anything that the browser has stored. */
  async fetch(path, { headers, ...options } = {}) {
    let response;
    try {
      const sent = { Authorization: `Bearer ${this.#key}`, ...headers };
      response = await fetch(path, { ...options, headers: sent, credentials: "omit", referrerPolicy: "no-referrer" });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Failure("offline", "The server cannot be reached.");
    }
    if (!response.ok) throw await this.#failure(response);
    return response;
  }

  async #failure(response) {
    const problem = await response.json().catch(() => ({}));
    const detail = problem.detail ?? `The server answered with status ${response.status}.`;
    const retryAfter = Number(response.headers.get("Retry-After")) || 0;
    if (response.status === 401) {
      this.dispatchEvent(new Event("signedout"));
      return new Failure("signedOut", "The key is not accepted: it is unknown, expired or revoked.");
    }
    return new Failure([429, 503].includes(response.status) ? "busy" : "problem", detail, retryAfter);
  }

  /** Query and get in one request: what matches a question, with these properties (null for all). */
  async find(type, question, properties = null, signal = undefined) {
    const query = this.call(`${type}/query`, question, signal);
    const get = this.call(`${type}/get`, { "#ids": query.ref("/ids"), properties }, signal);
    return { ...(await query), ...(await get) };
  }

  /** Return one object, or undefined. */
  async get(type, id) {
    return (await this.call(`${type.name}/get`, { ids: [id], properties: null })).list[0];
  }

  /** Run a /set; `changes` is what it has beside the account. */
  set(type, changes) {
    return this.call(`${type.name}/set`, changes);
  }
}
