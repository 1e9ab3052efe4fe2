// The line above a list: a search as you type, and a filter for each property that the type can be asked for.

import { button, el } from "./dom.js";
import { fromInput } from "./time.js";
import { makePicker } from "./picker.js";

const MORE_THAN = "IsGreaterThanOrEqual";
const LESS_THAN = "IsLessThan";

/** Return {element, value, clear, focus}; `value` is a filter of /query, null for none. `changed` is called as it changes. */
export function makeFilters(context, type, changed) {
  const parts = type.filters.filter((each) => isOffered(context, type, each)).flatMap((each) => makePart(context, type, each, changed));
  const [search] = parts.filter((each) => each.name === "text");
  const others = parts.filter((each) => each !== search);
  const clear = button("Clear", () => clearAll(), { class: "quiet", hidden: true });
  const fields = (dates) => others.filter((each) => (each.input.type === "date") === dates).map((each) => el("label.filter", each.label, each.input));
  const more = fields(true).length > 0 && el("details.dates", el("summary", "Dates"), el("div", fields(true)));
  const element = el("search", { oninput: update, onchange: update }, search?.input, fields(false), more, clear);

  function value() {
    const conditions = parts.map((each) => each.condition()).filter(Boolean);
    return conditions.length ? Object.assign({}, ...conditions) : null;
  }
  let before = "null";
  function update() {
    const now = JSON.stringify(value());
    clear.hidden = !others.some((each) => each.condition());
    if (now !== before) changed();
    before = now;
  }
  function clearAll() {
    parts.forEach((each) => each.clear());
    update();
    search?.input.focus();
  }
  return { element, get value() { return value(); }, clear: clearAll, focus: () => (search?.input ?? others[0]?.input)?.focus() };
}

/** A search finds what an exact filter would, so the page shows one for what it cannot search only. */
function isOffered(context, type, { type: kind, field, objectName }) {
  if (kind === "objectId") return context.session.isGlobal && context.may(objectName, "Get", "Query");
  const searches = type.filters.some((each) => each.field === "text");
  return field === "text" || kind !== "text" || !searches || Boolean(type.view.suggestions?.[field] ?? field === "grantType");
}

function makePart(context, type, filter, changed) {
  const { field, label } = filter;
  if (field === "text") return [search(type)];
  if (filter.type === "objectId") return [picked(context, filter, changed)];
  if (filter.type === "date") return [dated(field, `${label} from`, MORE_THAN), dated(field, `${label} before`, LESS_THAN)];
  const options = field === "grantType" ? Object.entries(type.view.suggestions?.grantTypes ?? {}) : context.schema.enums[filter.enumName]?.map((each) => [each.name, each.label]);
  return [options ? chosen(field, label, options) : typed(field, label)];
}

/** A part of the filter: an input, and what it asks for if something stands in it. */
function part(name, label, input, ask) {
  return { name, label, input, condition: () => (input.value.trim() ? ask(input.value) : null), clear: () => (input.value = "") };
}

const plain = { autocomplete: "off", spellcheck: "false" };

function search(type) {
  const label = `Search ${type.plural}`;
  return part("text", label, el("input", { type: "search", placeholder: label, "aria-label": label, ...plain }), (text) => ({ text }));
}

const typed = (name, label) => part(name, label, el("input", { type: "text", ...plain }), (text) => ({ [name]: text.trim() }));

function chosen(name, label, options) {
  const input = el("select", el("option", { value: "" }, "Any"), options.map(([value, text]) => el("option", { value }, text)));
  return part(name, label, input, (value) => ({ [name]: value }));
}

const dated = (name, label, suffix) => part(name, label, el("input", { type: "date" }), (day) => ({ [name + suffix]: fromInput(`${day}T00:00`) }));

function picked(context, { field, label, objectName }, changed) {
  const picker = makePicker(context, objectName, { none: "None", label, onpick: changed });
  const condition = () => (picker.value === undefined ? null : { [field]: picker.value });
  return { name: field, label, input: picker, condition, clear: () => (picker.value = undefined) };
}
