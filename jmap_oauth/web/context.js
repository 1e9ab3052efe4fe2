// What all parts of the page share.

import { emit, inTurn } from "./dom.js";
import { Push } from "./push.js";
import { readSchema } from "./schema.js";
import { offered } from "./views.js";

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

  /** Values with their labels: of an enum, or offered for a property. */
  options(enumName, property) {
    return this.enums[enumName]?.map(({ name, label }) => [name, label]) ?? offered(property);
  }

  #changed(types) {
    for (const name of types) delete this.#names[name];
    emit(this, "change", types);
  }

  /** Do `work` now, and again after each change while the element is there; return what does it again. */
  follow(element, typeName, work) {
    const again = inTurn(work);
    const ending = new AbortController();
    const hear = ({ detail }) => (element.isConnected ? detail.has(typeName) && again() : ending.abort());
    this.addEventListener("change", hear, ending);
    again();
    return again;
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
