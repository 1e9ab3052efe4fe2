// What all parts of the page share.

import { emit } from "./dom.js";
import { Push } from "./push.js";
import { readSchema } from "./schema.js";

/** Emits "change", with a set of type names, when anybody changed something. */
export class Context extends EventTarget {
  #names = {};
  #wanted = {};

  constructor(session) {
    super();
    const push = new Push(session);
    Object.assign(this, { session, push }, readSchema(this, session.schema));
    push.addEventListener("change", ({ detail }) => this.#changed(detail));
    push.addEventListener("online", () => this.#changed(new Set(this.types.keys())));
  }

  may(typeName, ...actions) {
    return this.types.get(typeName)?.may(...actions) ?? false;
  }

  labelOf(enumName, value) {
    return this.enums[enumName].find(({ name }) => name === value)?.label ?? value;
  }

  #changed(types) {
    for (const name of types) delete this.#names[name];
    emit(this, "change", types);
  }

  onChange(element, typeNames, work) {
    const ending = new AbortController();
    const hear = ({ detail }) => (element.isConnected ? typeNames.some((name) => detail.has(name)) && work() : ending.abort());
    this.addEventListener("change", hear, ending);
  }

  /** Resolve to the name of an object, or to its id. What is asked for in one turn is one call. */
  nameOf(typeName, id) {
    const names = (this.#names[typeName] ??= {});
    return (names[id] ??= this.#load(typeName, id));
  }

  async #load(typeName, id) {
    if (!this.may(typeName, "Get")) return id;
    const type = this.types.get(typeName);
    const wanted = (this.#wanted[typeName] ??= { ids: [], answer: Promise.resolve().then(() => this.#ask(type)) });
    wanted.ids.push(id);
    const record = (await wanted.answer).find((each) => each.id === id);
    return record ? type.labelOf(record) : id;
  }

  #ask(type) {
    const { ids } = this.#wanted[type.name];
    delete this.#wanted[type.name];
    return type.get(ids, type.labels).catch(() => []);
  }
}
