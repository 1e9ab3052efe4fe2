// The secrets of a client: how they stand, and how they change.

import { reasonOf } from "./actions.js";
import { confirm, openDialog, showOnce } from "./dialogs.js";
import { announce, attempt, button, el, fill, parts, shown, template } from "./dom.js";
import { render } from "./render.js";
import { distance, fromInput, fromNow, isPast, time } from "./time.js";
import { SECRET } from "./views.js";

export function secretsOf(context, oauthClientId, client) {
  const type = context.types.get(SECRET);
  const list = el("ul.secrets");
  const tools = el("div.row");
  const change = (label, picture, old) => button(label, () => askRotation(type, client(), old), { picture });

  async function load() {
    const secrets = (await attempt(() => type.find({ filter: { oauthClientId } }, null)))?.list;
    if (!secrets) return;
    fill(list, secrets.map((each) => item(type, each)), !secrets.length && el("li.soft", "None: the client is public, or signs with its keys."));
    const mayAdd = secrets.length > 0 && type.may("Create");
    fill(tools, mayAdd && type.may("Update") && change("Rotate…", "rotate", secrets), mayAdd && change("Add…", "plus", []));
  }
  context.onChange(list, [SECRET], load);
  load();
  return el("section", el("h3", "Secrets"), list, tools);
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
    type.may("Destroy") && button("Revoke", () => attempt(() => askRevocation(type, secret)), { className: "quiet danger" }),
  );
}

async function askRevocation(type, secret) {
  const text = [el("span", nameOf(secret), " stops working at once."), "This cannot be undone."];
  if (!(await confirm("Revoke the secret?", text, "Revoke"))) return;
  const { notDestroyed } = await type.set({ destroy: [secret.id] });
  if (notDestroyed) announce(sentence(notDestroyed[secret.id]), true);
  else announce("Revoked.");
}

const sentence = (error) => (error.validationErrors?.[0]?.value ? `It ${error.validationErrors[0].value}.` : reasonOf(error));

/** Ask for a new secret; it takes the place of `old` ones, which end when the reader says. */
function askRotation(type, client, old) {
  const lasting = old.filter((each) => !isPast(each.expiresAt));
  const action = old.length ? "Rotate" : "Add";
  const body = el("div.body", template("rotation"));
  const [overlap, until, label, wrong] = parts(body, "#overlap", "#until", "#secret-label", ".error");
  if (lasting.length > 1) body.querySelector("label").textContent = "The old secrets end";
  if (!old.length) overlap.closest(".field").remove();
  overlap.onchange = () => (until.hidden = overlap.value !== "");
  const submit = el("button.primary", action);
  const form = el("form", { onsubmit: send, noValidate: true }, body, el("footer", button("Cancel", () => dialog.close()), submit));
  const dialog = openDialog(`${action} a secret`, form);

  async function send(event) {
    event.preventDefault();
    const end = overlap.value ? fromNow(Number(overlap.value)) : fromInput(until.value);
    if (old.length && !end) return void (wrong.textContent = "Say when the old ones end.");
    submit.disabled = true;
    try {
      const { secret, error } = await rotate(type, client, lasting, label.value.trim() || null, end);
      dialog.close();
      await showOnce("The new secret", client.clientId, secret);
      if (error) announce(`The old secret goes on. ${sentence(error)}`, true);
    } catch ({ message }) {
      wrong.textContent = message;
    }
    submit.disabled = false;
  }
}

/** Create the new secret and end the old ones, in one call; none is given a longer life than it had. */
async function rotate(type, client, old, label, end) {
  const ending = old.filter(({ expiresAt }) => !expiresAt || expiresAt > end);
  const update = Object.fromEntries(ending.map(({ id }) => [id, { expiresAt: end }]));
  const { created, notCreated, notUpdated } = await type.set({ create: { new: { oauthClientId: client.id, label } }, update });
  const [error] = Object.values({ ...notCreated, ...notUpdated });
  if (!created) throw new Error(sentence(error));
  return { ...created.new, error };
}
