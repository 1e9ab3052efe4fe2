// What can be done with objects, one or many: enable, disable, delete; each asks first where something is lost.

import { announce, attempt, button, el, shown, visible } from "./dom.js";
import { confirm } from "./dialogs.js";

const chunks = (items, size) => Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

/** Send a /set in parts, and return the SetErrors by id. */
async function setAll(context, type, ids, changesOf) {
  const errors = {};
  for (const part of chunks(ids, context.session.limits.maxObjectsInSet)) {
    const { notUpdated, notDestroyed } = await context.session.set(type, changesOf(part));
    Object.assign(errors, notUpdated, notDestroyed);
  }
  return errors;
}

/** Say how it went: how many, and of those that were refused why. */
function report(type, records, errors, done) {
  const refused = Object.entries(errors).filter(([, error]) => error.type !== "notFound");
  const count = records.length - refused.length;
  if (!refused.length) return announce(`${done} ${count === 1 ? visible(type.labelOf(records[0])) : `${count.toLocaleString()} ${type.plural}`}.`);
  const names = new Map(records.map((record) => [record.id, type.labelOf(record)]));
  const why = refused.slice(0, 5).map(([id, error]) => `${names.get(id)}: ${reasonOf(error)}`);
  const more = refused.length > 5 ? ` And ${refused.length - 5} more.` : "";
  return announce(`${count ? `${done} ${count}; ` : ""}${refused.length} refused. ${why.join(" ")}${more}`, { error: true });
}

const WORDS = {
  forbidden: "It is not allowed.",
  notFound: "It is not there any more.",
  objectIsLinked: "Others refer to it.",
  overQuota: "The quota is used up.",
  tooLarge: "It is too large.",
  primaryKeyViolation: "It is taken already.",
  invalidForeignKey: "It refers to what is not there.",
};

/** Return what a SetError says to people. */
export const reasonOf = (error) => error.description ?? WORDS[error.type] ?? `The server says ${error.type}.`;

/** Enable or disable. */
async function enable(context, type, records, isEnabled) {
  const patches = (ids) => ({ update: Object.fromEntries(ids.map((id) => [id, { isEnabled }])) });
  const question = records.length === 1 ? visible(type.labelOf(records[0])) : `${records.length.toLocaleString()} ${type.plural}`;
  const warning = `Until enabled again, ${records.length === 1 ? "it" : "they"} cannot authenticate.`;
  if (!isEnabled && !(await confirm(`Disable ${question}?`, warning, "Disable"))) return false;
  report(type, records, await setAll(context, type, records.map((each) => each.id), patches), isEnabled ? "Enabled" : "Disabled");
  return true;
}

/** Delete, after a question that says how many. */
export async function destroy(context, type, records) {
  const count = records.length.toLocaleString();
  const names = records.slice(0, 5).map((record) => el("li", shown(type.labelOf(record) || record.id)));
  const rest = records.length > 5 ? el("li", `and ${records.length - 5} more`) : null;
  const title = records.length === 1 ? `Delete this ${type.singular}?` : `Delete ${count} ${type.plural}?`;
  const text = [el("ul", names, rest), "This cannot be undone."];
  if (!(await confirm(title, text, records.length === 1 ? "Delete" : `Delete ${count}`))) return false;
  report(type, records, await setAll(context, type, records.map((each) => each.id), (ids) => ({ destroy: ids })), "Deleted");
  return true;
}

/** Return what can be done with many objects: a label, a picture, and what runs with the records. */
export function bulkActions(context, type) {
  const switches = type.fields.has("isEnabled") && context.session.may(type, "Update") && [
    { label: "Enable", picture: "enable", run: (records) => enable(context, type, records, true) },
    { label: "Disable", picture: "disable", run: (records) => enable(context, type, records, false) },
  ];
  const deleting = context.session.may(type, "Destroy") && [{ label: "Delete", picture: "delete", danger: true, run: (records) => destroy(context, type, records) }];
  return [...(switches || []), ...(deleting || [])];
}

/** Return the buttons for one object; `text` shows their names beside the pictures. */
export function rowActions(context, type, record, place, { text = false } = {}) {
  const name = text ? "" : ` ${visible(type.labelOf(record))}`;
  const { session } = context;
  const edit = () => place.dispatchEvent(new CustomEvent("edit", { bubbles: true, detail: { type, id: record.id } }));
  const toggle = () => attempt(() => enable(context, type, [record], !record.isEnabled));
  const kind = { text, class: text ? null : "quiet" };
  return [
    session.may(type, "Update") && button(`Edit${name}`, edit, { picture: "edit", "data-focus": "edit", ...kind }),
    session.may(type, "Update") && "isEnabled" in record &&
      button(`${record.isEnabled ? "Disable" : "Enable"}${name}`, toggle, { picture: record.isEnabled ? "disable" : "enable", "data-focus": "toggle", ...kind }),
    session.may(type, "Destroy") && deleteButton(context, type, record, `Delete${name}`, kind),
  ].filter(Boolean);
}

/** A protected object has the button too, and it says why it does nothing. */
function deleteButton(context, type, record, label, kind) {
  const why = record.isProtected ? `This ${type.singular} is protected. Take the protection off first.` : null;
  const run = () => (why ? announce(why, { error: true }) : attempt(() => destroy(context, type, [record])));
  const attributes = { picture: "delete", "data-focus": "delete", "aria-disabled": why && "true", ...kind };
  const made = button(label, run, { ...attributes, class: kind.text ? "danger" : kind.class });
  if (why) made.title = why;
  return made;
}


