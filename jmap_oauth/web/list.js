// The list of any type, with changes as they come.

import { bulkActions, rowActions } from "./actions.js";
import { announce, button, el, emit, fill, icon, notice, parts, showAll, template, visible } from "./dom.js";
import { makeFilters } from "./filters.js";
import { addressOf, render } from "./render.js";

const WAIT = 150; // milliseconds after the last letter
const PAGE = 50;
const FIRST = { position: 0 };
const TITLES = { offline: "No connection", forbidden: "Not allowed" };

/** One page of what a query finds, held at its first row, so that it stays while rows come and go. */
class Window {
  records = [];
  position = 0;
  #start = FIRST;
  sort = [];
  #asking = new AbortController();

  constructor(type) {
    this.type = type;
  }

  get turns() {
    const { records, position, more } = this;
    return {
      first: position > 0 && FIRST,
      previous: position > PAGE ? { anchor: records[0]?.id, anchorOffset: -PAGE } : position > 0 && FIRST,
      next: more && { anchor: records.at(-1).id, anchorOffset: 1 },
      last: more && { position: -PAGE },
    };
  }

  /** Go elsewhere: what was asked before is not wanted any more. */
  begin(start) {
    this.#asking.abort();
    this.#asking = new AbortController();
    this.#start = start;
    this.hasMoved = true;
  }

  async load() {
    const { signal } = this.#asking;
    const answer = await this.#ask(this.#start, signal).catch((error) => {
      if (error.type !== "anchorNotFound") throw error;
      return this.#ask({ position: this.position }, signal);
    });
    const { position, list } = answer;
    const records = list.slice(0, PAGE);
    Object.assign(this, { position, records, more: list.length > PAGE });
    this.#start = position > 0 && records.length ? { anchor: records[0].id, anchorOffset: 0 } : FIRST;
  }

  #ask(start, signal) {
    const { type, filter, sort } = this;
    return type.find({ filter, sort, ...start, limit: PAGE + 1 }, type.listed, signal);
  }

  /** Count what matches. Among a million that takes 20 times as long as the rows, which do not wait for it. */
  async count() {
    const { type, filter, position, records, more } = this;
    this.total = position || more ? await type.count(filter, this.#asking.signal) : records.length;
  }
}

export class ObjectList extends HTMLElement {
  #rows = new Map();
  #selected = new Map();
  #last;
  #timer;
  #again;

