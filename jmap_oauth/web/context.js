// What all parts of the page share: who is signed in, the types, what changes, and the names of what is referred to.

import { Push } from "./push.js";
import { Schema } from "./schema.js";

const PER_GET = 500;

/** One for as long as somebody is signed in. Emits "change" (a set of type names) when anybody changed something. */
export class Context extends EventTarget {
  #names = new Map();
  #wanted = new Map();

  constructor(session) {
    super();
    this.session = session;
    this.schema = new Schema(session.document);
    this.push = new Push(session);
    this.push.addEventListener("change", ({ detail }) => this.changed(detail));
    this.push.addEventListener("online", () => this.changed(new Set(this.schema.types.keys())));
  }

  type(name) {
    return this.schema.types.get(name);
  }

  /** Tell whether a type is there and the key allows these actions on it. */
  may(name, ...actions) {
    const type = this.type(name);
    return type !== undefined && this.session.may(type, ...actions);
  }

  changed(types) {
    for (const name of types) this.#names.delete(name);
    this.dispatchEvent(new CustomEvent("change", { detail: types }));
  }

  /** Run something whenever objects of one of these types changed, until a signal is aborted. */
  onChange(types, work, signal) {
    const hear = ({ detail }) => types.some((name) => detail.has(name)) && work();
    this.addEventListener("change", hear, { signal });
  }

  /** Return what people call an object, or its id if nobody may say; all that are asked for in one turn are one call. */
  async nameOf(typeName, id) {
    const names = this.#names.get(typeName) ?? this.#names.set(typeName, new Map()).get(typeName);
    if (!names.has(id)) names.set(id, this.#load(typeName, id));
    return names.get(id);
  }

  async #load(typeName, id) {
    if (!this.may(typeName, "Get")) return id;
    const records = this.#wanted.get(typeName) ?? this.#gather(typeName);
    records.ids.add(id);
    const record = (await records.answer.catch(() => new Map())).get(id);
    return record ? this.type(typeName).labelOf(record) : id;
  }

  #gather(typeName) {
    const ids = new Set();
    const answer = Promise.resolve().then(async () => {
      this.#wanted.delete(typeName);
      const properties = this.type(typeName).labels;
      const parts = [...ids].map((_, start, all) => (start % PER_GET ? null : all.slice(start, start + PER_GET))).filter(Boolean);
      const answers = await Promise.all(parts.map((part) => this.session.call(`${typeName}/get`, { ids: part, properties })));
      return new Map(answers.flatMap((each) => each.list).map((record) => [record.id, record]));
    });
    return this.#wanted.set(typeName, { ids, answer }).get(typeName);
  }
}
