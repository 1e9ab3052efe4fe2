// The audit trail of an object: who did what, and what each property was and became.

import { el, parts, showAll, shown, template } from "./dom.js";
import { addressOf, render } from "./render.js";
import { AUDIT } from "./views.js";

const PAGE = 10;

export function auditTrail({ context, name: objectType }, objectId) {
  const type = context.types.get(AUDIT);
  const section = el("section", template("trail"));
  const [list, none, more] = parts(section, "ol", ".soft", "button");
  let limit = PAGE;

  async function load() {
    const { list: events } = await type.find({ filter: { objectType, objectId }, limit: limit + 1 }, null);
    showAll(type, list, events.slice(0, limit), (event) => entry(type, event));
    none.hidden = events.length > 0;
    more.hidden = events.length <= limit;
  }
  const again = context.follow(list, AUDIT, load);
  more.onclick = () => again((limit += PAGE));
  return section;
}

function entry(type, event) {
  const { id, action, actorName, remoteIp, changes } = event;
  const what = action === "update" && Object.keys(changes).map((name) => fieldOf(type, event, name)?.label ?? name).join(", ");
  const title = [render(type, "at", event), " ", render(type, "action", event, true), " ", el("span.soft", "by "), shown(actorName)];
  const about = el("p.soft", remoteIp && ["from ", shown(remoteIp), " "], el("a", { href: addressOf(AUDIT, id) }, "whole event"));
  return el("li", el("details", el("summary", title, what && el("span.what", what)), changesOf(type, event), about));
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
