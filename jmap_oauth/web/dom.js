// Elements made in code, and texts of strangers made safe to look at. Nothing here parses HTML.

/**
 * Make an element, named like "p.soft": a tag and classes. Attributes that begin with "on" are listeners; null and false
 * leave one out, true is an empty one. Children are nodes, texts, or lists of them; null and false are left out.
 */
export function el(name, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  if (children[0]?.constructor === Object) setAttributes(element, children.shift());
  element.append(...children.flat(2).filter((child) => child != null && child !== false));
  return element;
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
}

const SVG = "http://www.w3.org/2000/svg";

/** Return a picture from the sprite of the page; it says nothing to those who do not see it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  svg.firstChild.setAttribute("href", `#icon-${name}`);
  return svg;
}

/** Make a button; with `picture` and no `text` it shows only that, and is called by its label. */
export function button(label, onclick, { picture, text = !picture, ...attributes } = {}) {
  const naming = text ? {} : { "aria-label": label, title: label };
  return el("button", { type: "button", ...naming, ...attributes, onclick }, picture && icon(picture), text && label);
}

// What has no shape of its own, or turns the direction of what stands around it. A joiner within an emoji is part of it.
const UNSEEN = /(?<!\p{Extended_Pictographic}\ufe0f?)\u200d|[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029\u115f\u1160\u3164](?<!\u200d)/gu;
const codePoint = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Return a text with its unseen characters written out, for titles, labels and announcements. */
export function visible(text) {
  return String(text).replace(UNSEEN, (found) => `⟨${codePoint(found)}⟩`);
}

/** Return a text as an element of its own direction, with its unseen characters marked; `layout` keeps lines and tabs. */
export function shown(text, { layout = false } = {}) {
  const bdi = el("bdi", { class: layout ? "layout" : null });
  let end = 0;
  for (const { 0: found, index } of String(text).matchAll(UNSEEN)) {
    if (layout && (found === "\n" || found === "\t")) continue;
    bdi.append(text.slice(end, index), el("span.unseen", { title: "Invisible character" }, codePoint(found)));
    end = index + found.length;
  }
  bdi.append(String(text).slice(end));
  return bdi;
}

/** Tell whether a name mixes alphabets whose letters look alike. */
export function mixesAlphabets(text) {
  return /\p{Script=Latin}/u.test(text) && /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(text);
}

let timer;

/** Show a message for a while, and say it to those who listen; an error stays until it is closed. */
export function announce(message, { error = false } = {}) {
  const place = document.getElementById(error ? "alerts" : "messages");
  const close = button("Dismiss", () => note.remove(), { picture: "close", class: "quiet" });
  const note = el("p.note", visible(message), error && close);
  place.replaceChildren(note);
  clearTimeout(timer);
  if (!error) timer = setTimeout(() => note.remove(), 6000);
}

/** Run what may fail, and say so if it does; the page stays as it is. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name !== "AbortError" && error.type !== "signedOut") announce(error.message, { error: true });
    return undefined;
  }
}

/** A button that copies a text, and says that it did. */
class CopyButton extends HTMLElement {
  static of(text, label) {
    const element = document.createElement("copy-button");
    element.append(button(label, () => element.#copy(text), { picture: "copy", class: "quiet" }));
    return element;
  }

  #copy(text) {
    return attempt(async () => {
      await navigator.clipboard.writeText(text);
      this.dataset.copied = "";
      setTimeout(() => delete this.dataset.copied, 1500);
      announce("Copied.");
    });
  }
}
customElements.define("copy-button", CopyButton);

export const copyButton = CopyButton.of;
