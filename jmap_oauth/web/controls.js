// Controls for values: {node, input, get, set, check}; `check` returns what is wrong.

import { fault } from "./checks.js";
import { announce, button, el, emit, fill, iconButton, input, parts, select, shown, template, visible } from "./dom.js";
import { makePicker } from "./picker.js";
import { isNothing, logo, UNITS, unitOf } from "./render.js";
import { fromInput, toInput, ZONE } from "./time.js";
import { offered } from "./views.js";

export function makeControl(type, field) {
  const { name, kind } = field;
  const { context } = type;
  const options = ({ enumName }) => context.options(enumName);
  const notSet = kind.nullable ? [["", "Not set"]] : [];
  if (name === "logo") return picture(field);
  if (name.endsWith("Lifespan")) return lifespan();
  switch (kind.type) {
    case "boolean": return kind.nullable ? choice([...notSet, ["true", "Yes"], ["false", "No"]], JSON.parse) : flag();
    case "enum": return choice([...notSet, ...options(kind)]);
    case "utcDateTime": return date();
    case "objectId": return makePicker(context.types.get(kind.objectName), null);
    case "set": return kind.class.enumName ? boxes(options(kind.class)) : members(field);
    case "map": return numbers(options(kind.keyClass));
    case "string": return text(field);
    default: return json();
  }
}

function one(input, parts) {
  return { node: input, input, get: () => input.value || null, set: (value) => (input.value = value ?? ""), check: () => null, ...parts };
}

function text(field) {
  const { name, kind, isSecret } = field;
  const properties = isSecret && { type: "password", autocomplete: "new-password" }; // the browser's own are not offered
  const line = name === "description" ? el("textarea", { rows: 2, spellcheck: true }) : input(properties);
  const written = () => (isSecret ? line.value : line.value.trim());
  return one(line, { get: () => written() || (kind.nullable ? null : ""), check: () => written() && fault(field, written()) });
}

function flag() {
  const box = el("input", { type: "checkbox" });
  return one(box, { get: () => box.checked, set: (value) => (box.checked = value), isFlag: true });
}

function choice(options, read = (value) => value) {
  const line = select(options);
  return one(line, { get: () => (line.value ? read(line.value) : null) });
}

function date() {
  const line = el("input", { type: "datetime-local", step: 1 });
  const check = () => line.validity.badInput && "A whole date and time.";
  const set = (value) => (line.value = toInput(value));
  return one(line, { node: el("span.row", line, el("span.soft", ZONE)), get: () => fromInput(line.value), set, check });
}

function number() {
  const line = input({ type: "number", min: 0, step: 1 });
  const check = () => !line.validity.valid && "A whole number, not negative.";
  return one(line, { get: () => (line.value ? Number(line.value) : null), check });
}

function lifespan() {
  const { input, get, set, check } = number();
  const unit = select(Object.keys(UNITS).map((name) => [name, `${name}s`]), { ariaLabel: "Unit" });
  const setBoth = (value) => {
    unit.value = unitOf(value);
    set(value && value / UNITS[unit.value]);
  };
  return one(input, { node: el("span.row", input, unit), get: () => get() && get() * UNITS[unit.value], set: setBoth, check });
}

function json() {
  const area = el("textarea.mono", { rows: 5 });
  const read = () => (area.value.trim() ? JSON.parse(area.value) : null);
  function check() {
    try {
      return typeof read() !== "object" || Array.isArray(read()) ? "A JSON object, in braces." : null;
    } catch ({ message }) {
      return `No JSON: ${message}`;
    }
  }
  const set = (value) => (area.value = isNothing(value) ? "" : JSON.stringify(value, null, 2));
  return one(area, { get: () => (check() ? undefined : read()), set, check });
}

function boxes(options) {
  const all = options.map(([value]) => el("input", { type: "checkbox", value }));
  const set = (value) => all.forEach((box) => (box.checked = value === true || Boolean(value?.[box.value])));
  const setting = (label, value) => button(label, () => set(value), { className: "quiet" });
  const list = el("div.checks", all.map((box, index) => el("label", box, options[index][1])));
  const get = () => Object.fromEntries(all.filter((box) => box.checked).map((box) => [box.value, true]));
  return one(all[0], { node: el("div", options.length > 6 && [setting("All", true), setting("None")], list), get, set, isGroup: true });
}

/** A set of texts, and a line to add to it; what still stands there is meant, too. */
function members(field) {
  const labels = new Map(offered(field.name));
  const node = el("div.set", template("members"));
  const [list, line, adding] = parts(node, "ul", "input", "button");
  let present = {};
  const written = () => line.value.trim();
  const check = () => written() && fault(field, written());
  const get = () => (written() && !check() ? { ...present, [written()]: true } : present);

  function set(value) {
    present = value ?? {};
    const remove = (member) => change(Object.fromEntries(Object.entries(present).filter(([each]) => each !== member)));
    const removing = (member) => iconButton(`Remove ${visible(member)}`, "close", () => remove(member));
    fill(list, Object.keys(present).map((each) => el("li", shown(labels.get(each) || each), removing(each))));
  }
  function change(value) {
    set(value);
    emit(line, "input");
    line.focus();
  }
  function add() {
    const value = get();
    if (!check()) line.value = "";
    change(value);
  }
  function onKey(event) {
    if (event.key !== "Enter" || !written()) return;
    event.preventDefault();
    add();
  }
  list.ariaLabel = field.label;
  line.onkeydown = onKey;
  line.setAttribute("list", `offered-${field.name}`);
  adding.onclick = add;
  return one(line, { node, get, set, check });
}

function numbers(options) {
  const rows = options.map(([name, label]) => ({ name, label, ...number() }));
  return one(rows[0].input, {
    node: el("div.checks", rows.map(({ label, input }) => el("label", label, input))),
    get: () => Object.fromEntries(rows.map(({ name, get }) => [name, get()]).filter(([, value]) => value !== null)),
    set: (value) => rows.forEach((row) => row.set(value?.[row.name])),
    check: () => rows.map((row) => row.check()).find(Boolean),
    isGroup: true,
  });
}

/** A picture in base64, read from a file; or a URL, which this page never fetches. */
function picture(field) {
  const node = el("div", template("picture"));
  const [line, file, preview] = parts(node, "input", "[type=file]", ".preview");
  const get = () => line.value.trim() || null;
  let reading;

  function show() {
    fill(preview, line.value.length > 100 && logo(line.value));
  }
  async function read(chosen) {
    if (chosen.size > 65_536) throw new Error("At most 64 KiB.");
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    line.value = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    emit(line, "input");
  }
  const set = (value) => ((line.value = value ?? ""), show());
  line.oninput = show;
  file.onchange = () => (reading = file.files[0] && read(file.files[0]).catch(({ message }) => announce(message, true)));
  return one(line, { node, get, set, check: () => get() && fault(field, get()), settle: () => reading });
}
