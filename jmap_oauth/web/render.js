// Values as people read them, everywhere the same: in lists, details and the audit trail.

import { copyButton, el, mixesAlphabets, shown, visible } from "./dom.js";
import { distance, isPast, time } from "./time.js";
import { AUDIT, isDay } from "./views.js";

const STATUS = { active: "Active", disabled: "Disabled", expired: "Expired", pending: "Pending" };
const LONG = 300;

/** Return a value as a node; `short` is for lists, where each has one line. */
export function render(context, type, name, record, { short = false } = {}) {
  if (name === "status") return badge(STATUS[type.statusOf(record)], type.statusOf(record));
  const value = record[name];
  const field = type.fields.get(name);
  if (isNothing(value)) return el("span.nothing", short ? "–" : "not set");
  if (name === "objectId" && type.name === AUDIT) return reference(context, record.objectType, value, { id: true });
  if (field?.kind.format === "secret") return el("span.mono", "••••••••");
  return renderKind(context, field?.kind ?? {}, value, { short, day: isDay(type, name), name, type });
}

function renderKind(context, kind, value, options) {
  switch (kind.type) {
    case "utcDateTime":
      return options.name === "expiresAt" && !options.short ? el("span", time(value), ` (${distance(value)})`) : time(value, { ...options, short: options.short && options.name !== "at" });
    case "boolean":
      return value ? "Yes" : "No";
    case "objectId":
      return reference(context, kind.objectName, value);
    case "enum":
      return options.short ? badge(context.schema.labelOf(kind.enumName, value), value) : shown(context.schema.labelOf(kind.enumName, value));
    case "number":
      return options.name.endsWith("Lifespan") ? duration(value) : value.toLocaleString();
    case "set":
      return options.short ? badges(Object.keys(value), labelIn(context, kind, options)) : list(Object.keys(value), labelIn(context, kind, options));
    case "map":
      return list(Object.entries(value), ([key, item]) => `${context.schema.labelOf(kind.keyClass.enumName, key)}: ${item.toLocaleString()}`);
    case "string":
      return text(value, options);
    default:
      return typeof value === "string" ? text(value, options) : el("pre", { tabindex: "0", "aria-label": "JSON" }, visible(JSON.stringify(value, null, 2)).replaceAll("⟨U+000A⟩", "\n"));
  }
}

export const isNothing = (value) => value == null || value === "" || (typeof value === "object" && !Object.keys(value).length);

function labelIn(context, kind, { type, name }) {
  const labels = type.view.suggestions?.[name] ?? {};
  return (member) => (kind.class.type === "enum" ? context.schema.labelOf(kind.class.enumName, member) : labels[member] || member);
}

function text(value, { short, name }) {
  if (name === "logo") return logo(value);
  const content = shown(short || value.length > 4000 ? cut(value) : value, { layout: !short });
  if (name === "clientId" || name.endsWith("Id") || name.endsWith("Uri")) {
    return el("span.mono.with-copy", { title: short ? visible(value) : null }, content, name === "clientId" && copyButton(value, "Copy client ID"));
  }
  const looksLike = mixesAlphabets(value) && el("span.unseen", { title: "Letters of several alphabets that look alike" }, "mixed letters");
  return el("span", { title: short && value.length > 30 ? visible(cut(value)) : null }, content, looksLike);
}

const cut = (value) => (value.length > LONG ? `${value.slice(0, LONG)}…` : value);

const SIGNATURES = { iVBORw0KGgo: "png", "/9j/": "jpeg", R0lGOD: "gif", UklGR: "webp" };
const DATA_URL = /^data:image\/(?:png|jpeg|gif|webp);base64,(?=[A-Za-z0-9+/]+={0,2}$)/;

/** Return a base64 image as a picture. A URL is only told: fetching it would tell its owner who looks. */
export function logo(value) {
  const signature = Object.keys(SIGNATURES).find((each) => value.startsWith(each));
  const source = signature ? `data:image/${SIGNATURES[signature]};base64,${value}` : value;
  if (!DATA_URL.test(source)) return el("span.mono", shown(cut(value)));
  return el("img.logo", { src: source, alt: "Logo" });
}

export function badge(label, name) {
  return el("span.badge", { "data-name": name }, shown(label));
}

function badges(members, labelOf) {
  const rest = members.length - 2;
  const title = visible(members.map(labelOf).join(", "));
  return el("span.badges", { title: rest > 0 ? title : null }, members.slice(0, 2).map((each) => badge(labelOf(each))), rest > 0 && ` +${rest}`);
}

function list(members, labelOf) {
  return el("ul.members", members.map((each) => el("li", shown(labelOf(each)))));
}

const STEPS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000], ["millisecond", 1]];

/** Return milliseconds in the largest unit that leaves nothing over. */
export function inUnit(value) {
  const [unit, size] = STEPS.find(([, each]) => value % each === 0 && value >= each) ?? STEPS.at(-2);
  return { count: value / size, unit, size };
}

function duration(value) {
  const { count, unit } = inUnit(value);
  return new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

/** An object of another type by its name, which comes when it is known; where it can be looked at, it is a link. */
export function reference(context, typeName, id, { id: byId = false } = {}) {
  const name = shown(id);
  const place = context.may(typeName, "Get") && typeName !== "x:OAuthClientSecret" ? el("a", { href: addressOf(typeName, id) }, name) : el("span", name);
  if (byId) name.classList.add("mono");
  context.nameOf(typeName, id).then((found) => {
    if (found === id) return;
    name.replaceWith(shown(found));
    place.title = visible(id);
  });
  return place;
}

/** Return the address of an object within the page; there is never more in it than this. */
export const addressOf = (typeName, id) => `#/${[typeName, id].filter(Boolean).map(encodeURIComponent).join("/")}`;

/** Return how a secret stands: the status, and when that ends. */
export function stateOf(type, record) {
  const status = type.statusOf(record);
  const ends = record.expiresAt && !isPast(record.expiresAt) && el("span.soft", " ends ", time(record.expiresAt), ` (${distance(record.expiresAt)})`);
  return [badge(STATUS[status], status), ends];
}
