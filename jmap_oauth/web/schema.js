// The declared types, as the server describes them, and what only this page has to add: columns, groups, presets.

import { isPast } from "./time.js";
import { VIEWS } from "./views.js";

/** A property of a type: `kind` is its type in the words of the schema document, `update` who may set it and when. */
class Field {
  constructor(name, { description, type, update }, label, initial) {
    Object.assign(this, { name, description, kind: type, update, label, initial });
  }

  get isSecret() {
    return this.kind.format === "secret";
  }

  get isWritable() {
    return this.update !== "serverSet";
  }
}

/** A type of objects: its fields by name, how they are grouped, listed, filtered and sorted. */
class Type {
  constructor(name, schema) {
    const { fields, forms, lists, objects } = schema;
    Object.assign(this, { name, permission: objects[name].permissionPrefix, view: VIEWS[name] ?? {} });
    const { title, singularName, pluralName, subtitle, labelProperty, filters = [], sort = [], columns = [] } = lists[name];
    Object.assign(this, { title, subtitle, singular: singularName, plural: pluralName, filters, sorts: new Set(sort) });
    const { properties, defaults = {} } = fields[name];
    const labels = labelsOf(forms[name], columns);
    this.fields = new Map(
      Object.entries(properties).map(([key, about]) => [key, new Field(key, about, labels.get(key) ?? wordsOf(key), defaults[key])]),
    );
    this.sections = this.#sections(forms[name]?.sections ?? []);
    this.columns = (this.view.columns ?? columns.map((each) => each.name)).filter((each) => each === "status" ? this.hasStatus : this.fields.has(each));
    this.labels = [...(this.view.labels ?? []), labelProperty, "id"].filter(Boolean);
  }

  /** Every field in the first section that names it: those of the view come first, then those of the forms. */
  #sections(forms) {
    const left = new Set(this.fields.keys());
    const named = [...(this.view.sections ?? []), ...forms.map(({ title, fields }) => [title, fields.map((each) => each.name)]), ["Other", [...left]]];
    const sections = new Map(named.map(([title]) => [title, []]));
    for (const [title, names] of named) sections.get(title).push(...names.filter((each) => left.delete(each)).map((each) => this.fields.get(each)));
    return [...sections].map(([title, fields]) => ({ title, fields })).filter((each) => each.fields.length);
  }

  get hasStatus() {
    return this.fields.has("expiresAt") || this.fields.has("isEnabled");
  }

  /** Return the names of the properties that a row of the list needs. */
  get listed() {
    const needed = [...this.columns, ...this.labels, "isEnabled", "isProtected", "expiresAt", "notBefore", "description"];
    return [...new Set(["id", ...needed.filter((each) => this.fields.has(each))])];
  }

  labelOf(record) {
    return this.labels.map((each) => record[each]).find(Boolean) ?? "";
  }

  statusOf(record) {
    if (record.isEnabled === false) return "disabled";
    if (isPast(record.expiresAt)) return "expired";
    return record.notBefore && !isPast(record.notBefore) ? "pending" : "active";
  }
}

/** All types by name, and the enums by name: lists of {name, label}. */
export class Schema {
  constructor(document) {
    const schema = merged(document, document.metadata ?? {});
    this.enums = schema.enums ?? {};
    this.types = new Map(Object.keys(schema.objects).filter((name) => schema.lists[name]).map((name) => [name, new Type(name, schema)]));
  }

  labelOf(enumName, value) {
    return this.enums[enumName]?.find((each) => each.name === value)?.label ?? value;
  }
}

/** Return a document with what another adds: lists are joined, and the later one of two members of a name stays. */
function merged(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) return joined(one, other);
  if (!isObject(one) || !isObject(other)) return other;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, name in one && name in other ? merged(one[name], other[name]) : (one[name] ?? other[name])]));
}

const keyOf = (item) => item?.field ?? item?.name ?? item?.title ?? item;

function joined(one, other) {
  const items = new Map(one.map((item) => [keyOf(item), item]));
  for (const item of other) items.set(keyOf(item), isObject(item) && items.has(keyOf(item)) ? merged(items.get(keyOf(item)), item) : item);
  return [...items.values()];
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function labelsOf(form, columns) {
  const fields = (form?.sections ?? []).flatMap((section) => section.fields);
  return new Map([...columns, ...fields].map(({ name, label }) => [name, label]));
}

/** Make "Refresh token lifespan" of refreshTokenLifespan, for what no form names. */
function wordsOf(name) {
  const words = name.replace(/([A-Z])/g, " $1").toLowerCase().trim();
  return words[0].toUpperCase() + words.slice(1);
}
