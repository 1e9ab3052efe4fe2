// Changes made elsewhere, as the server tells them. EventSource could not send the key, so a stream is read by fetch.

const PING = 30;
const LONGEST_PAUSE = 30_000;
const HIDDEN = 10_000; // a browser opens few connections to one server, and tabs nobody sees shall not hold them all

/** Emits "change" with the names of the types that changed, and "online" and "offline" as the stream comes and goes. */
export class Push extends EventTarget {
  #session;
  #lastEvent = "";
  #stop = null;
  #hiding;
  #closed = new AbortController();

  constructor(session) {
    super();
    this.#session = session;
    const { signal } = this.#closed;
    document.addEventListener("visibilitychange", () => this.#see(!document.hidden), { signal });
    addEventListener("online", () => this.#restart(), { signal });
    this.#see(true);
  }

  /** End for good. */
  close() {
    this.#closed.abort();
    this.#pause();
  }

  #pause() {
    clearTimeout(this.#hiding);
    this.#stop?.abort();
    this.#stop = null;
  }

  #see(visible) {
    clearTimeout(this.#hiding);
    if (!visible) this.#hiding = setTimeout(() => this.#pause(), HIDDEN);
    else if (!this.#stop) this.#run();
  }

  #restart() {
    this.#pause();
    if (!document.hidden) this.#run();
  }

  async #run() {
    const stop = (this.#stop = new AbortController());
    for (let failures = 0; !stop.signal.aborted; failures++) {
      let pause = Math.min(1000 * 2 ** failures, LONGEST_PAUSE) * (0.5 + Math.random() / 2);
      try {
        await this.#read(stop.signal, () => (failures = -1));
        pause = 250; // the server ended it in order
      } catch (error) {
        if (stop.signal.aborted || error.type === "signedOut") return;
        this.dispatchEvent(new CustomEvent("offline", { detail: error }));
        pause = Math.max(pause, (error.retryAfter ?? 0) * 1000);
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #read(signal, onOpen) {
    const silence = new AbortController();
    const either = AbortSignal.any([signal, silence.signal]);
    const headers = this.#lastEvent ? { "Last-Event-ID": this.#lastEvent } : {};
    const path = `jmap/eventsource?types=*&closeafter=no&ping=${PING}`;
    const response = await this.#session.fetch(path, { headers, signal: either });
    onOpen();
    this.dispatchEvent(new Event("online"));
    let watch;
    let text = "";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      clearTimeout(watch);
      watch = setTimeout(() => silence.abort(), PING * 2500);
      const { done, value } = await reader.read().finally(() => clearTimeout(watch));
      if (done) return;
      const events = (text + value).split("\n\n");
      text = events.pop();
      events.forEach((event) => this.#hear(event));
    }
  }

  #hear(event) {
    const fields = Object.fromEntries(event.split("\n").map((line) => line.split(/: ?(.*)/s)));
    if (fields.id) this.#lastEvent = fields.id;
    if (fields.event !== "state") return;
    const types = Object.values(JSON.parse(fields.data).changed).flatMap((states) => Object.keys(states));
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(types) }));
  }
}
