// Choosing an object of another type by its name.

import { el, emit, fill, input, visible } from "./dom.js";

const NONE = "None";
let count = 0;

/** The value is an id, null for "None", or undefined for any; `cleared` when nothing stands there. */
export function makePicker(type, cleared) {
  const id = `options-${count++}`;
  const list = el("datalist", { id });
  const line = input({ placeholder: cleared === null ? NONE : "Any", oninput: write, onfocus: look, onchange: leave });
  const node = el("span.picker", line, list);
  const known = new Map([[NONE, null], ["", cleared]]);
  let value = cleared;
  let asked;
  line.setAttribute("list", id);

  const text = () => line.value.trim();
  const check = () => (known.has(text()) ? null : "Choose one of the names offered.");
  /** Where many names have the words of a name, that one may not be among those offered. */
  async function settle() {
    if (check()) await search(text(), "name");
    if (check()) await search(text());
  }

  async function search(wanted, by = "text") {
    asked = wanted;
    const question = { filter: wanted ? { [by]: wanted } : null, sort: [{ property: "name" }], limit: 20 };
    const { list: found } = await type.find(question, ["name"]);
    const names = found.map(nameIn);
    if (text()) pick();
    if (asked === wanted) fill(list, !wanted && el("option", { value: NONE }), names.map((value) => el("option", { value })));
  }
  function nameIn({ id, name }) {
    const shown = visible(known.has(name) && known.get(name) !== id ? `${name} (${id})` : name);
    known.set(shown, id);
    return shown;
  }
  function pick() {
    if (check()) return;
    value = known.get(text());
    tell();
  }
  function tell() {
    line.ariaInvalid = check() && "true";
    emit(node, "input");
  }
  function write(event) {
    event.stopPropagation();
    pick();
    search(text());
  }
  function look() {
    line.select();
    search("");
  }
  /** A name may be left before its search is answered; what is no name stays, as a fault. */
  async function leave() {
    await settle();
    tell();
  }
  async function show() {
    const shown = value;
    line.value = value === null && cleared !== null ? NONE : "";
    tell();
    if (!shown) return;
    const name = await type.context.nameOf(type.name, shown);
    if (value === shown && !text()) line.value = nameIn({ id: shown, name });
  }
  return { node, input: line, get: () => value, set: (given) => ((value = given), show()), check, settle };
}
