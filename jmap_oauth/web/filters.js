// The line above a list: a search as you type, and filters.

import { button, el, input, select } from "./dom.js";
import { makePicker } from "./picker.js";
import { fromInput } from "./time.js";

/** `value` returns a filter of /query; `changed` is called when it is another. */
export function makeFilters(type, changed) {
  const parts = type.filters.filter((each) => isOffered(type, each)).flatMap((each) => makeParts(type, each));
  const { search, dates, fields } = Object.groupBy(parts, ({ name, input }) => (name === "text" ? "search" : input.type === "date" ? "dates" : "fields"));
  const labelled = (some) => some?.map(({ label, node }) => el("label.filter", label, node));
  const more = dates && el("details.dates", el("summary", "Dates"), el("div", labelled(dates)));
  const clearing = button("Clear", clear, { className: "quiet", hidden: true });
  const asked = () => parts.map(({ name, get }) => [name, get()]).filter(([, value]) => value !== undefined);
  const value = () => (asked().length ? Object.fromEntries(asked()) : null);
  let before = "null";

  function update() {
    const now = JSON.stringify(value());
    clearing.hidden = asked().every(([name]) => name === "text");
    if (now !== before) changed();
    before = now;
  }
  function clear() {
    for (const { set } of parts) set();
    update();
    focus();
  }
  const focus = () => (search ?? parts)[0].input.focus();
  const element = el("search", { oninput: update, onchange: update }, search?.[0].input, labelled(fields), more, clearing);
  return { element, value, clear, focus };
}

/** A search finds what most exact filters would. */
function isOffered({ context, filters }, { type: kind, field, objectName }) {
  if (kind === "objectId") return context.session.isGlobal && context.may(objectName, "Get", "Query");
  return field === "text" || field === "grantType" || kind !== "text" || !filters.some((each) => each.field === "text");
}

function makeParts(type, { field: name, label, type: kind, enumName, objectName }) {
  const { context } = type;
  const words = `Search ${type.plural}`;
  if (name === "text") return [part(name, label, input({ type: "search", placeholder: words, ariaLabel: words }))];
  if (kind === "objectId") return [{ name, label, ...makePicker(context.types.get(objectName)) }];
  const dated = (word, suffix) => part(name + suffix, `${label} ${word}`, el("input", { type: "date" }), (day) => fromInput(`${day}T00:00`));
  if (kind === "date") return [dated("from", "IsGreaterThanOrEqual"), dated("before", "IsLessThan")];
  const values = context.options(enumName, `${name}s`);
  return [part(name, label, values.length ? select([["", "Any"], ...values]) : input())];
}

function part(name, label, input, read = (value) => value) {
  const get = () => (input.value.trim() ? read(input.value.trim()) : undefined);
  return { name, label, node: input, input, get, set: () => (input.value = "") };
}
