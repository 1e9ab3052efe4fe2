// The types, as the server declares them and the views add to.

import { isPast } from "./time.js";
import { VIEWS } from "./views.js";

class Type {
  constructor(context, name, { fields, forms, lists, objects }) {
    const { title, subtitle, singularName: singular, pluralName: plural, labelProperty, filters, sort, columns } = lists[name];
    const { properties, defaults = {} } = fields[name];
    const { sections } = forms[name];
    const view = VIEWS[name] ?? {};
    Object.assign(this, { context, name, title, subtitle, singular, plural, filters, view, sorts: new Set(sort) });
    this.permission = objects[name].permissionPrefix;
    const labels = new Map([...columns, ...sections.flatMap((each) => each.fields)].map((each) => [each.name, each.label]));
    const field = ([key, { type: kind, ...about }]) =>
      [key, { ...about, name: key, kind, label: labels.get(key), initial: defaults[key], isSecret: kind.format === "secret" }];
    this.fields = new Map(Object.entries(properties).map(field));
    this.sections = this.#grouped(sections);
    const known = (names) => [...new Set(names)].filter((each) => this.fields.has(each) || each === "status" || each === "id");
    this.columns = known(view.columns ?? columns.map((each) => each.name));
    this.labels = known([...(view.labels ?? []), labelProperty, "id"]);
    this.listed = known(["id", ...this.columns, ...this.labels, "isEnabled", "isProtected", "expiresAt"]).filter((each) => each !== "status");
  }

  /** Every field is in the first section that the view, or else a form, puts it into. */
  #grouped(sections) {
    const left = new Map(this.fields);
    const take = (names) => names.filter((name) => left.delete(name)).map((name) => this.fields.get(name));
    const groups = new Map(sections.map(({ title }) => [title, take(this.view.sections?.[title] ?? [])]));
    for (const { title, fields } of sections) groups.get(title).push(...take(fields.map(({ name }) => name)));
    return [...groups].map(([title, fields]) => ({ title, fields })).filter(({ fields }) => fields.length);
  }

  labelOf(record) {
    return this.labels.map((name) => record[name]).find(Boolean);
  }

  statusOf({ isEnabled, expiresAt, notBefore }) {
    if (isEnabled === false) return "disabled";
    if (isPast(expiresAt)) return "expired";
    return notBefore && !isPast(notBefore) ? "pending" : "active";
  }

  may(...actions) {
    return actions.every((action) => this.context.session.permissions.includes(this.permission + action));
  }

  /** Query and get in one request; `properties` is null for all. */
  async find(question, properties, signal) {
    const { name, context } = this;
    const ids = { resultOf: "0", name: `${name}/query`, path: "/ids" };
    const calls = [[ids.name, question], [`${name}/get`, { "#ids": ids, properties }]];
    return Object.assign({}, ...(await context.session.call(calls, signal)));
  }

  async #call(method, given, signal) {
    return (await this.context.session.call([[`${this.name}/${method}`, given]], signal))[0];
  }

  async count(filter, signal) {
    return (await this.#call("query", { filter, limit: 0, calculateTotal: true }, signal)).total;
  }

  async get(ids, properties = null) {
    return (await this.#call("get", { ids, properties })).list;
  }

  set(changes) {
    return this.#call("set", changes);
  }
}

export function readSchema(context, { metadata, ...base }) {
  const schema = merged(metadata, base);
  const types = new Map(Object.keys(schema.objects).map((name) => [name, new Type(context, name, schema)]));
  return { types, enums: schema.enums };
}

function merged(one, other) {
  if (Array.isArray(one)) return [...one, ...other];
  if (typeof one !== "object") return other;
  const common = Object.keys(other).filter((name) => name in one);
  return { ...one, ...other, ...Object.fromEntries(common.map((name) => [name, merged(one[name], other[name])])) };
}
