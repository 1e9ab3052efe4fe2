// Choosing an object of another type by its name.

import { el, fill, input, visible } from "./dom.js";

const NONE = "None";
let count = 0;

/** The value is an id, null for "None", or undefined for any; `cleared` when nothing stands there. */
export function makePicker(type, { cleared, onpick = () => {} }) {
  const id = `options-${count++}`;
  const list = el("datalist", { id });
  const line = input({ placeholder: cleared === null ? NONE : "Any", oninput: write, onfocus: look, onchange: show });
  line.setAttribute("list", id);
  const known = new Map([[NONE, null], ["", cleared]]);
  let value = cleared;
  let asked = "";

  async function search(text) {
    asked = text;
    const question = { filter: text ? { text } : null, sort: [{ property: "name" }], limit: 20 };
    const { list: found } = await type.find(question, ["name"]).catch(() => ({ list: [] }));
    if (asked !== text) return;
    fill(list, !text && el("option", { value: NONE }), found.map((each) => el("option", { value: nameIn(each) })));
    pick();
  }
  /** Where two have one name, the second is told with its id. */
  function nameIn({ id, name }) {
    const shown = visible(known.has(name) && known.get(name) !== id ? `${name} (${id})` : name);
    known.set(shown, id);
    return shown;
  }
  function pick() {
    const text = line.value.trim();
    if (!known.has(text) || known.get(text) === value) return;
    value = known.get(text);
    onpick();
  }
  function write(event) {
    event.stopPropagation();
    pick();
    search(line.value.trim());
  }
  function look() {
    line.select();
    search("");
  }
  async function show() {
    const shown = value;
    line.value = value === null && cleared !== null ? NONE : "";
    if (!shown) return;
    const name = await type.context.nameOf(type.name, shown);
    if (value === shown) line.value = nameIn({ id: shown, name });
  }
  return { node: el("span.picker", line, list), input: line, get: () => value, set: (given) => ((value = given), show()) };
}
