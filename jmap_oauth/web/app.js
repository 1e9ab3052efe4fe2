// The page as a whole: signing in and out, the menu, and which list and object are shown.

import { Context } from "./context.js";
import { ObjectDetails } from "./details.js";
import { choose, showKeys, showOnce } from "./dialogs.js";
import { announce, attempt, button, el, icon, shown } from "./dom.js";
import { openForm } from "./form.js";
import { message, ObjectList } from "./list.js";
import { addressOf } from "./render.js";
import { Session } from "./session.js";
import { MENU } from "./views.js";

const place = document.getElementById("page");

// --- signing in ---

function showSignIn(reason) {
  const form = document.getElementById("sign-in").content.cloneNode(true).querySelector("main");
  const [key, keep] = [form.querySelector("#key"), form.querySelector("#keep")];
  const wrong = form.querySelector(".error");
  wrong.textContent = reason ?? "";
  form.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const submit = event.submitter ?? form.querySelector("button");
    submit.disabled = true;
    wrong.textContent = "";
    const session = await Session.open(key.value.trim(), keep.checked).catch((error) => void (wrong.textContent = error.message));
    submit.disabled = false;
    if (!session) return key.focus();
    key.value = "";
    return start(session);
  });
  place.replaceChildren(form);
  document.title = "Sign in · jmap-oauth";
  key.focus();
}

/** Leave nothing behind: what is on the screen goes, the key is forgotten, and with a new page all of the memory. */
function signOut() {
  Session.forget();
  location.replace(location.pathname);
}

function start(session) {
  const context = new Context(session);
  session.addEventListener("signedout", () => lose(context), { once: true });
  new Shell(context).open();
}

/** The key is good no more: what it could see goes from the screen, and a new one leads back to the same place. */
function lose(context) {
  context.push.close();
  Session.forget();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  showSignIn("The key is not accepted any more: it expired, or was revoked. Sign in with another one.");
}

// --- the page ---

class Shell {
  constructor(context) {
    this.context = context;
    this.types = MENU.map(([name, picture]) => [context.type(name), picture]).filter(([type]) => type && context.session.may(type, "Get"));
  }

  open() {
    const { context } = this;
    this.banner = el("p.banner", { role: "status", hidden: true }, icon("offline"), "No connection to the server. What you see may be old; trying again…");
    this.main = el("main", { id: "main", tabindex: "-1" });
    this.panel = el("div.panel", { hidden: true });
    place.replaceChildren(el("a.skip", { href: "#main", onclick: (event) => (event.preventDefault(), this.main.focus()) }, "Skip to the list"), this.#side(), el("div.work", this.banner, el("div.columns", this.main, this.panel)));
    context.push.addEventListener("offline", () => (this.banner.hidden = false));
    context.push.addEventListener("online", () => (this.banner.hidden = true));
    place.addEventListener("create", ({ detail }) => attempt(() => this.#create(detail)));
    place.addEventListener("edit", ({ detail }) => attempt(() => this.#edit(detail)));
    place.addEventListener("leave", ({ detail }) => this.#leave(detail.id));
    this.show = () => this.#route();
    addEventListener("hashchange", this.show);
    context.session.addEventListener("signedout", () => removeEventListener("hashchange", this.show));
    this.#route();
  }

  #side() {
    const { session } = this.context;
    this.links = this.types.map(([type, picture]) => el("a", { href: addressOf(type.name), "data-type": type.name }, icon(picture), el("span", type.title)));
    const account = Object.values(session.resource.accounts)[0];
    return el(
      "header.side",
      el("p.brand", "jmap-oauth"),
      el("nav", { "aria-label": "Types" }, this.links),
      el("div.who",
        el("p", { title: "The key that is signed in, and whose objects it sees" }, shown(session.name), el("span.soft", shown(account.name))),
        button("Keys", showKeys, { picture: "keyboard", text: true, class: "quiet" }), button("Sign out", signOut, { picture: "leave", text: true, class: "quiet" })),
    );
  }

  // --- places ---

  #route() {
    const [name, id] = location.hash.slice(2).split("/").map(decode);
    const [type] = this.types.find(([each]) => each.name === name) ?? this.types[0] ?? [];
    if (!type) return this.#forbidden();
    if (this.list?.type !== type) this.#list(type);
    this.#details(type, type.name === name ? id : undefined);
    return undefined;
  }

  #list(type) {
    this.list = ObjectList.of(this.context, type);
    this.main.replaceChildren(this.list);
    document.title = `${type.title} · jmap-oauth`;
    for (const link of this.links) {
      if (link.dataset.type === type.name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #details(type, id) {
    if (id === this.shown?.objectId && type === this.shown?.type) return;
    this.shown = id ? ObjectDetails.of(this.context, type, id) : null;
    this.shown?.addEventListener("shown", () => this.shown?.focus(), { once: true });
    this.panel.replaceChildren(...(this.shown ? [this.shown] : []));
    this.panel.hidden = !this.shown;
    this.list.mark(id);
  }

  #leave(id) {
    location.hash = addressOf(this.list.type.name);
    this.#route();
    this.list.focusRow(id);
  }

  #forbidden() {
    const text = "It has none of the permissions to get clients, tenants, keys or audit events.";
    this.main.replaceChildren(el("div.state", message("alert", "This key may see nothing here", text, button("Sign out", signOut))));
  }

  // --- forms ---

  async #create(type) {
    const ways = type.view.ways?.filter((way) => Object.keys(way.values).every((name) => type.fields.has(name))) ?? [];
    const way = ways.length > 1 ? await choose(`Create ${type.singular}`, ways) : (ways[0] ?? {});
    if (!way) return;
    const done = await openForm(this.context, type, { way });
    if (!done) return;
    location.hash = addressOf(type.name, done.id);
    if (done.answer.secret) await showOnce(`The secret of the new ${type.singular}`, done.values.clientId ?? done.values.description ?? "key", done.answer.secret);
  }

  async #edit({ type, id }) {
    const record = await this.context.session.get(type, id);
    if (!record) return announce("It is not there any more.", { error: true });
    const done = await openForm(this.context, type, { record });
    if (done?.answer.secret) await showOnce("The new secret", record.clientId ?? "secret", done.answer.secret);
    return undefined;
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

const kept = Session.keptKey();
if (kept) {
  place.replaceChildren(el("div.state", { role: "status" }, "Signing in…"));
  Session.open(kept, true).then(start, (error) => {
    if (error.type === "signedOut") Session.forget();
    showSignIn(error.message);
  });
} else {
  showSignIn();
}
