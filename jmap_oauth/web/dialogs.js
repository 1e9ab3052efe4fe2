// Dialogs: made when they are needed, and gone from the document when they are closed.

import { announce, button, copyButton, el, fill, iconButton, parts, template } from "./dom.js";

let count = 0;

/**
 * Open a modal dialog. Escape, its button and "cancel" close it when `leave` says so; never without one, nor while it
 * `isSent`: the answer may be a secret, or no.
 */
export function openDialog(title, content, { className, leave = () => true } = {}) {
  const id = `dialog-${count++}`;
  const head = el("header", el("h2", { id, tabIndex: -1 }, title), leave && iconButton("Close", "close", tryClose));
  const dialog = el("dialog", { className, "aria-labelledby": id, oncancel: decide, onkeydown: decide, onclose: () => fill(dialog).remove() }, head, content);
  async function tryClose() {
    const isSure = dialog.isSent || (await leave?.());
    if (dialog.isSent) announce("Still waiting for the server.");
    else if (isSure) dialog.close();
  }
  // Chromium closes at a second Escape, whatever becomes of cancel.
  function decide(event) {
    if (event.type === "keydown" ? event.key !== "Escape" : event.target !== dialog) return; // a file's is not ours
    event.preventDefault();
    tryClose();
  }
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function ask(title, focused, build) {
  return new Promise((resolve) => {
    const dialog = openDialog(title, build((value) => (resolve(value), dialog.close())));
    dialog.addEventListener("close", () => resolve(null));
    dialog.querySelector(focused).focus();
  });
}

/** Ask before something is done; not doing it is where the focus is. */
export const confirm = (title, text, action) => ask(title, "footer button", (close) => [
  el("div.body", [text].flat().map((each) => el("p", each))),
  el("footer", button("Cancel", () => close(null)), button(action, () => close(true), { className: "danger" })),
]);

export const choose = (title, ways) => ask(title, ".card", (close) =>
  el("div.body", ways.map((way) => el("button.card", { onclick: () => close(way) }, el("strong", way.name), el("span", way.description)))));

/** Show a secret once: leaving needs a click, and then nothing of it is left in the page. */
export function showOnce(title, name, secret) {
  return new Promise((resolve) => {
    const dialog = openDialog(title, template("shown-once"), { leave: null });
    const [output, download, done] = parts(dialog, "output", "a", ".primary");
    const copy = copyButton(secret, "Copy secret");
    output.value = secret;
    output.after(copy);
    download.href = URL.createObjectURL(new Blob([`${secret}\n`], { type: "text/plain" }));
    download.download = `${name.replace(/[^\w.-]+/g, "_")}.txt`;
    done.onclick = () => dialog.close();
    dialog.addEventListener("close", () => (URL.revokeObjectURL(download.href), resolve()));
    copy.focus();
  });
}

export const showKeys = () => openDialog("Keys", template("keys"));
