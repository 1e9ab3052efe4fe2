// Controls for values, one for each kind of the schema document: {node, input, get, set, check}.
// `get` returns the value as it is sent, `check` what is wrong with what stands there, or null.

import { fault } from "./checks.js";
import { button, el, shown, visible } from "./dom.js";
import { makePicker } from "./picker.js";
import { inUnit, isNothing, logo } from "./render.js";
import { fromInput, toInput } from "./time.js";

/** Make the control of a field. */
export function makeControl(context, type, field) {
  const { name, kind } = field;
  if (name === "logo") return logoControl(field);
  switch (kind.type) {
    case "boolean": return kind.nullable ? choice([["true", "Yes"], ["false", "No"]], true, JSON.parse) : flag();
    case "enum": return choice(context.schema.enums[kind.enumName].map((each) => [each.name, each.label]), kind.nullable);
    case "utcDateTime": return date();
    case "objectId": return objectControl(context, field);
    case "number": return name.endsWith("Lifespan") ? lifespan() : number();
    case "set": return kind.class.type === "enum" ? checks(context.schema.enums[kind.class.enumName]) : members(type, field);
    case "map": return map(context, kind);
    case "string": return text(field);
    default: return json();
  }
}

const plain = { autocomplete: "off", spellcheck: "false" };

function text({ name, kind }) {
  const input = name === "description" ? el("textarea", { rows: "2", ...plain, spellcheck: null }) : el("input", { type: kind.format === "secret" ? "password" : "text", ...plain });
  if (kind.format === "secret") input.autocomplete = "new-password"; // a browser shall offer none that it keeps
  return one(input, {
    get: () => (kind.format === "secret" ? input.value : input.value.trim()) || (kind.nullable ? null : ""),
    check: () => (input.value ? fault(name, kind.format, input.value) : null),
  });
}

/** Return a control of one input, with what differs from the plainest. */
const one = (input, parts) => ({ node: input, input, get: () => input.value, set: (value) => (input.value = value ?? ""), check: () => null, ...parts });

function flag() {
  const input = el("input", { type: "checkbox" });
  return one(input, { get: () => input.checked, set: (value) => (input.checked = Boolean(value)), isFlag: true });
}

function choice(options, nullable, read = (value) => value) {
  const input = el("select", { autocomplete: "off" }, nullable && el("option", { value: "" }, "Not set"), options.map(([value, label]) => el("option", { value }, label)));
  return one(input, { get: () => (input.value === "" ? null : read(input.value)) });
}

function date() {
  const input = el("input", { type: "datetime-local", step: "1" });
  const zone = el("span.soft", Intl.DateTimeFormat().resolvedOptions().timeZone);
  const check = () => (input.validity.badInput ? "A whole date and time." : null);
  return one(input, { node: el("span.row", input, zone), get: () => fromInput(input.value), set: (value) => (input.value = toInput(value)), check });
}

function number() {
  const input = el("input", { type: "number", min: "0", step: "1", ...plain });
  const check = () => (input.validity.valid ? null : "A whole number, not negative.");
  return one(input, { get: () => (input.value === "" ? null : Number(input.value)), check });
}

const UNITS = [["seconds", 1_000], ["minutes", 60_000], ["hours", 3_600_000], ["days", 86_400_000], ["milliseconds", 1]];

function lifespan() {
  const count = number();
  const unit = el("select", { "aria-label": "Unit" }, UNITS.map(([name, size]) => el("option", { value: size }, name)));
  return {
    ...count,
    node: el("span.row", count.input, unit),
    get: () => (count.get() === null ? null : count.get() * Number(unit.value)),
    set: (value) => {
      const parts = isNothing(value) || value === 0 ? { count: value, size: 1000 } : inUnit(value);
      count.set(parts.count);
      unit.value = parts.size;
    },
  };
}

function objectControl(context, field) {
  const node = makePicker(context, field.kind.objectName, { label: field.label, none: "None", cleared: null, placeholder: "None" });
  return one(node.input, { node, get: () => node.value ?? null, set: (value) => (node.value = value ?? null) });
}

function json() {
  const input = el("textarea", { rows: "5", class: "mono", ...plain });
  const read = () => (input.value.trim() ? JSON.parse(input.value) : null);
  const check = () => {
    try {
      const value = read();
      return value === null || (typeof value === "object" && !Array.isArray(value)) ? null : "A JSON object, in braces.";
    } catch (error) {
      return `No JSON: ${error.message}`;
    }
  };
  const set = (value) => (input.value = isNothing(value) ? "" : JSON.stringify(value, null, 2));
  return one(input, { get: () => (check() ? undefined : read()), set, check });
}

