// Changes made elsewhere. EventSource could not send the key, so a stream is read by fetch.

import { emit } from "./dom.js";

const PING = 30;
const LONGEST_PAUSE = 30_000;

/** Emits "change" with a set of type names, "offline", and "online": what was missed is not told, all may have changed. */
export class Push extends EventTarget {
  #session;
  #stream = null;
  #failures = 0;
  #closed = new AbortController();

  constructor(session) {
    super();
    const { signal } = this.#closed;
    this.#session = session;
    session.addEventListener("signedout", () => (this.#closed.abort(), this.#pause()), { signal });
    document.addEventListener("visibilitychange", () => this.#see(), { signal });
    addEventListener("online", () => (this.#pause(), this.#see()), { signal });
    this.#see();
  }

  #pause() {
    this.#stream?.abort();
    this.#stream = null;
  }

  /** A browser opens few connections to one server, and tabs nobody sees shall not hold them all. */
  #see() {
    if (document.hidden) this.#pause();
    else if (!this.#stream) this.#run((this.#stream = new AbortController()).signal);
  }

  async #run(signal) {
    while (!signal.aborted) {
      let pause = 250; // when the server ended it in order
      try {
        await this.#read(signal);
      } catch (error) {
        if (signal.aborted || error.type === "signedOut") return;
        emit(this, "offline");
        pause = Math.min(1000 * 2 ** this.#failures++, LONGEST_PAUSE) * (0.5 + Math.random() / 2);
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #read(signal) {
    const silence = new AbortController();
    const heard = (work) => {
      const watch = setTimeout(() => silence.abort(), PING * 2500);
      return work.finally(() => clearTimeout(watch));
    };
    const path = `jmap/eventsource?types=*&closeafter=no&ping=${PING}`;
    const { body } = await heard(this.#session.fetch(path, { signal: AbortSignal.any([signal, silence.signal]) }));
    this.#failures = 0;
    emit(this, "online");
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ; ) {
      const { done, value } = await heard(reader.read());
      if (done) return;
      const events = (text + value).split("\n\n");
      text = events.pop();
      events.forEach((event) => this.#hear(event));
    }
  }

  #hear(event) {
    const { event: name, data } = Object.fromEntries(event.split("\n").map((line) => line.split(/: ?(.*)/s)));
    if (name !== "state") return;
    const types = Object.values(JSON.parse(data).changed).flatMap(Object.keys);
    emit(this, "change", new Set(types));
  }
}
