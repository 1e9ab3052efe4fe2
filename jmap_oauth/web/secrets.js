// The secrets of a client: how they stand, and how they change. A secret is seen once, in a dialog, and kept nowhere.

import { reasonOf } from "./actions.js";
import { confirm, openDialog, showOnce } from "./dialogs.js";
import { announce, attempt, button, el, shown } from "./dom.js";
import { stateOf } from "./render.js";
import { distance, fromInput, fromNow, isPast, time } from "./time.js";
import { SECRET } from "./views.js";

const HOUR = 3_600_000;
const OVERLAPS = [["At once", 0], ["After 1 hour", HOUR], ["After 1 day", 24 * HOUR], ["After 7 days", 168 * HOUR], ["After 30 days", 720 * HOUR]];

/** Return a section with the secrets of a client. */
export function secretsOf(context, clientId, client, signal) {
  const type = context.type(SECRET);
  const list = el("ul.secrets");
  const tools = el("div.row");
  const section = el("section", el("h3", "Secrets"), list, tools);
  let secrets = [];

  async function load() {
    const question = { filter: { oauthClientId: clientId }, sort: [{ property: "createdAt", isAscending: false }] };
    const answer = await attempt(() => context.session.find(SECRET, question, null, signal));
    if (!answer) return;
    secrets = answer.list;
    list.replaceChildren(...secrets.map(item), ...(secrets.length ? [] : [el("li.soft", "None: the client is public, or signs with its keys.")]));
    const rotate = context.session.may(type, "Create", "Update") && secrets.length > 0 && button("Rotate…", () => askRotation(context, client(), secrets), { picture: "rotate", text: true });
    const add = context.session.may(type, "Create") && secrets.length > 0 && button("Add…", () => askRotation(context, client(), []), { picture: "plus", text: true });
    tools.replaceChildren(...[rotate, add].filter(Boolean));
  }

  function item(secret) {
    const name = secret.label ? shown(secret.label) : secret.hint ? el("span.mono", "…", shown(secret.hint)) : "Secret";
    const hint = secret.label && secret.hint && el("span.mono.soft", " …", shown(secret.hint));
    const used = secret.lastUsedAt ? ["last used ", time(secret.lastUsedAt)] : "never used";
    const begins = secret.notBefore && !isPast(secret.notBefore) && ["begins ", distance(secret.notBefore), " · "];
    const revoke = context.session.may(type, "Destroy") && button("Revoke", () => attempt(() => askRevocation(context, secret)), { class: "quiet danger", text: true });
    return el("li", el("div", el("strong", name), hint, " ", stateOf(type, secret)), el("p.soft", begins, "made ", time(secret.createdAt), " · ", used), revoke);
  }

  context.onChange([SECRET], load, signal);
  load();
  return section;
}

async function askRevocation(context, secret) {
  const name = secret.label || (secret.hint ? `…${secret.hint}` : "this secret");
  if (!(await confirm("Revoke the secret?", [el("span", shown(name), " stops working at once."), "This cannot be undone."], "Revoke"))) return;
  const { notDestroyed } = await context.session.set(context.type(SECRET), { destroy: [secret.id] });
  const error = notDestroyed?.[secret.id];
  announce(error ? sentence(error) : "Revoked.", { error: Boolean(error) });
}

/** Return why, of an error whose words are about a property. */
function sentence(error) {
  const [first] = error.validationErrors ?? [];
  return first?.value ? `It ${first.value}.` : reasonOf(error);
}

/** Ask for a new secret. With `old` ones it takes their place, and they end when the reader says. */
function askRotation(context, client, old) {
  const lasting = old.filter((each) => !isPast(each.expiresAt));
  const label = el("input", { type: "text", id: "secret-label", maxlength: "255" });
  const until = el("input", { type: "datetime-local", step: "1", "aria-label": "End of the old secrets", hidden: true });
  const show = () => (until.hidden = overlap.value !== "");
  const overlap = el("select", { id: "overlap", onchange: show }, [...OVERLAPS, ["At a time…", ""]].map(([name, value]) => el("option", { value }, name)));
  overlap.value = 24 * HOUR;
  const choice = old.length > 0 && field("overlap", `The old ${lasting.length === 1 ? "secret ends" : "secrets end"}`, el("span.row", overlap, until), el("p.hint", "Until then the old one and the new one both work."));
  const wrong = el("p.error", { role: "alert" });
  const submit = button(old.length ? "Rotate" : "Add", null, { class: "primary", type: "submit" });
  const body = el("div.body", el("p", "The server makes a new secret, and shows it once."), choice, field("secret-label", "Label of the new one", label), wrong);
  const form = el("form", { onsubmit: send, novalidate: true }, body, el("footer", button("Cancel", () => dialog.close()), submit));
  const dialog = openDialog(old.length ? "Rotate the secret" : "Add a secret", form, { kind: "small" });

  async function send(event) {
    event.preventDefault();
    const end = overlap.value === "" ? fromInput(until.value) : fromNow(Number(overlap.value));
    if (old.length && !end) return void (wrong.textContent = "Say when the old ones end.");
    submit.disabled = true;
    const made = await rotate(context, client, lasting, label.value.trim() || null, end).catch((error) => ({ fault: error.message }));
    submit.disabled = false;
    if (made.fault) return void (wrong.textContent = made.fault);
    dialog.close();
    return showOnce("The new secret", client.clientId, made.secret);
  }
}

const field = (id, label, ...parts) => el("div.field", el("label", { for: id }, label), parts);

/** Create the new secret and end the old ones, in one call; none is given a longer life than it had. */
async function rotate(context, client, old, label, end) {
  const ending = old.filter(({ expiresAt }) => !expiresAt || expiresAt > end);
  const update = Object.fromEntries(ending.map(({ id }) => [id, { expiresAt: end }]));
  const answer = await context.session.set(context.type(SECRET), { create: { new: { oauthClientId: client.id, label } }, update });
  const error = answer.notCreated?.new ?? Object.values(answer.notUpdated ?? {})[0];
  if (answer.created?.new && error) announce(`The old secret goes on. ${sentence(error)}`, { error: true });
  return answer.created?.new ?? { fault: sentence(error) };
}
