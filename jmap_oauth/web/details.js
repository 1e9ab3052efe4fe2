// Everything about one object, beside the list; it follows what others do to it.

import { rowActions } from "./actions.js";
import { auditTrail, changesOf } from "./audit.js";
import { attempt, button, copyButton, el, shown } from "./dom.js";
import { message } from "./list.js";
import { isNothing, reference, render } from "./render.js";
import { makeTester } from "./redirects.js";
import { secretsOf } from "./secrets.js";
import { AUDIT, CLIENT, SECRET } from "./views.js";

/** `<object-details>`: made with a context, a type and an id; emits "leave" when it is closed. */
export class ObjectDetails extends HTMLElement {
  #leaving = new AbortController();
  #seen = null;

  static of(context, type, id) {
    return Object.assign(document.createElement("object-details"), { context, type, objectId: id });
  }

  connectedCallback() {
    const { context, type } = this;
    const { signal } = this.#leaving;
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", type.singular);
    this.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && this.#leave());
    context.onChange([type.name], () => this.#load(), signal);
    this.parts = this.#parts(signal);
    this.main = el("div.properties");
    this.head = el("div.top");
    this.replaceChildren(this.head, el("div.body", { tabindex: "0", role: "group", "aria-label": "Properties" }, this.main, this.parts));
    this.#load();
  }

  disconnectedCallback() {
    this.#leaving.abort();
  }

  #leave() {
    this.dispatchEvent(new CustomEvent("leave", { bubbles: true, detail: { id: this.objectId } }));
  }

  /** Return what belongs to the object beside its properties. */
  #parts(signal) {
    const { context, type, objectId } = this;
    if (type.name === AUDIT) return [];
    const clients = type.name === CLIENT ? [context.may(SECRET, "Get", "Query") && secretsOf(context, objectId, () => this.record, signal)] : [];
    if (type.name === CLIENT) clients.push((this.tester = makeTester(() => Object.keys(this.record?.redirectUris ?? {}))));
    return [...clients, context.may(AUDIT, "Get", "Query") && auditTrail(context, type, objectId, signal)].filter(Boolean);
  }

  async #load() {
    const { context, type, objectId } = this;
    const answer = await attempt(async () => [await context.session.get(type, objectId)]);
    if (!answer || !this.isConnected) return;
    [this.record] = answer;
    if (!this.record) return this.#gone();
    const text = JSON.stringify(this.record);
    if (text !== this.#seen) this.#show();
    this.#seen = text;
    return undefined;
  }

  #gone() {
    const close = button("Close", () => this.#leave());
    this.head.replaceChildren(el("h2", { tabindex: "-1" }, "Not there"), this.#closer());
    this.main.replaceChildren(el("div.state", message("empty", `There is no such ${this.type.singular}`, "It was deleted, or this key may not see it.", close)));
    this.parts.forEach((part) => part.remove());
  }

  #closer() {
    return button("Close", () => this.#leave(), { picture: "close", class: "quiet", "data-focus": "close" });
  }

  #show() {
    const { context, type, record } = this;
    const focus = this.head.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    const status = type.hasStatus && render(context, type, "status", record);
    const title = type.name === AUDIT ? "Audit event" : type.labelOf(record);
    const id = "clientId" in record && record.clientId !== title && el("p.mono.with-copy", shown(record.clientId), copyButton(record.clientId, "Copy client ID"));
    const actions = rowActions(context, type, record, this, { text: true });
    this.head.replaceChildren(el("h2", { tabindex: "-1" }, shown(title), " ", status), this.#closer(), id || "", el("div.row", actions));
    this.head.querySelector(`[data-focus="${focus}"]`)?.focus();
    const sections = type.sections.flatMap((section) => this.#section(section));
    this.main.replaceChildren(...sections, ...(type.name === AUDIT ? [el("h3", "Changes"), changesOf(context, record)] : []));
    this.dispatchEvent(new CustomEvent("shown"));
  }

  /** What has a value is told; of the rest only that it has none. */
  #section({ title, fields }) {
    const { record } = this;
    const there = fields.filter(({ name }) => name in record && name !== "changes");
    const told = there.filter(({ name }) => !isNothing(record[name]));
    const empty = there.filter(({ name }) => isNothing(record[name]));
    if (!told.length) return [];
    const rows = told.map((field) => [el("dt", { title: field.description }, field.label), el("dd", { "data-name": field.name }, this.#value(field))]);
    const rest = empty.length > 0 && el("p.soft", "Not set: ", empty.map(({ label }) => label).join(", "), ".");
    return [el("h3", title), el("dl", rows, el("dt", title === this.type.sections[0].title ? "ID" : null), el("dd.mono", title === this.type.sections[0].title ? record.id : null)), rest || ""];
  }

  #value({ name }) {
    const value = this.record[name];
    if (name === "createdBy" || name === "updatedBy" || name === "actorId") return reference(this.context, "x:ApiKey", value, { id: true });
    return render(this.context, this.type, name, this.record);
  }

  focus() {
    this.querySelector("h2")?.focus();
  }
}
customElements.define("object-details", ObjectDetails);

