// Dialogs: all are made when they are needed, and gone from the document when they are closed.

import { button, copyButton, el, icon } from "./dom.js";

let count = 0;

/**
 * Open a modal dialog and return it. `content` fills it; the dialog's own `leave` decides whether Escape may close it.
 * Focus goes back to where it came from.
 */
export function openDialog(title, content, { kind = "", closable = true, leave = () => true } = {}) {
  const id = `dialog-${count++}`;
  const before = document.activeElement;
  const closing = closable && button("Close", () => tryClose(), { picture: "close", class: "quiet" });
  const head = el("header", el("h2", { id, tabindex: "-1" }, title), closing);
  const dialog = el("dialog", { class: kind, "aria-labelledby": id }, head, content);
  const tryClose = async () => closable && (await leave()) && dialog.close();
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    tryClose();
  });
  // Chromium closes at a second Escape whatever cancel says; the key itself can be stopped.
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.target.closest("dialog") !== dialog) return;
    event.preventDefault();
    if (!event.defaultPrevented || event.target.getAttribute("aria-expanded") !== "true") tryClose();
  });
  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask before something is done. Resolves to whether it shall be; not doing it is where the focus is. */
export function confirm(title, text, action, { danger = true } = {}) {
  return new Promise((resolve) => {
    const cancel = button("Cancel", () => dialog.close(), { autofocus: true });
    const agree = button(action, () => (resolve(true), dialog.close()), { class: danger ? "danger" : "primary" });
    const content = el("div.body", [].concat(text).map((each) => el("p", each)));
    const dialog = openDialog(title, [content, el("footer", cancel, agree)], { kind: "small" });
    dialog.addEventListener("close", () => resolve(false));
    cancel.focus();
  });
}

/** Offer ways to go on, each with a few words. Resolves to the one chosen, or null. */
export function choose(title, ways) {
  return new Promise((resolve) => {
    const cards = ways.map((way) =>
      el("button", { type: "button", class: "card", onclick: () => (resolve(way), dialog.close()) }, el("strong", way.name), el("span", way.description)),
    );
    const dialog = openDialog(title, el("div.body.cards", cards), { kind: "small" });
    dialog.addEventListener("close", () => resolve(null));
    cards[0].focus();
  });
}

/** Show secrets, the only time they are ever seen: leaving needs a click, and then nothing of them is left here. */
export function showOnce(title, name, secret) {
  return new Promise((resolve) => {
    const address = URL.createObjectURL(new Blob([`${secret}\n`], { type: "text/plain" }));
    const download = el("a.button", { href: address, download: `${name.replace(/[^\w.-]+/g, "_") || "secret"}.txt` }, icon("download"), "Download");
    const copy = copyButton(secret, "Copy secret");
    const done = button("I have stored it", () => dialog.close(), { class: "primary" });
    const content = el(
      "div",
      { class: "body" },
      fromTemplate("shown-once"),
      el("p.secret", el("output.mono", { "aria-label": "Secret" }, secret), copy),
    );
    const dialog = openDialog(title, [content, el("footer", download, done)], { kind: "small", closable: false });
    dialog.addEventListener("close", () => {
      URL.revokeObjectURL(address);
      resolve();
    });
    copy.querySelector("button").focus();
  });
}

/** Return what is in a template of the page. */
const fromTemplate = (id) => document.getElementById(id).content.cloneNode(true);

/** The keys that the page knows, for those who do without a mouse. */
export const showKeys = () => openDialog("Keys", fromTemplate("keys"), { kind: "small" });
