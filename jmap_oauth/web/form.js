// Forms for any type, made from its declaration: values are checked while they are typed, and what the server refuses
// is said at the field that it is about.

import { reasonOf } from "./actions.js";
import { makeControl } from "./controls.js";
import { confirm, openDialog } from "./dialogs.js";
import { announce, button, el, visible } from "./dom.js";
import { isNothing } from "./render.js";
import { SECRET } from "./views.js";

let count = 0;

/** A field with its control, its words and its fault. */
class Row {
  constructor(context, type, field) {
    this.field = field;
    this.control = makeControl(context, type, field);
    this.touched = false;
    const id = `field-${count++}`;
    const { node, input, isGroup, isFlag } = this.control;
    const mark = this.isRequired ? el("span.required", " required") : null;
    input.id = id;
    this.hint = el("p.hint", { id: `${id}-hint` }, field.description, ".");
    this.error = el("p.error", { id: `${id}-error` });
    const label = el(isGroup ? "legend" : "label", isGroup ? null : { for: id }, field.label, mark);
    const parts = isFlag ? [el("span.row", node, label)] : [label, node];
    const attributes = { class: "field", "data-name": field.name };
    if (this.control.check !== undefined) input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
    if (this.isRequired && !isGroup) input.setAttribute("aria-required", "true");
    this.element = el(isGroup ? "fieldset" : "div", attributes, parts, this.hint, this.error);
    this.element.addEventListener("input", () => this.#check());
    this.element.addEventListener("focusout", () => ((this.touched ||= !isNothing(this.control.get())), this.#check()));
  }

  get isRequired() {
    const { kind, initial } = this.field;
    return !kind.nullable && initial === undefined && ["string", "utcDateTime", "objectId"].includes(kind.type);
  }

  /** Return what is wrong, or null. */
  get fault() {
    const missing = this.isRequired && isNothing(this.control.get());
    return this.control.check() ?? (missing ? "This is needed." : null);
  }

  #check() {
    if (this.touched || this.error.textContent || this.control.check()) this.tell(this.fault);
  }

  tell(fault) {
    this.error.textContent = fault ?? "";
    this.element.classList.toggle("wrong", Boolean(fault));
    if (fault) this.control.input.setAttribute("aria-invalid", "true");
    else this.control.input.removeAttribute("aria-invalid");
  }

  focus() {
    this.element.closest("details")?.setAttribute("open", "");
    this.control.input.focus();
  }
}

/** Return a pointer into an object, of a property and a member of it (RFC 6901). */
const pointer = (...names) => names.map((name) => name.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");

/** Return the patch that makes one value of another: of a set only the members that changed, so that others' stay. */
function patchOf(field, before, after) {
  if (JSON.stringify(before ?? null) === JSON.stringify(after ?? null)) return {};
  if (field.kind.type !== "set") return { [field.name]: after };
  const [had, has] = [before ?? {}, after ?? {}];
  const added = Object.keys(has).filter((each) => !(each in had)).map((each) => [pointer(field.name, each), true]);
  const removed = Object.keys(had).filter((each) => !(each in has)).map((each) => [pointer(field.name, each), null]);
  return Object.fromEntries([...added, ...removed]);
}

/**
 * Open a form. Without a `record` it creates an object, `way` says how; else it changes that one.
 * Resolves to {id, answer} when it is done, to null when it was left.
 */
export function openForm(context, type, { record = null, way = {} } = {}) {
  return new Promise((resolve) => new Form(context, type, record, way, resolve).open());
}

class Form {
  constructor(context, type, record, way, resolve) {
    Object.assign(this, { context, type, record, way, resolve });
    const has = (field) => (record ? field.update === "mutable" && !(field.isSecret && context.type(SECRET)) : field.isWritable) && this.#isKnown(field);
    this.rows = type.sections.map(({ title, fields }) => [title, fields.filter(has).map((field) => new Row(context, type, field))]);
    this.all = this.rows.flatMap(([, rows]) => rows);
    this.initial = record ?? this.#proposed();
    for (const row of this.all) row.control.set(this.initial[row.field.name] ?? row.field.initial ?? null);
    this.before = this.#values();
  }

  /** A reference that this key cannot look up cannot be chosen either. */
  #isKnown({ kind }) {
    return kind.type !== "objectId" || (this.context.session.isGlobal && this.context.may(kind.objectName, "Get", "Query"));
  }

  #proposed() {
    const { prefix, values = {} } = this.way;
    return prefix ? { ...values, clientId: proposeId(values.clientName ?? prefix) } : values;
  }

  #values() {
    return Object.fromEntries(this.all.map((row) => [row.field.name, row.control.get()]));
  }

