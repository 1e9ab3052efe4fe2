// Everything about one object, beside the list; it follows what others do to it.

import { rowActions } from "./actions.js";
import { auditTrail, changesOf } from "./audit.js";
import { copyButton, el, emit, fill, iconButton, keepFocus, parts, shown, template } from "./dom.js";
import { makeTester } from "./redirects.js";
import { isNothing, render } from "./render.js";
import { secretsOf } from "./secrets.js";
import { AUDIT, CLIENT, SECRET } from "./views.js";

export class ObjectDetails extends HTMLElement {
  constructor(type, objectId) {
    super();
    Object.assign(this, { type, objectId, opener: document.activeElement, role: "region", ariaLabel: type.singular });
    this.addEventListener("keydown", ({ key, defaultPrevented }) => key === "Escape" && !defaultPrevented && this.#leave());
    const { context, name } = type;
    const isClient = name === CLIENT;
    const others = [
      isClient && context.may(SECRET, "Get", "Query") && secretsOf(context, objectId, () => this.record),
      isClient && makeTester(() => this.record && Object.keys(this.record.redirectUris ?? {})),
      name !== AUDIT && context.may(AUDIT, "Get", "Query") && auditTrail(type, objectId),
    ];
    this.append(template("details"));
    [this.head, this.main, this.parts] = parts(this, ".top", ".body div", ".body div + div");
    fill(this.parts, others);
    context.follow(this, name, () => this.#load());
  }

  #leave() {
    emit(this, "leave", this.objectId);
  }

  async #load() {
    const [record] = await this.type.get([this.objectId]);
    const text = JSON.stringify(record);
    if (record && text === this.seen) return;
    Object.assign(this, { record, seen: text });
    this.parts.hidden = !record;
    keepFocus(this, () => (record ? this.#show() : this.#gone()));
    if (document.activeElement === this.opener) this.querySelector("h2").focus(); // the reader is still there
    this.opener = null;
  }

  #gone() {
    this.#showHead(`There is no such ${this.type.singular}`);
    fill(this.main, template("gone"));
  }

  #showHead(...title) {
    const close = iconButton("Close", "close", () => this.#leave(), { "data-focus": "close" });
    fill(this.head, el("h2", { tabIndex: -1, "data-focus": "title" }, title), close);
  }

  #show() {
    const { type, record } = this;
    const { clientId } = record;
    const isEvent = type.name === AUDIT;
    const title = isEvent ? "Audit event" : type.labelOf(record);
    this.#showHead(shown(title), " ", type.fields.has("expiresAt") && render(type, "status", record));
    if (clientId && clientId !== title) this.head.append(el("p.mono.with-copy", shown(clientId), copyButton(clientId, "Copy client ID")));
    this.head.append(el("div.row", rowActions(type, record, this, true)));
    fill(this.main, type.sections.map((section) => this.#section(section)), isEvent && [el("h3", "Changes"), changesOf(type, record)]);
    this.querySelector("#tested-uri")?.oninput();
    this.main.querySelector("dl").append(el("dt", "ID"), el("dd.mono", record.id));
  }

  /** What has a value is told; of the rest only that it has none. */
  #section({ title, fields }) {
    const { type, record } = this;
    const there = fields.filter(({ name }) => name in record && name !== "changes");
    const { told, empty } = Object.groupBy(there, ({ name }) => (isNothing(record[name]) ? "empty" : "told"));
    const row = ({ name, label, description: title }) => [el("dt", { title }, label), el("dd", { "data-name": name }, render(type, name, record))];
    return told && [el("h3", title), el("dl", told.map(row)), empty && el("p.soft", `Not set: ${empty.map(({ label }) => label).join(", ")}.`)];
  }
}
customElements.define("object-details", ObjectDetails);
