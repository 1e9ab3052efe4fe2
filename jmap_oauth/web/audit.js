// The audit trail of an object: who did what, and what each property was and became.

import { attempt, button, el, fill, shown, template } from "./dom.js";
import { addressOf, render } from "./render.js";
import { AUDIT } from "./views.js";

const PAGE = 10;

export function auditTrail({ context, name: objectType }, objectId) {
  const type = context.types.get(AUDIT);
  const list = el("ol.trail");
  const more = button("Older", () => load((limit += PAGE)), { hidden: true });
  const question = { filter: { objectType, objectId } };
  let limit = PAGE;

  async function load() {
    const events = (await attempt(() => type.find({ ...question, limit: limit + 1 }, null)))?.list;
    if (!events) return;
    const open = [...list.querySelectorAll("details[open]")].map((each) => each.dataset.id);
    const items = events.slice(0, limit).map((event) => entry(type, event, open.includes(event.id)));
    fill(list, items.length ? items : el("li.soft", "Nothing is written down."));
    more.hidden = events.length <= limit;
  }
  context.onChange(list, [AUDIT], load);
  load();
  return el("section", el("h3", "Audit trail"), list, more);
}

function entry(type, event, open) {
  const { id, action, actorName, remoteIp, changes } = event;
  const what = action === "update" && Object.keys(changes).map((name) => fieldOf(type, event, name)?.label ?? name).join(", ");
  const title = [render(type, "at", event), " ", render(type, "action", event, true), " ", el("span.soft", "by "), shown(actorName)];
  const about = el("p.soft", remoteIp && ["from ", shown(remoteIp), " "], el("a", { href: addressOf(AUDIT, id) }, "whole event"));
  return el("li", el("details", { "data-id": id, open }, el("summary", title, what && el("span.what", what)), changesOf(type, event), about));
}

const fieldOf = ({ context }, { objectType }, name) => context.types.get(objectType)?.fields.get(name);

export function changesOf(type, event) {
  const rows = Object.entries(event.changes).map(([name, change]) => {
    const field = fieldOf(type, event, name);
    const [before, after] = sides(field, change).map((value) => side(type.context.types.get(event.objectType), name, value));
    return el("tr", el("th", { scope: "row" }, shown(field?.label ?? name)), el("td.before", before), el("td.after", after));
  });
  const table = template("changes");
  table.querySelector("tbody").append(...rows);
  return rows.length ? table : el("p.soft", "No property is told.");
}

const isDigest = (value) => value?.sha256 !== undefined && value.size !== undefined;

/** Of sets only the members that changed are told, if they were there before. */
function sides(field, { from, to }) {
  if (field?.kind.type !== "set" || !from || !to || isDigest(from) || isDigest(to)) return [from, to];
  const without = (one, other) => Object.fromEntries(Object.entries(one).filter(([member]) => !(member in other)));
  return [without(from, to), without(to, from)];
}

function side(type, name, value) {
  if (value === "****") return "••••••••";
  if (isDigest(value)) return el("span.soft", { title: `SHA-256 ${value.sha256}` }, `${value.size.toLocaleString()} bytes`);
  return type ? render(type, name, { [name]: value }) : shown(JSON.stringify(value));
}
