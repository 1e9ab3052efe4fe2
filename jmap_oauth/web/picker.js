// Choosing an object of another type by typing a part of its name: the combobox pattern of WAI-ARIA.

import { el, shown } from "./dom.js";

const MOST = 12;
let count = 0;

/**
 * Make a picker. Its `value` is an id, null for none (offered under the name `none`), or undefined for no choice.
 * `onpick` is called when the reader chose.
 */
export function makePicker(context, typeName, options) {
  const picker = document.createElement("object-picker");
  Object.assign(picker, { context, typeName, ...options });
  picker.build();
  return picker;
}

class ObjectPicker extends HTMLElement {
  #value;
  #options = [];
  #active = -1;
  #asked = 0;

  build() {
    const id = `picker-${count++}`;
    this.list = el("ul", { id, role: "listbox", "aria-label": this.label, hidden: true });
    this.input = el("input", {
      type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id,
      autocomplete: "off", spellcheck: "false", placeholder: this.placeholder ?? "Any",
      oninput: (event) => (event.stopPropagation(), this.#search()), onkeydown: (event) => this.#onKey(event),
      onfocus: () => this.input.select(), onclick: () => this.#search(true), onblur: () => this.#leave(),
    });
    this.append(this.input, this.list);
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    this.#value = value;
    this.#write();
  }

  focus() {
    this.input.focus();
  }

  async #write() {
    const value = this.#value;
    if (value === undefined || value === null) {
      this.input.value = value === null && this.none !== undefined ? this.none : "";
      return;
    }
    this.input.value = value;
    const name = await this.context.nameOf(this.typeName, value);
    if (this.#value === value && document.activeElement !== this.input) this.input.value = name;
  }

  /** Offer what begins like the text; `all` is for a click, which looks around. */
  async #search(all = false) {
    const asked = ++this.#asked;
    const text = all ? "" : this.input.value.trim();
    const filter = text ? { text } : null;
    const question = { filter, sort: [{ property: "name" }], limit: MOST };
    const { list } = await this.context.session.find(this.typeName, question, ["name"]).catch(() => ({ list: [] }));
    if (asked !== this.#asked || document.activeElement !== this.input) return;
    const none = this.none !== undefined && !text ? [{ id: null, name: this.none }] : [];
    this.#open([...none, ...list]);
  }

  #open(options) {
    this.#options = options;
    this.list.replaceChildren(
      ...options.map(({ name }, index) =>
        el("li", { role: "option", id: `${this.list.id}-${index}`, "aria-selected": "false", onmousedown: (event) => (event.preventDefault(), this.#pick(index)) }, shown(name)),
      ),
      ...(options.length ? [] : [el("li", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, "Nothing found")]),
    );
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#activate(-1);
  }

  #close() {
    this.#asked++;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  #activate(index) {
    this.#active = index;
    for (const [each, item] of [...this.list.children].entries()) item.setAttribute("aria-selected", String(each === index));
    if (index >= 0) {
      this.input.setAttribute("aria-activedescendant", this.list.children[index].id);
      this.list.children[index].scrollIntoView({ block: "nearest" });
    }
  }

  #pick(index) {
    this.value = this.#options[index].id;
    this.#close();
    this.onpick?.();
  }

  /** What was typed and not chosen is no choice; nothing typed is none. */
  #leave() {
    this.#close();
    if (this.input.value.trim()) return void this.#write();
    const before = this.#value;
    this.value = this.cleared;
    if (before !== this.#value) this.onpick?.();
  }

  #onKey(event) {
    const open = !this.list.hidden;
    const { key } = event;
    if (key === "ArrowDown" && !open) this.#search(true);
    else if (key === "ArrowDown") this.#activate(Math.min(this.#active + 1, this.#options.length - 1));
    else if (key === "ArrowUp" && open) this.#activate(Math.max(this.#active - 1, 0));
    else if (key === "Enter" && open && this.#options.length) this.#pick(Math.max(this.#active, 0));
    else if (key === "Escape" && open) this.#close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
customElements.define("object-picker", ObjectPicker);