  constructor(type) {
    super();
    this.append(template("list"));
    const [head, title, count, bulk, chosen, clear, frame, heads, body, state, pager] = parts(this, ".head", "h1", ".count", ".bulk", "strong", ".quiet", ".frame", "thead tr", "tbody", ".state", ".pager");
    Object.assign(this, { type, count, bulk, chosen, frame, body, state, pager, actions: bulkActions(type), window: new Window(type) });
    this.canAct = this.actions.length > 0 || type.may("Update");
    this.filters = makeFilters(type, () => this.#ask(FIRST, WAIT));
    title.textContent = frame.ariaLabel = type.title;
    if (type.may("Create")) head.append(button(`Create ${type.singular}`, () => emit(this, "create", type), { picture: "plus", className: "primary" }));
    head.after(this.filters.element);
    this.#fillHeads(heads);
    clear.onclick = () => this.#select(this.#selected.keys(), false);
    clear.before(...this.actions.map(({ run, label, ...kind }) => button(label, () => this.#run(run), kind)));
    body.onclick = (event) => this.#onClick(event);
    frame.onkeydown = (event) => this.#onKey(event);
    pager.onclick = ({ target }) => this.#turn(target.closest("button")?.name);
    this.ariaBusy = "true";
    this.#again = type.context.follow(this, type.name, () => this.#load());
  }

  mark(id) {
    this.current = id;
    for (const [each, row] of this.#rows) row.ariaCurrent = String(each === id);
  }

  focusRow(id) {
    (this.#rows.get(id)?.querySelector(".open") ?? this.querySelector("h1")).focus();
  }

  #ask(start, wait) {
    this.window.begin(start);
    this.ariaBusy = "true";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#again, wait);
  }

  async #load() {
    const { window, filters } = this;
    window.filter = filters.value();
    try {
      await window.load();
      this.#show();
      await window.count();
      this.#showCount();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail({ name, type, message }) {
    if (name === "AbortError" || type === "signedOut") return;
    this.ariaBusy = null;
    if (this.#rows.size && type === "offline") return announce(message, true); // what was read stays
    this.#fillBody([]);
    this.count.textContent = "";
    const again = button("Try again", this.#again);
    fill(this.state, notice(type === "offline" ? type : "alert", TITLES[type] ?? "It did not work", message, again));
  }

  #show() {
    const { pager, window } = this;
    const { records, turns } = window;
    this.ariaBusy = null;
    this.#fillBody(records);
    fill(this.state, !records.length && this.#nothing());
    for (const turn of pager.children) turn.ariaDisabled = String(!turns[turn.name]); // it keeps the focus
    pager.hidden = !turns.first && !turns.last;
    this.#showSelection();
    if (window.hasMoved) this.frame.scrollTop = 0;
    window.hasMoved = false;
  }

  #showCount() {
    const { type, window } = this;
    const { records, position, total } = window;
    const [first, last, all] = [position + 1, position + records.length, total].map((each) => each.toLocaleString());
    this.count.textContent = total > records.length ? `${first}–${last} of ${all}` : `${all} ${total === 1 ? type.singular : type.plural}`;
  }

  #nothing() {
    const { type, filters } = this;
    if (!this.window.filter) return notice("empty", `No ${type.plural} yet`, `${type.subtitle}.`);
    return notice("search", "Nothing matches", `No ${type.singular} is like that.`, button("Clear the filters", filters.clear));
  }

  #fillBody(records) {
    const { type, body } = this;
    const inside = body.contains(document.activeElement);
    const rows = showAll(type, body, records, (record) => this.#row(record));
    this.#rows = new Map(rows.map((row) => [row.dataset.id, row]));
    if (inside && !body.contains(document.activeElement)) (body.querySelector(".open") ?? this.frame).focus();
  }

  #row(record) {
    const { type, actions, canAct } = this;
    const { id } = record;
    if (this.#selected.has(id)) this.#selected.set(id, record);
    const box = el("input", { type: "checkbox", ariaLabel: `Select ${visible(type.labelOf(record))}`, "data-focus": `${id} select` });
    const cells = type.columns.map((name, index) => el(`td.c-${name}`, index ? render(type, name, record, true) : this.#opener(record, name)));
    const content = [actions.length > 0 && el("td.c-select", box), cells, canAct && el("td.c-actions", rowActions(type, record, this))];
    return el(this.#rows.has(id) ? "tr.changed" : "tr", { "data-id": id, ariaCurrent: String(this.current === id), record }, content);
  }

  /** Return what opens the object, named by its first property that is not empty. */
  #opener(record, name) {
    const { type } = this;
    const named = record[name] ? name : type.labels.find((each) => record[each]);
    const link = el("a.open", { href: addressOf(type.name, record.id), "data-focus": `${record.id} open` }, render(type, named, record, true));
    link.querySelector("button")?.remove();
    const second = type.columns[1];
    const below = named !== second && type.fields.get(second)?.kind.type === "string" && record[second];
    return [link, below && el("span.below.mono", visible(below))];
  }

  #fillHeads(row) {
    const { type, actions, canAct } = this;
    this.all = el("input", { type: "checkbox", ariaLabel: "Select all on this page", onchange: () => this.#select(this.#rows.keys(), this.all.checked) });
    const heading = (name) => {
      const label = type.fields.get(name)?.label ?? "Status";
      const sort = el("button.sort", { type: "button", onclick: () => this.#sort(name) }, label, icon("sort"));
      return el(`th.c-${name}`, { scope: "col" }, type.sorts.has(name) ? sort : label);
    };
    this.heads = new Map(type.columns.map((name) => [name, heading(name)]));
    fill(row, actions.length > 0 && el("td.c-select", this.all), [...this.heads.values()], canAct && el("td.c-actions"));
    this.#showSort();
  }

  #sort(property) {
    const [{ property: before, isAscending } = {}] = this.window.sort;
    const isSame = before === property;
    this.window.sort = isSame && !isAscending ? [] : [{ property, isAscending: !isSame }];
    this.#showSort();
    this.#ask(FIRST);
  }

  #showSort() {
    const [{ property, isAscending } = {}] = this.window.sort;
    for (const [name, head] of this.heads) head.ariaSort = name === property ? (isAscending ? "ascending" : "descending") : null;
  }

  #turn(place) {
    const start = this.window.turns[place];
    if (start) this.#ask(start);
  }

  #select(ids, selected) {
    for (const id of ids) {
      if (selected) this.#selected.set(id, this.#rows.get(id).record);
      else this.#selected.delete(id);
    }
    this.#showSelection();
  }

  #toggle(id, selected, far) {
    const ids = [...this.#rows.keys()];
    const from = far && ids.includes(this.#last) ? this.#last : id;
    const [start, end] = [ids.indexOf(from), ids.indexOf(id)].sort((one, other) => one - other);
    this.#last = id;
    this.#select(ids.slice(start, end + 1), selected);
  }

  #showSelection() {
    const { bulk, all } = this;
    const chosen = [...this.#selected.keys()];
    const here = chosen.filter((id) => this.#rows.has(id)).length;
    for (const box of this.body.querySelectorAll("input")) box.checked = this.#selected.has(box.closest("tr").dataset.id);
    all.checked = here > 0 && here === this.#rows.size;
    all.indeterminate = here > 0 && !all.checked;
    bulk.hidden = !chosen.length;
    const elsewhere = chosen.length > here ? ` (${chosen.length - here} not on this page)` : "";
    this.chosen.textContent = `${chosen.length} selected${elsewhere}`;
    if (bulk.hidden && bulk.contains(document.activeElement)) this.frame.focus();
  }

  async #run(work) {
    const chosen = new Map(this.#selected);
    if (await work([...chosen.values()])) this.#select(chosen.keys(), false);
  }

  #onClick({ target, shiftKey }) {
    const { id } = target.closest("tr").dataset;
    if (target.matches("input")) this.#toggle(id, target.checked, shiftKey);
    else if (!target.closest("a, button") && !String(getSelection())) location.hash = addressOf(this.type.name, id);
  }

  #onKey(event) {
    const { key, target, shiftKey, ctrlKey, metaKey, altKey } = event;
    const { body, frame } = this;
    const row = target.closest("tbody tr");
    const id = row?.dataset.id;
    const next = row && { ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling, Home: body.firstChild, End: body.lastChild }[key];
    if (ctrlKey || metaKey || altKey) return;
    if (next) next.querySelector(target.matches("input") ? "input" : ".open").focus();
    else if (key === "/") this.filters.focus();
    else if (key === "PageDown") this.#turn("next");
    else if (key === "PageUp") this.#turn("previous");
    else if (key === "ArrowDown" && target === frame) this.focusRow(this.#rows.keys().next().value);
    else if (key === " " && target.matches(".open") && this.actions.length) this.#toggle(id, !this.#selected.has(id), shiftKey);
    else if (key === "Delete" && row) this.#delete(id);
    else return;
    event.preventDefault();
  }

  #delete(id) {
    const action = this.actions.find(({ label }) => label === "Delete");
    if (this.#selected.size) this.#run(action.run);
    else action?.run([this.#rows.get(id).record]);
  }
}
customElements.define("object-list", ObjectList);
