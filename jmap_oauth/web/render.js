// Values as people read them, everywhere the same: in lists, details and the audit trail.

import { copyButton, el, fill, shown, visible } from "./dom.js";
import { distance, time } from "./time.js";
import { AUDIT, KEY, KEY_IDS, SECRET } from "./views.js";

const LONG = 300;
const LONGEST = 4000;

/** Return a property of a record; `short` is for lists, where each has one line. */
export function render(type, name, record, short) {
  const { context, fields } = type;
  const value = name === "status" ? type.statusOf(record) : record[name];
  const { kind = {}, isSecret } = fields.get(name) ?? {};
  if (name === "status") return badge(value[0].toUpperCase() + value.slice(1), value);
  if (isNothing(value)) return el("span.soft", "–");
  if (isSecret) return el("span.mono", "••••••••");
  if (KEY_IDS.includes(name)) return reference(context, KEY, value);
  if (name === "objectId" && type.name === AUDIT) return reference(context, record.objectType, value);
  const { enumName } = kind.class ?? kind.keyClass ?? kind;
  const labels = new Map(context.options(enumName, name));
  const labelOf = (member) => labels.get(member) || member;
  switch (kind.type) {
    case "utcDateTime": return moment(type, name, value, short);
    case "boolean": return value ? "Yes" : "No";
    case "objectId": return reference(context, kind.objectName, value);
    case "enum": return short ? badge(labelOf(value), value) : shown(labelOf(value));
    case "number": return name.endsWith("Lifespan") ? duration(value) : value.toLocaleString();
    case "set": return (short ? badges : list)(Object.keys(value).map(labelOf));
    case "map": return list(Object.entries(value).map(([key, item]) => `${labelOf(key)}: ${item.toLocaleString()}`));
    default: return typeof value === "string" ? text(name, value, short) : json(value);
  }
}

export const isNothing = (value) => value == null || value === "" || (typeof value === "object" && !Object.keys(value).length);

/** Of the last use of all but secrets the server keeps no more than the day. */
function moment(type, name, value, short) {
  const element = time(value, { day: name === "lastUsedAt" && type.name !== SECRET, short: short && name !== "at" });
  return name === "expiresAt" && !short ? el("span", element, ` (${distance(value)})`) : element;
}

const json = (value) => el("pre", { tabIndex: 0, ariaLabel: "JSON" }, shown(JSON.stringify(value, null, 2), true));

function text(name, value, short) {
  if (name === "logo") return logo(value);
  const content = shown(short || value.length > LONGEST ? cut(value) : value, !short);
  const title = short && value.length > 24 && visible(cut(value));
  if (/(Id|Uri)$/.test(name)) return el("span.mono.with-copy", { title }, content, name === "clientId" && copyButton(value, "Copy client ID"));
  const isMixed = /\p{Script=Latin}/u.test(value) && /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(value);
  return el("span", { title }, content, isMixed && el("span.unseen", { title: "Letters of several alphabets that look alike" }, "mixed letters"));
}

const cut = (value) => (value.length > LONG ? `${value.slice(0, LONG)}…` : value);

const SIGNATURE = /^(iVBORw0KGgo|\/9j\/|R0lGOD|UklGR)/; // of PNG, JPEG, GIF and WebP
const DATA_URL = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$/;

/** A URL is only told: fetching it would tell its owner who looks. */
export function logo(value) {
  const src = SIGNATURE.test(value) ? `data:image/png;base64,${value}` : value; // browsers look at the bytes
  return DATA_URL.test(src) ? el("img.logo", { src, alt: "Logo" }) : el("span.mono", shown(cut(value)));
}

const badge = (label, name) => el("span.badge", { "data-name": name }, shown(label));

function badges(labels) {
  const rest = labels.length - 2;
  return el("span.badges", { title: rest > 0 && visible(labels.join(", ")) }, labels.slice(0, 2).map((each) => badge(each)), rest > 0 && `+${rest}`);
}

const list = (labels) => el("ul.members", labels.map((each) => el("li", shown(each))));

export const UNITS = { day: 86_400_000, hour: 3_600_000, minute: 60_000, second: 1_000, millisecond: 1 };

export const unitOf = (value) => (value ? Object.keys(UNITS).find((unit) => value % UNITS[unit] === 0) : "second");

function duration(value) {
  const unit = unitOf(value);
  return (value / UNITS[unit]).toLocaleString(undefined, { style: "unit", unit, unitDisplay: "long" });
}

function reference(context, typeName, id) {
  const isLink = context.may(typeName, "Get") && typeName !== SECRET;
  const place = el(isLink ? "a" : "span", { href: isLink && addressOf(typeName, id) }, shown(id));
  context.follow(place, typeName, async () => {
    const name = await context.nameOf(typeName, id);
    if (name !== id) Object.assign(fill(place, shown(name)), { title: id });
  });
  return place;
}

export const addressOf = (...names) => `#/${names.join("/")}`;