/** Names from a fixed set, each with a box; those that begin alike stand together. */
function checks(options) {
  const boxes = options.map(({ name, label }) => el("input", { type: "checkbox", value: name, "aria-label": label }));
  const all = button("All", () => set(Object.fromEntries(options.map(({ name }) => [name, true]))), { class: "quiet" });
  const none = button("None", () => set({}), { class: "quiet" });
  const set = (value) => boxes.forEach((box) => (box.checked = Boolean(value?.[box.value])));
  const list = el("div.checks", boxes.map((box, index) => el("label", box, options[index].label)));
  const get = () => Object.fromEntries(boxes.filter((box) => box.checked).map((box) => [box.value, true]));
  return { node: el("div", options.length > 6 && el("div.row", all, none), list), input: boxes[0], get, set, check: () => null, isGroup: true };
}

let lists = 0;

/** A set of texts: what is in it as a list, and a line to add to it. */
function members(type, { name, kind, label }) {
  const suggestions = Object.keys(type.view.suggestions?.[name] ?? {});
  const id = `suggestions-${lists++}`;
  const input = el("input", { type: "text", list: suggestions.length ? id : null, ...plain, onkeydown: onKey });
  const labels = type.view.suggestions?.[name] ?? {};
  const options = el("datalist", { id }, suggestions.map((value) => el("option", { value }, labels[value])));
  const list = el("ul.members", { "aria-label": label });
  let present = {};
  const check = () => (input.value.trim() ? (fault(name, kind.class.format, input.value.trim()) ?? null) : null);

  function add(value) {
    if (!value || fault(name, kind.class.format, value)) return false;
    present = { ...present, [value]: true };
    show();
    return true;
  }
  function take() {
    if (add(input.value.trim())) input.value = "";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  }
  function onKey(event) {
    if (event.key !== "Enter" || !input.value.trim()) return;
    event.preventDefault();
    take();
  }
  function remove(value) {
    present = Object.fromEntries(Object.entries(present).filter(([key]) => key !== value));
    show();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  }
  function show() {
    const items = Object.keys(present).map((value) => el("li", shown(labels[value] || value), button(`Remove ${visible(value)}`, () => remove(value), { picture: "close", class: "quiet" })));
    list.replaceChildren(...items);
  }
  const node = el("div.set", list, el("span.row", input, button("Add", take)), suggestions.length > 0 && options);
  // What still stands in the line is meant, too.
  const get = () => (input.value.trim() && !check() ? { ...present, [input.value.trim()]: true } : present);
  return { node, input, get, set: (value) => ((present = { ...value }), show()), check };
}

function map(context, { keyClass }) {
  const rows = context.schema.enums[keyClass.enumName].map(({ name, label }) => ({ name, label, control: number() }));
  const node = el("div.checks", rows.map(({ label, control }) => el("label", label, control.input)));
  const get = () => Object.fromEntries(rows.map(({ name, control }) => [name, control.get()]).filter(([, value]) => value !== null));
  const set = (value) => rows.forEach(({ name, control }) => control.set(value?.[name]));
  return { node, input: rows[0].control.input, get, set, check: () => rows.map(({ control }) => control.check()).find(Boolean) ?? null, isGroup: true };
}

const MOST_BYTES = 65_536;

/** A picture from a file, kept as base64; or the URL of one, which this page never fetches. */
function logoControl(field) {
  const input = el("input", { type: "text", placeholder: "https://… or a file", ...plain, oninput: () => preview() });
  const file = el("input", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", "aria-label": "Picture from a file", onchange: () => read() });
  const place = el("div.preview");
  let wrong = null;
  function preview() {
    wrong = null;
    place.replaceChildren(...(input.value.length > 100 ? [logo(input.value)] : []));
  }
  async function read() {
    const [chosen] = file.files;
    if (!chosen) return;
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    input.value = bytes.length > MOST_BYTES ? "" : btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    preview();
    wrong = bytes.length > MOST_BYTES ? "At most 64 KiB." : null;
    file.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const check = () => wrong ?? (/^https?:\/\/|^data:image\/(png|jpeg|gif|webp);base64,|^[A-Za-z0-9+/]+={0,2}$|^$/.test(input.value.trim()) ? fault(field.name, "string", input.value) : "An http(s) URL, or a PNG, JPEG, GIF or WebP picture.");
  const set = (value) => ((input.value = value ?? ""), preview());
  return { node: el("div", input, file, place), input, get: () => input.value.trim() || null, set, check };
}

