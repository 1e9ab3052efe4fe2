// Forms for any type, made from its declaration.

import { reasonOf } from "./actions.js";
import { makeControl } from "./controls.js";
import { confirm, openDialog } from "./dialogs.js";
import { announce, button, el, emit, fill, visible } from "./dom.js";
import { isNothing } from "./render.js";
import { SECRET } from "./views.js";

const NEEDED = "This is needed.";
let count = 0;

function makeRow(type, field) {
  const { name, label, description, kind, initial } = field;
  const control = makeControl(type, field);
  const { node, input, isGroup, isFlag } = control;
  const id = (input.id = `field-${count++}`);
  const isRequired = !kind.nullable && initial === undefined && kind.type === "string";
  const error = el("p.error", { id: `${id}-error` });
  const fault = () => control.check() || (isRequired && isNothing(control.get()) && NEEDED) || null;
  function tell(words) {
    error.textContent = words;
    input.ariaInvalid = words && "true";
  }
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  if (isRequired) input.ariaRequired = "true";
  const naming = el(isGroup ? "legend" : "label", { htmlFor: !isGroup && id }, label, isRequired && el("span.required", " required"));
  const parts = [isFlag ? el("span.row", node, naming) : [naming, node], el("p.hint", { id: `${id}-hint` }, `${description}.`), error];
  const element = el(isGroup ? "fieldset.field" : "div.field", { "data-name": name, oninput: () => tell(fault()) }, parts);
  return { ...control, field, element, fault, tell };
}

/** Return a patch: of a set only the members that changed, so that others' stay. */
function patchOf({ name, kind }, before, after) {
  if (kind.type !== "set") return { [name]: after };
  const [had, has] = [before ?? {}, after ?? {}];
  const changed = Object.keys({ ...had, ...has }).filter((each) => !(each in had && each in has));
  const pointer = (member) => `${name}/${member.replaceAll("~", "~0").replaceAll("/", "~1")}`; // RFC 6901
  return Object.fromEntries(changed.map((each) => [pointer(each), each in has || null]));
}

/** Change a `record`, or create one in a `way`. Resolves to {id, answer, values}, or to undefined. */
export function openForm(type, { record, way = {} }) {
  return new Promise((resolve) => new Form(type, record, way).open(resolve));
}

class Form {
  constructor(type, record, way) {
    const proposed = type.fields.has("clientId") && { clientId: proposeId(way.values?.clientName ?? "client") };
    Object.assign(this, { type, record, way, initial: record ?? { ...way.values, ...proposed } });
    const rowsOf = (fields) => fields.filter((field) => this.#has(field)).map((field) => makeRow(type, field));
    this.sections = type.sections.map(({ title, fields }) => [title, rowsOf(fields)]);
    this.rows = new Map(this.sections.flatMap(([, rows]) => rows.map((row) => [row.field.name, row])));
    for (const [name, { set, field }] of this.rows) set(this.initial[name] ?? field.initial ?? null);
    this.before = this.#values;
  }

  /** What this key cannot look up cannot be chosen either; secrets that are objects are changed there. */
  #has({ kind, update, isSecret }) {
    const { session, types } = this.type.context;
    if (this.record ? update !== "mutable" || (isSecret && types.has(SECRET)) : update === "serverSet") return false;
    return kind.type !== "objectId" || (session.isGlobal && types.get(kind.objectName).may("Get", "Query"));
  }

