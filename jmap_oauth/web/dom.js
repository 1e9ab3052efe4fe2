// Elements made in code, and texts of strangers made safe to look at. Nothing here parses HTML.

/**
 * Make an element of a tag and classes, like "p.soft", properties (attributes, if the name has a hyphen) and children:
 * nodes, texts, or lists of them. What is null, undefined or false is left out.
 */
export function el(name, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  const properties = children[0]?.constructor === Object ? children.shift() : {};
  for (const [key, value] of Object.entries({ className: classes.join(" ") || null, ...properties })) {
    if (value == null || value === false) continue;
    if (key.includes("-")) element.setAttribute(key, value);
    else element[key] = value;
  }
  return fill(element, children);
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(4).filter((child) => child != null && child !== false));
  return element;
}

export const template = (id) => document.getElementById(id).content.cloneNode(true);

export function icon(name) {
  const { firstChild } = template("icon");
  firstChild.firstChild.setAttribute("href", `#icon-${name}`);
  return firstChild;
}

export function button(label, onclick, { picture, ...properties } = {}) {
  return el("button", { type: "button", onclick, ...properties }, picture && icon(picture), label);
}

export function iconButton(label, picture, onclick, properties) {
  return el("button.quiet", { type: "button", onclick, ariaLabel: label, title: label, ...properties }, icon(picture));
}

export const parts = (root, ...selectors) => selectors.map((each) => root.querySelector(each));

export const emit = (target, name, detail) => target.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));

export const input = (properties) => el("input", { autocomplete: "off", ...properties });

export const select = (options, properties = {}) => el("select", properties, options.map(([value, label]) => el("option", { value }, label)));

export const notice = (picture, title, text, action) => [icon(picture), el("h2", title), el("p", visible(text)), action];

// What has no shape of its own, or turns what stands around it; but for the joiners within an emoji.
const UNSEEN = /(?<!\p{Extended_Pictographic}\ufe0f?)\u200d|[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029\u115f\u1160\u3164](?<!\u200d)/gu;
const codePoint = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

export const visible = (text) => text.replace(UNSEEN, (found) => `⟨${codePoint(found)}⟩`);

/** Return a text as an element, with its unseen characters marked; `layout` keeps lines and tabs. */
export function shown(text, layout) {
  const bdi = el(layout ? "bdi.layout" : "bdi");
  let end = 0;
  for (const { 0: found, index } of text.matchAll(UNSEEN)) {
    if (layout && "\n\t".includes(found)) continue;
    bdi.append(text.slice(end, index), el("span.unseen", { title: "Invisible character" }, codePoint(found)));
    end = index + found.length;
  }
  bdi.append(text.slice(end));
  return bdi;
}

let note;

/** Say something for a while; an error stays until it is closed. Behind an open dialog nobody would see or hear it. */
export function announce(message, isError) {
  const place = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  const said = el(isError ? "p.note.error" : "p.note", { role: isError ? "alert" : "status" }, visible(message));
  if (isError) said.append(iconButton("Dismiss", "close", () => said.remove()));
  else setTimeout(() => said.remove(), 6000);
  note?.remove();
  place.append((note = said));
}

/** Say what failed, if nothing that waits for it does. */
addEventListener("unhandledrejection", (event) => {
  const { name, type, message } = event.reason;
  event.preventDefault();
  if (name !== "AbortError" && type !== "signedOut") announce(message, true);
});

/** Over plain HTTP browsers give no clipboard to the page. */
export function copyButton(text, label) {
  const copy = async () => navigator.clipboard.writeText(text);
  const refuse = () => announce("It cannot be copied here: select it instead.", true);
  return iconButton(label, "copy", () => copy().then(() => announce("Copied."), refuse));
}

/** Show an element for each record. What tells the same stays: a click on it may be under way. */
export function showAll(type, place, records, make) {
  const there = new Map([...place.children].map((each) => [each.told, each]));
  const items = records.map((record) => {
    const told = JSON.stringify([record, type.statusOf(record)]);
    return there.get(told) ?? Object.assign(make(record), { told });
  });
  keepFocus(place, () => {
    for (const each of [...place.children]) if (!items.includes(each)) each.remove();
    items.forEach((each, index) => place.children[index] !== each && place.insertBefore(each, place.children[index]));
  });
  return items;
}

/** Return what runs `work`, once more soon after if called meanwhile: no answer overtakes another, none is put off. */
export function inTurn(work) {
  let last = Promise.resolve();
  let next;
  const run = async () => {
    next = null;
    await work();
    await new Promise((resolve) => setTimeout(resolve, 120)); // changes that come together are one question
  };
  return () => (next ??= last = last.then(run, run));
}

/** Replace elements by `work`. If one had the focus, what has its `data-focus` then gets it. */
export function keepFocus(root, work) {
  const before = document.activeElement;
  const name = root.contains(before) && before.dataset.focus;
  work();
  if (name && before !== document.activeElement) root.querySelector(`[data-focus="${name}"]`)?.focus({ preventScroll: true });
}
