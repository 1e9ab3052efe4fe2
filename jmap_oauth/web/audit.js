// The audit trail of an object: who did what and when, with what each property was and became.

import { attempt, button, el, shown, visible } from "./dom.js";
import { addressOf, badge, isNothing, render } from "./render.js";
import { time } from "./time.js";
import { AUDIT } from "./views.js";

const PAGE = 10;

/** Return a section with the newest events of an object, which grows as there are more. */
export function auditTrail(context, type, objectId, signal) {
  const list = el("ol.trail");
  const more = button("Older", () => load(false), { hidden: true });
  const section = el("section", el("h3", "Audit trail"), list, more);
  const filter = { objectType: type.name, objectId };
  const sort = [{ property: "at", isAscending: false }];

  async function load(anew) {
    const position = anew ? 0 : list.children.length;
    const limit = anew ? Math.max(PAGE, list.children.length) : PAGE;
    const answer = await attempt(() => context.session.find(AUDIT, { filter, sort, position, limit: limit + 1 }, null, signal));
    if (!answer) return;
    const open = new Set([...list.querySelectorAll("details[open]")].map((each) => each.dataset.id));
    const items = answer.list.slice(0, limit).map((event) => entry(context, event, open));
    if (anew) list.replaceChildren(...items);
    else list.append(...items);
    more.hidden = answer.list.length <= limit;
    if (!list.children.length) list.replaceChildren(el("li.soft", "Nothing is written down."));
  }
  context.onChange([AUDIT], () => load(true), signal);
  load(true);
  return section;
}

function entry(context, event, open) {
  const names = Object.keys(event.changes ?? {});
  const what = event.action === "update" ? names.map((name) => labelOf(context, event.objectType, name)).join(", ") : "";
  const summary = el("summary", time(event.at), " ", badge(context.schema.labelOf("AuditAction", event.action), event.action), " ", el("span.soft", "by "), shown(event.actorName), what && el("span.what", visible(what)));
  const about = el("p.soft", event.remoteIp && ["from ", shown(event.remoteIp), " "], el("a", { href: addressOf(AUDIT, event.id) }, "whole event"));
  return el("li", el("details", { "data-id": event.id, open: open.has(event.id) }, summary, changesOf(context, event), about));
}

const labelOf = (context, typeName, property) => context.type(typeName)?.fields.get(property)?.label ?? property;

/** Return a table of what an event changed: each property before and after. */
export function changesOf(context, event) {
  const changes = Object.entries(event.changes ?? {});
  if (!changes.length) return el("p.soft", "No property is told.");
  const heads = ["Property", "Before", "After"].map((head) => el("th", { scope: "col" }, head));
  const rows = changes.map(([name, { from, to }]) =>
    el("tr", el("th", { scope: "row" }, shown(labelOf(context, event.objectType, name))), ...sides(context, event.objectType, name, from, to)),
  );
  return el("table.changes", el("thead", el("tr", heads)), el("tbody", rows));
}

/** Of sets only the members that changed are told, if they were there before. */
function sides(context, typeName, name, from, to) {
  const isSet = context.type(typeName)?.fields.get(name)?.kind.type === "set" && isPlain(from) && isPlain(to);
  const without = (one, other) => Object.fromEntries(Object.entries(one).filter(([member]) => !(member in other)));
  const values = isSet ? [without(from, to), without(to, from)] : [from, to];
  return values.map((value, index) => el("td", { class: index ? "after" : "before" }, side(context, typeName, name, value)));
}

const isPlain = (value) => typeof value === "object" && value !== null && !("sha256" in value);

function side(context, typeName, name, value) {
  if (value === "****") return "••••••••";
  if (typeof value === "object" && value !== null && "sha256" in value) return el("span.soft", { title: `SHA-256 ${value.sha256}` }, `${value.size.toLocaleString()} bytes`);
  const type = context.type(typeName);
  if (isNothing(value)) return el("span.nothing", "–");
  return type ? render(context, type, name, { [name]: value }) : shown(typeof value === "string" ? value : JSON.stringify(value));
}