  get #values() {
    return Object.fromEntries([...this.rows].map(([name, { get }]) => [name, get()]));
  }

  get #changed() {
    return Object.entries(this.#values).filter(([name, value]) => JSON.stringify(value ?? null) !== JSON.stringify(this.before[name] ?? null));
  }

  open(resolve) {
    const { type, record, way } = this;
    const title = record ? `Edit ${visible(type.labelOf(record))}` : `Create ${type.singular}${way.name ? `: ${way.name}` : ""}`;
    this.summary = el("div.summary", { role: "alert" });
    this.submit = el("button.primary", record ? "Save" : "Create");
    const cancel = button("Cancel", () => emit(this.dialog, "cancel"));
    const properties = { noValidate: true, onsubmit: (event) => this.#send(event), oninput: (event) => this.#follow(event) };
    const form = el("form", properties, el("div.body", this.summary, this.#groups()), el("footer", cancel, this.submit));
    const leave = () => !this.#changed.length || confirm("Leave the form?", "What you wrote is not saved.", "Leave");
    this.dialog = openDialog(title, form, { className: "sheet", leave });
    this.dialog.addEventListener("close", () => resolve(this.done));
    form.querySelector(".field :is(input, textarea)").focus();
  }

  /** What a preset leaves to choose comes first; without one the first groups are open. */
  #groups() {
    const chosen = this.way.shown?.map((name) => this.rows.get(name)).filter(Boolean) ?? [];
    const rest = this.sections.map(([title, rows]) => [title, rows.filter((row) => !chosen.includes(row))]).filter(([, rows]) => rows.length);
    const elements = (rows) => rows.map(({ element }) => element);
    const group = ([title, rows], index) => el("details.group", { open: !chosen.length && index < 3 }, el("summary", el("h3", title)), elements(rows));
    if (rest.length === 1) return elements(rest[0][1]);
    return [chosen.length > 0 && el("fieldset.group", el("legend", this.way.name), elements(chosen)), rest.map(group)];
  }

  /** Propose a client ID, until one was written. */
  #follow({ target }) {
    const { name } = target.closest(".field").dataset;
    if (name === "clientId") this.ownId = true;
    if (name !== "clientName" || this.record || this.ownId) return;
    this.rows.get("clientId").set(proposeId(target.value, this.initial.clientId));
  }

  async #send(event) {
    event.preventDefault();
    this.submit.disabled = true;
    await this.#trySend().catch((error) => this.#tell(error.message));
    this.submit.disabled = false;
  }

  async #trySend() {
    const rows = [...this.rows.values()];
    await Promise.all(rows.map(({ settle }) => settle?.()));
    if (!this.dialog.open) return; // left meanwhile
    for (const { tell, fault } of rows) tell(fault());
    const wrong = rows.find(({ fault }) => fault());
    if (wrong) return this.#tell("Some values are not right yet.", wrong);
    if (this.record && !this.#changed.length) return this.dialog.close();
    await this.#set();
  }

  /** Send what was changed; of a new object what nobody touched is left to the server. */
  async #set() {
    const { type, record, rows, before, initial } = this;
    const patches = this.#changed.map(([name, value]) => patchOf(rows.get(name).field, before[name], value));
    const created = { new: { ...initial, ...Object.fromEntries(this.#changed) } };
    this.dialog.isSent = true;
    const sending = type.set(record ? { update: { [record.id]: Object.assign({}, ...patches) } } : { create: created });
    const answers = await sending.finally(() => (this.dialog.isSent = false));
    const [error] = Object.values({ ...answers.notCreated, ...answers.notUpdated });
    if (error) return this.#refused(error);
    const answer = answers.created?.new ?? answers.updated[record.id] ?? {};
    this.done = { id: record?.id ?? answer.id, answer, values: this.#values };
    this.dialog.close();
    announce(record ? "Saved." : "Created.");
  }

  #refused(error) {
    const { properties = [], validationErrors = properties.map((property) => ({ property })) } = error;
    const rows = validationErrors.map(({ property }) => this.rows.get(property.split("/")[0]));
    validationErrors.forEach(({ type, value }, index) => rows[index]?.tell(value ? `It ${value}.` : type ? NEEDED : reasonOf(error)));
    this.#tell(rows.length && rows.every(Boolean) ? "The server refused some values." : reasonOf(error), rows.find(Boolean));
  }

  #tell(text, row) {
    fill(this.summary, el("p", visible(text))).scrollIntoView({ block: "nearest" });
    row?.element.closest("details")?.setAttribute("open", "");
    row?.input.focus();
  }
}

function proposeId(name, before = "") {
  const letters = name.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40);
  return `${letters || "client"}-${before.split("-").at(-1) || Math.random().toString(36).slice(2, 8)}`;
}
