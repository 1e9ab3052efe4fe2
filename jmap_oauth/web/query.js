// One window of a query, kept right while data changes: what is asked for, and the answer that is newest.

export const PAGE = 50;

/**
 * The objects of a type that match, one page of them. `load` asks anew; an answer that is overtaken by a later
 * question is dropped. A page is held at its first row, not at a number, so it stays where it is while rows come and go.
 */
export class Window {
  records = [];
  position = 0;
  total = null;
  #start = { position: 0 };
  #asking = null;

  constructor(context, type) {
    Object.assign(this, { context, type, filter: null, sort: [] });
  }

  get hasPrevious() {
    return this.position > 0;
  }

  get hasNext() {
    return this.total !== null && this.position + this.records.length < this.total;
  }

  /** Choose where the page begins, before it is loaded. */
  begin(place) {
    const [first, last] = [this.records[0]?.id, this.records.at(-1)?.id];
    const starts = {
      first: { position: 0 },
      last: { position: -PAGE },
      next: last ? { anchor: last, anchorOffset: 1 } : { position: 0 },
      previous: first && this.position > PAGE ? { anchor: first, anchorOffset: -PAGE } : { position: 0 },
    };
    this.#start = starts[place];
  }

  /** Ask, and return whether this answer is the newest. The rows come first, and then how many there are. */
  async load() {
    this.#asking?.abort();
    const { signal } = (this.#asking = new AbortController());
    try {
      await this.#page(signal, this.#start);
    } catch (error) {
      if (error.type !== "anchorNotFound") throw error;
      await this.#page(signal, { position: Math.max(0, this.position) });
    }
    if (signal.aborted) return false;
    this.#hold();
    return true;
  }

  async #page(signal, start) {
    const { context, type } = this;
    const { filter, sort } = this;
    const answer = await context.session.find(type.name, { filter, sort, ...start, limit: PAGE, calculateTotal: true }, type.listed, signal);
    if (!signal.aborted) Object.assign(this, { position: answer.position, total: answer.total, records: answer.list });
  }

  #hold() {
    const first = this.records[0]?.id;
    this.#start = this.position > 0 && first ? { anchor: first, anchorOffset: 0 } : { position: 0 };
  }
}