  open() {
    const title = this.record ? `Edit ${visible(this.type.labelOf(this.record))}` : `Create ${this.type.singular}${this.way.name ? `: ${this.way.name}` : ""}`;
    this.summary = el("div.summary", { role: "alert" });
    this.submit = button(this.record ? "Save" : "Create", () => this.#send(), { class: "primary", type: "submit" });
    const cancel = button("Cancel", () => this.#leave());
    const form = el("form", { novalidate: true, onsubmit: (event) => event.preventDefault() }, el("div.body", this.summary, this.#sections()), el("footer", cancel, this.submit));
    this.dialog = openDialog(title, form, { kind: "sheet", leave: () => this.#mayLeave() });
    this.dialog.addEventListener("close", () => this.resolve(this.done ?? null));
    form.addEventListener("input", (event) => this.#follow(event));
    this.all[0]?.control.input.focus();
  }

  /** The first groups are open; of a preset, what it leaves to choose stands by itself, and the rest behind it. */
  #sections() {
    const chosen = this.way.shown?.map((name) => this.all.find((row) => row.field.name === name)).filter(Boolean);
    const first = chosen && el("fieldset.group", el("legend", this.way.name), chosen.map((row) => row.element));
    const rest = this.rows.map(([title, rows]) => [title, rows.filter((row) => !chosen?.includes(row))]).filter(([, rows]) => rows.length);
    if (rest.length === 1 && !first) return rest[0][1].map((row) => row.element);
    const groups = rest.map(([title, rows], index) =>
      el("details.group", { open: !chosen && index < 3 }, el("summary", el("h3", title)), rows.map((row) => row.element)),
    );
    return [first, ...groups];
  }

  /** Propose the client ID from the name, until one was written. */
  #follow(event) {
    const name = event.target.closest(".field")?.dataset.name;
    if (name === "clientId") this.ownId = true;
    if (name !== "clientName" || this.record || this.ownId || !this.way.prefix) return;
    const row = (each) => this.all.find(({ field }) => field.name === each);
    row("clientId").control.set(proposeId(row("clientName").control.get() || this.way.prefix, this.initial.clientId));
  }

  get #patch() {
    const now = this.#values();
    return Object.assign({}, ...this.all.map(({ field }) => patchOf(field, this.before[field.name], now[field.name])));
  }

  /** What a new object is made of: what is the default anyway is left to the server, which may have better reasons. */
  get #given() {
    const preset = this.way.values ?? {};
    const isChosen = ({ name, initial }, value) => name in preset || !(isNothing(value) || JSON.stringify(value) === JSON.stringify(initial));
    const pairs = this.all.map(({ field, control }) => [field, control.get()]);
    return Object.fromEntries(pairs.filter(([field, value]) => isChosen(field, value)).map(([field, value]) => [field.name, value]));
  }

  async #mayLeave() {
    const changed = this.done || this.sending ? 0 : Object.keys(this.#patch).length;
    return !changed || confirm("Leave the form?", "What you wrote is not saved.", "Leave", { danger: true });
  }

  async #leave() {
    if (await this.#mayLeave()) this.dialog.close();
  }

  async #send() {
    for (const row of this.all) row.tell(row.fault);
    const wrong = this.all.find((row) => row.fault);
    if (wrong) return this.#tell("Some values are not right yet.", wrong);
    if (this.record && !Object.keys(this.#patch).length) return this.dialog.close();
    this.submit.disabled = true;
    try {
      await this.#set();
    } catch (error) {
      this.#tell(error.message);
    }
    this.submit.disabled = false;
    return undefined;
  }

  async #set() {
    const { context, type, record } = this;
    const changes = record ? { update: { [record.id]: this.#patch } } : { create: { new: this.#given } };
    const answer = await context.session.set(type, changes);
    const error = answer.notCreated?.new ?? answer.notUpdated?.[record?.id];
    if (error) return this.#refused(error);
    const created = answer.created?.new;
    this.done = { id: record?.id ?? created.id, answer: created ?? answer.updated[record.id] ?? {}, values: this.#values() };
    announce(`${record ? "Saved" : "Created"}.`);
    this.dialog.close();
    return undefined;
  }

  /** Put what a SetError says where it belongs. */
  #refused(error) {
    const reasons = new Map((error.properties ?? []).map((path) => [path.split("/")[0], reasonOf(error)]));
    for (const { property, type, value } of error.validationErrors ?? []) {
      reasons.set(property.split("/")[0], value ? `It ${value}.` : type === "Required" ? "This is needed." : reasonOf(error));
    }
    const rows = this.all.filter((row) => reasons.has(row.field.name));
    for (const row of rows) row.tell(reasons.get(row.field.name));
    const elsewhere = [...reasons].filter(([name]) => !rows.some((row) => row.field.name === name)).map(([name, why]) => `${name}: ${why}`);
    this.#tell([rows.length ? "The server refused some values." : reasonOf(error), ...elsewhere].join(" "), rows[0]);
  }

  #tell(text, row) {
    this.summary.replaceChildren(el("p", visible(text)));
    this.summary.scrollIntoView({ block: "nearest" });
    row?.focus();
  }
}

/** Make a client ID of a name: its letters and digits, and some at random, the same ones again for the same form. */
function proposeId(name, before = "") {
  const letters = name.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40);
  const random = before.split("-").at(-1) || Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => "abcdefghijkmnpqrstuvwxyz23456789"[byte % 32]).join("");
  return `${letters || "client"}-${random}`;
}

