// The list of any type: search, filters, sort, pages, selection, what is done with many, and changes as they come.

import { bulkActions, rowActions } from "./actions.js";
import { attempt, button, el, icon, visible } from "./dom.js";
import { makeFilters } from "./filters.js";
import { Window } from "./query.js";
import { addressOf, render } from "./render.js";

const WAIT = 150; // milliseconds after the last letter
const PLACES = ["First", "Previous", "Next", "Last"];
const GATHER = 120; // changes that come together are one question

/** `<object-list>`: made with a context and a type, lives until it leaves the document. */
export class ObjectList extends HTMLElement {
  #leaving = new AbortController();
  #rows = new Map();
  #selected = new Map();
  #last = null;
  #timer = null;

  static of(context, type) {
    const list = document.createElement("object-list");
    Object.assign(list, { context, type, window: new Window(context, type) });
    if (type.view.sort) list.window.sort = [type.view.sort];
    return list;
  }

  connectedCallback() {
    const { context, type } = this;
    this.filters = makeFilters(context, type, () => this.#ask("first", WAIT));
    const create = context.session.may(type, "Create") && type.view.ways !== null
      ? button(`Create ${type.singular}`, () => this.dispatchEvent(new CustomEvent("create", { bubbles: true, detail: type })), { picture: "plus", text: true, class: "primary" })
      : null;
    this.count = el("p.count", { role: "status" });
    this.bulk = el("div.bulk", { role: "group", "aria-label": "Selection", hidden: true });
    this.body = el("tbody", { onkeydown: (event) => this.#onKey(event), onclick: (event) => this.#onClick(event) });
    this.state = el("div.state");
    this.pager = el("nav.pager", { "aria-label": "Pages" }, PLACES.map((place) => button(`${place} page`, () => this.#turn(place.toLowerCase()), { picture: place.toLowerCase(), name: place.toLowerCase(), class: "quiet" })));
    this.frame = el("div.frame", { role: "region", "aria-label": type.title, tabindex: "0" }, this.#table(), this.state);
    this.replaceChildren(el("header.head", el("h1", { tabindex: "-1" }, type.title), this.count, create), this.filters.element, this.bulk, this.frame, this.pager);
    this.frame.addEventListener("keydown", (event) => this.#onListKey(event));
    context.onChange([type.name, ...this.#referred()], () => this.#ask("stay", GATHER), this.#leaving.signal);
    this.setAttribute("aria-busy", "true");
    this.#ask("first", 0);
  }

  disconnectedCallback() {
    this.#leaving.abort();
    clearTimeout(this.#timer);
  }

  /** Mark the row whose object is shown beside the list. */
  mark(id) {
    this.current = id;
    for (const [each, row] of this.#rows) row.setAttribute("aria-current", String(each === id));
  }

  focusRow(id) {
    (this.#rows.get(id)?.querySelector("a.open") ?? this.querySelector("h1"))?.focus();
  }

  #referred() {
    return this.type.columns.map((name) => this.type.fields.get(name)?.kind.objectName).filter(Boolean);
  }

  // --- asking ---

  /** Ask soon. What others change does not put off a question that waits already, or it might wait for ever. */
  #ask(place, wait) {
    if (place === "stay" && this.#timer) return;
    if (place !== "stay") this.window.begin(place);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(place), wait);
  }

  async #load(place) {
    this.#timer = null;
    this.window.filter = this.filters.value;
    try {
      if (!(await this.window.load())) return;
      this.#show(place);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error) {
    if (error.name === "AbortError" || error.type === "signedOut") return;
    this.removeAttribute("aria-busy");
    if (this.#rows.size && error.type === "offline") return; // the banner says so, and what was read stays
    this.#fill([]);
    const again = button("Try again", () => this.#ask("stay", 0));
    this.state.replaceChildren(...message(error.type === "offline" ? "offline" : "alert", titleOf(error), error.message, again));
    this.count.textContent = "";
  }

  // --- showing ---

  #show(place) {
    const { records, position, total } = this.window;
    this.removeAttribute("aria-busy");
    this.#fill(records);
    this.state.replaceChildren(...(records.length ? [] : this.#empty()));
    const [first, last, all] = [position + 1, position + records.length, total].map((each) => each.toLocaleString());
    this.count.textContent = total > records.length ? `${first}–${last} of ${all}` : `${all} ${total === 1 ? this.type.singular : this.type.plural}`;
    this.#page();
    this.#showBulk();
    if (place !== "stay") this.frame.scrollTop = 0;
  }

  #empty() {
    const { type } = this;
    if (this.filters.value) {
      return message("search", "Nothing matches", `No ${type.singular} is like that.`, button("Clear the filters", () => this.filters.clear()));
    }
    return message("empty", `No ${type.plural} yet`, type.subtitle ? `${type.subtitle}.` : "");
  }

  /** Put the rows of these records into the table, keeping those that are there, and the focus. */
  #fill(records) {
    const focused = this.body.contains(document.activeElement) ? document.activeElement : null;
    const [id, name] = [focused?.closest("tr")?.dataset.id, focused?.dataset.focus];
    const rows = records.map((record) => this.#row(record));
    this.#rows = new Map(records.map((record, index) => [record.id, rows[index]]));
    for (const row of [...this.body.children]) if (!rows.includes(row)) row.remove();
    for (const [index, row] of rows.entries()) {
      if (this.body.children[index] !== row) this.body.insertBefore(row, this.body.children[index] ?? null);
    }
    if (focused && focused !== document.activeElement) {
      const target = this.#rows.get(id)?.querySelector(`[data-focus="${name}"]`) ?? this.body.querySelector("a.open") ?? this.frame;
      target.focus({ preventScroll: true });
    }
  }

  #row(record) {
    const text = JSON.stringify(record);
    const there = this.#rows.get(record.id);
    if (there && there.record === text && !record.expiresAt) return there;
    const row = el("tr", { "data-id": record.id, "aria-current": this.current === record.id && "true", class: there && there.record !== text ? "changed" : null }, this.#cells(record));
    row.record = text;
    if (this.#selected.has(record.id)) this.#selected.set(record.id, record);
    return row;
  }

  #cells(record) {
    const { context, type } = this;
    const label = visible(type.labelOf(record)) || record.id;
    const box = el("input", { type: "checkbox", "data-focus": "select", "aria-label": `Select ${label}` });
    box.checked = this.#selected.has(record.id);
    const cells = type.columns.map((name, index) => {
      const content = index === 0 ? this.#opener(record, name) : render(context, type, name, record, { short: true });
      return el("td", { class: `c-${name}` }, content);
    });
    const actions = rowActions(context, type, record, this);
    return [this.#canSelect && el("td.c-select", box), ...cells, actions.length > 0 && el("td.c-actions", actions)];
  }

  /** Return the cell that opens the object; what names it better than an empty first property stands in for it. */
  #opener(record, name) {
    const { context, type } = this;
    const named = type.fields.get(name)?.kind.type === "utcDateTime" || record[name] ? name : (type.labels.find((each) => record[each]) ?? "id");
    const link = el("a.open", { href: addressOf(type.name, record.id), "data-focus": "open" }, render(context, type, named, record, { short: true, plain: true }));
    link.querySelector("copy-button")?.remove();
    const second = type.columns[1];
    const below = second && record[second] && named !== second && type.fields.get(second)?.kind.type === "string";
    return [link, below && el("span.below.mono", visible(record[second]))];
  }

  #table() {
    const { type } = this;
    const all = el("input", { type: "checkbox", "aria-label": "Select all on this page", onchange: (event) => this.#selectAll(event.target.checked) });
    this.all = all;
    const heads = type.columns.map((name) => this.#heading(name));
    const select = this.#canSelect && el("td.c-select", all);
    return el("table", el("caption.unseen-text", type.title), el("thead", el("tr", select, heads, this.#canAct && el("td.c-actions"))), this.body);
  }

  #heading(name) {
    const { type } = this;
    const label = name === "status" ? "Status" : type.fields.get(name).label;
    const head = el("th", { scope: "col", class: `c-${name}`, "data-name": name }, type.sorts.has(name) ? button(label, () => this.#sort(name), { class: "sort" }) : label);
    head.querySelector("button")?.append(icon("sort"));
    const [sorted] = this.window.sort;
    if (sorted?.property === name) head.setAttribute("aria-sort", sorted.isAscending ? "ascending" : "descending");
    return head;
  }

  /** Sort by a column: up, down, and then as it was. */
  #sort(name) {
    const [sorted] = this.window.sort;
    const next = sorted?.property !== name ? true : sorted.isAscending ? false : null;
    this.window.sort = next === null ? [] : [{ property: name, isAscending: next }];
    for (const head of this.querySelectorAll("th")) head.removeAttribute("aria-sort");
    if (next !== null) this.querySelector(`th[data-name="${name}"]`).setAttribute("aria-sort", next ? "ascending" : "descending");
    this.#ask("first", 0);
  }

  #turn(place) {
    if (this.#can(place)) this.#ask(place, 0);
  }

  #can(place) {
    return place === "first" || place === "previous" ? this.window.hasPrevious : this.window.hasNext;
  }

  /** A button that leads nowhere keeps the focus, and says that it is disabled. */
  #page() {
    for (const each of this.pager.children) each.setAttribute("aria-disabled", String(!this.#can(each.name)));
    this.pager.hidden = !this.window.hasPrevious && !this.window.hasNext;
  }

  // --- selecting ---

  get #canAct() {
    return this.#canSelect || this.context.session.may(this.type, "Update");
  }

  get #canSelect() {
    return bulkActions(this.context, this.type).length > 0;
  }

  #select(id, selected) {
    const record = this.window.records.find((each) => each.id === id);
    if (selected && record) this.#selected.set(id, record);
    else this.#selected.delete(id);
    const box = this.#rows.get(id)?.querySelector("input");
    if (box) box.checked = selected;
  }

  #selectAll(selected) {
    for (const { id } of this.window.records) this.#select(id, selected);
    this.#showBulk();
  }

  /** Select one, or with Shift all from the one before. */
  #toggle(id, selected, far) {
    const ids = this.window.records.map((each) => each.id);
    const [from, to] = [ids.indexOf(far ? (this.#last ?? id) : id), ids.indexOf(id)].sort((a, b) => a - b);
    for (const each of ids.slice(Math.max(from, 0), to + 1)) this.#select(each, selected);
    this.#last = id;
    this.#showBulk();
  }

  clearSelection() {
    for (const id of [...this.#selected.keys()]) this.#select(id, false);
    this.#showBulk();
  }

  #showBulk() {
    const count = this.#selected.size;
    const here = this.window.records.filter((each) => this.#selected.has(each.id)).length;
    this.all.checked = here > 0 && here === this.window.records.length;
    this.all.indeterminate = here > 0 && !this.all.checked;
    const had = this.bulk.contains(document.activeElement);
    this.bulk.hidden = count === 0;
    const actions = bulkActions(this.context, this.type).map(({ label, picture, run, danger }) =>
      button(label, () => this.#run(run), { picture, text: true, class: danger ? "danger" : null }),
    );
    const elsewhere = count > here ? ` (${(count - here).toLocaleString()} not on this page)` : "";
    this.bulk.replaceChildren(el("strong", { role: "status" }, `${count.toLocaleString()} selected${elsewhere}`), ...actions, button("Clear", () => this.clearSelection(), { class: "quiet" }));
    if (had && !count) this.frame.focus();
  }

  async #run(work) {
    const done = await attempt(() => work([...this.#selected.values()]));
    if (done) this.clearSelection();
  }

  // --- keys ---

  #onClick(event) {
    const id = event.target.closest("tr")?.dataset.id;
    if (event.target.matches("td.c-select input")) this.#toggle(id, event.target.checked, event.shiftKey);
    else if (id && !event.target.closest("a, button, input, copy-button") && !String(getSelection())) location.hash = addressOf(this.type.name, id);
  }

  #onKey(event) {
    const row = event.target.closest("tr");
    const rows = [...this.body.children];
    const target = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: rows[0], End: rows.at(-1) }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target) target.querySelector(event.target.matches("input") ? "input" : "a.open")?.focus();
    else if (event.key === " " && event.target.matches("a.open") && this.#canSelect) this.#toggle(row.dataset.id, !this.#selected.has(row.dataset.id), event.shiftKey);
    else if (event.key === "Delete") this.#delete(row);
    else return;
    event.preventDefault();
  }

  #delete(row) {
    const [action] = bulkActions(this.context, this.type).filter((each) => each.danger);
    if (!action) return;
    if (this.#selected.size) this.#run(action.run);
    else attempt(() => action.run(this.window.records.filter((each) => each.id === row.dataset.id)));
  }

  #onListKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { window } = this;
    if (event.key === "/") this.filters.focus();
    else if (event.key === "PageDown") this.#turn("next");
    else if (event.key === "PageUp") this.#turn("previous");
    else if (event.key === "ArrowDown" && event.target === this.frame) this.focusRow(window.records[0]?.id);
    else return;
    event.preventDefault();
  }
}
customElements.define("object-list", ObjectList);

function titleOf(error) {
  return { offline: "No connection", forbidden: "Not allowed", busy: "The server is busy" }[error.type] ?? "It did not work";
}

/** Return what stands where rows would be. */
export function message(picture, title, text, ...actions) {
  return [icon(picture), el("h2", title), text && el("p", visible(text)), ...actions].filter(Boolean);
}

