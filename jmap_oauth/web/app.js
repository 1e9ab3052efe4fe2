// Signing in and out.

import { Session } from "./session.js";

const page = document.getElementById("page");
const signIn = page.querySelector(".sign-in");
const wrong = signIn.querySelector(".error");
const { key, keep, submit } = signIn.querySelector("form").elements;

function showSignIn(reason) {
  wrong.textContent = reason;
  page.replaceChildren(signIn);
  document.title = "Sign in · jmap-oauth";
  key.focus();
}

/** The templates, apart as the first paint would wait for them. */
async function fetchParts() {
  const text = await (await fetch(new URL("parts.html", import.meta.url))).text();
  document.body.append(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
}

async function enter(given, isKept) {
  const [session, { Shell }] = await Promise.all([Session.open(given, isKept), import("./shell.js"), parts]);
  key.value = "";
  session.addEventListener("signedout", lose, { once: true });
  page.replaceChildren(new Shell(session, leave));
}

/** With a new page all of the memory goes. */
function leave() {
  Session.forget();
  location.replace(location.pathname);
}

/** What the key could see goes, and a new one leads back to the same place. */
function lose() {
  Session.forget();
  showSignIn("The key is not accepted any more: it expired, or was revoked.");
}

async function send(event) {
  event.preventDefault();
  submit.disabled = true;
  wrong.textContent = "";
  await enter(key.value.trim(), keep.checked).catch(({ message }) => showSignIn(message));
  submit.disabled = false;
}

signIn.addEventListener("submit", send);
submit.disabled = false;
const parts = fetchParts();
const kept = Session.keptKey();
if (kept) {
  page.replaceChildren("Signing in…");
  enter(kept, true).catch(({ type, message }) => {
    if (type === "signedOut") Session.forget();
    showSignIn(message);
  });
}
