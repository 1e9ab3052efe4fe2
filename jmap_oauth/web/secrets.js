// The secrets of a client: how they stand, and how they change.

import { reasonOf } from "./actions.js";
import { confirm, openDialog, showOnce } from "./dialogs.js";
import { announce, button, el, emit, parts, showAll, shown, template } from "./dom.js";
import { render } from "./render.js";
import { distance, fromInput, fromNow, isPast, time } from "./time.js";
import { SECRET } from "./views.js";

export function secretsOf(context, oauthClientId, client) {
  const type = context.types.get(SECRET);
  const section = el("section", template("secrets"));
  const [list, none, tools, rotating, adding] = parts(section, "ul", ".soft", ".row", "button", "button + button");
  const change = (old) => askRotation(type, oauthClientId, client, old);
  let secrets;
  rotating.hidden = !type.may("Create", "Update");
  rotating.onclick = () => change(secrets);
  adding.hidden = !type.may("Create");
  adding.onclick = () => change([]);

  async function load() {
    secrets = (await type.find({ filter: { oauthClientId } }, null)).list;
    showAll(type, list, secrets, (each) => item(type, each));
    none.hidden = secrets.length > 0;
    tools.hidden = !none.hidden;
  }
  context.follow(list, SECRET, load);
  return section;
}

const nameOf = ({ label, hint }) => [label ? shown(label) : !hint && "Secret", hint && el("span.mono", " …", shown(hint))];

function item(type, secret) {
  const { notBefore, createdAt, expiresAt, lastUsedAt } = secret;
  const ends = expiresAt && !isPast(expiresAt) && el("span.soft", " ends ", render(type, "expiresAt", secret));
  const begins = notBefore && !isPast(notBefore) && ["begins ", distance(notBefore), " · "];
  const used = lastUsedAt ? ["last used ", time(lastUsedAt)] : "never used";
  return el(
    "li",
    el("div", el("strong", nameOf(secret)), " ", render(type, "status", secret), ends),
    el("p.soft", begins, "made ", time(createdAt), " · ", used),
    type.may("Destroy") && button("Revoke", () => askRevocation(type, secret), { className: "quiet danger" }),
  );
}

async function askRevocation(type, secret) {
  const text = [el("span", nameOf(secret), " stops working at once."), "This cannot be undone."];
  if (!(await confirm("Revoke the secret?", text, "Revoke"))) return;
  const { notDestroyed } = await type.set({ destroy: [secret.id] });
  if (notDestroyed) announce(reasonOf(notDestroyed[secret.id]), true);
  else announce("Revoked.");
}

/** Ask for a new secret; it takes the place of `old` ones, which end when the reader says. */
function askRotation(type, oauthClientId, client, old) {
  const lasting = old.filter((each) => !isPast(each.expiresAt));
  const action = old.length ? "Rotate" : "Add";
  const dialog = openDialog(`${action} a secret`, template("rotation"));
  const [form, ending, overlap, until, label, wrong, cancel, submit] = parts(dialog, "form", "label", "#overlap", "#until", "#secret-label", ".error", "footer button", ".primary");
  if (lasting.length > 1) ending.textContent = "The old secrets end";
  if (!old.length) overlap.closest(".field").remove();
  overlap.onchange = () => (until.hidden = overlap.value !== "");
  cancel.onclick = () => emit(dialog, "cancel");
  submit.textContent = action;
  form.onsubmit = send;

  async function send(event) {
    event.preventDefault();
    const end = overlap.value ? fromNow(Number(overlap.value)) : fromInput(until.value);
    if (old.length && !end) return void (wrong.textContent = "Say when the old ones end.");
    submit.disabled = dialog.isSent = true;
    try {
      const { secret, error } = await rotate(type, oauthClientId, lasting, label.value.trim() || null, end);
      dialog.close();
      await showOnce("The new secret", client()?.clientId ?? "client", secret);
      if (error) announce(`The old secret goes on. ${reasonOf(error)}`, true);
    } catch ({ message }) {
      wrong.textContent = message;
    }
    submit.disabled = dialog.isSent = false;
  }
}

/** Create the new secret and end the old ones, in one call; none is given a longer life than it had. */
async function rotate(type, oauthClientId, old, label, end) {
  const ending = old.filter(({ expiresAt }) => !expiresAt || expiresAt > end);
  const update = Object.fromEntries(ending.map(({ id }) => [id, { expiresAt: end }]));
  const { created, notCreated, notUpdated } = await type.set({ create: { new: { oauthClientId, label } }, update });
  const [error] = Object.values({ ...notCreated, ...notUpdated });
  if (!created) throw new Error(reasonOf(error));
  return { ...created.new, error };
}
