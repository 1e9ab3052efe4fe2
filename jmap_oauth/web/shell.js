// The page of a session: the menu, and which list and object are shown.

import { Context } from "./context.js";
import { ObjectDetails } from "./details.js";
import { choose, showKeys, showOnce } from "./dialogs.js";
import { announce, el, fill, parts, shown, template } from "./dom.js";
import { openForm } from "./form.js";
import { ObjectList } from "./list.js";
import { addressOf } from "./render.js";

export class Shell extends HTMLElement {
  constructor(session, leave) {
    super();
    const context = new Context(session);
    this.append(template("shell"));
    const [skip, nav, who, keys, out, banner, main, panel] = parts(this, ".skip", "nav", ".who p", ".show-keys", ".leave", ".banner", "main", ".panel");
    Object.assign(this, { main, panel, nav });
    for (const link of nav.children) link.hidden = !context.may(link.hash.slice(2), "Get");
    this.types = [...nav.children].filter((link) => !link.hidden).map((link) => context.types.get(link.hash.slice(2)));
    fill(who, shown(session.username), el("span.soft", shown(session.account.name)));
    skip.onclick = (event) => (event.preventDefault(), main.focus());
    keys.onclick = showKeys;
    out.onclick = leave;
    context.push.addEventListener("offline", () => (banner.hidden = false));
    context.push.addEventListener("online", () => (banner.hidden = true));
    this.addEventListener("create", ({ detail }) => this.#create(detail));
    this.addEventListener("edit", ({ detail }) => this.#edit(detail));
    this.addEventListener("leave", ({ detail }) => this.#close(detail));
  }

  connectedCallback() {
    window.onhashchange = () => this.#route();
    this.#route();
  }

  disconnectedCallback() {
    window.onhashchange = null;
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  }

  #route() {
    const [name, id] = location.hash.slice(2).split("/");
    const type = this.types.find((each) => each.name === name) ?? this.types[0];
    if (!type) return fill(this.main, template("forbidden"));
    if (this.list?.type !== type) this.#showList(type);
    if (id === this.objectId) return;
    this.objectId = id;
    this.list.mark(id);
    this.panel.hidden = !id;
    fill(this.panel, id && new ObjectDetails(type, id));
  }

  #showList(type) {
    this.list = new ObjectList(type);
    fill(this.main, this.list);
    document.title = `${type.title} · jmap-oauth`;
    for (const link of this.nav.children) link.ariaCurrent = link.hash === addressOf(type.name) ? "page" : null;
  }

  #close(id) {
    location.hash = addressOf(this.list.type.name);
    this.list.focusRow(id);
  }

  async #create(type) {
    const ways = (type.view.ways ?? [{}]).filter(({ values = {} }) => Object.keys(values).every((name) => type.fields.has(name)));
    const way = ways.length > 1 ? await choose(`Create ${type.singular}`, ways) : ways[0];
    if (way) await this.#write(type, { way });
  }

  async #edit({ type, id }) {
    const [record] = await type.get([id]);
    if (!this.isConnected || document.querySelector("dialog")) return; // the reader went on
    if (record) await this.#write(type, { record });
    else announce("It is not there any more.", true);
  }

  async #write(type, options) {
    const done = await openForm(type, options);
    if (!done) return;
    const { id, answer, values } = done;
    if (options.way) location.hash = addressOf(type.name, id);
    const title = options.way ? `The secret of the new ${type.singular}` : "The new secret";
    if (answer.secret) await showOnce(title, values.clientId ?? values.description ?? "key", answer.secret);
  }
}
customElements.define("admin-shell", Shell);
