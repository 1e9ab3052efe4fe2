// What can be done with objects, one or many; each asks first where something is lost.

import { confirm } from "./dialogs.js";
import { announce, button, el, emit, iconButton, shown, visible } from "./dom.js";

/** Send a /set in parts, say how many were done and why others were not, and return true. */
async function setAll(type, records, done, changesOf) {
  const errors = {};
  const size = type.context.session.maxObjectsInSet;
  for (let start = 0; start < records.length; start += size) {
    const { notUpdated, notDestroyed } = await type.set(changesOf(records.slice(start, start + size).map(({ id }) => id)));
    Object.assign(errors, notUpdated, notDestroyed);
  }
  const refused = records.filter(({ id }) => errors[id] && errors[id].type !== "notFound");
  const count = records.length - refused.length;
  const why = refused.slice(0, 5).map((record) => `${type.labelOf(record)}: ${reasonOf(errors[record.id])}`);
  if (refused.length > 5) why.push(`And ${refused.length - 5} more.`);
  if (refused.length) announce(`${count ? `${done} ${count}; ` : ""}${refused.length} refused. ${why.join(" ")}`, true);
  else announce(`${done} ${nameOf(type, records)}.`);
  return true;
}

const nameOf = (type, records) => (records.length === 1 ? visible(type.labelOf(records[0])) : `${records.length.toLocaleString()} ${type.plural}`);

/** Return what a SetError says to people. Only notFound says nothing itself. */
export const reasonOf = ({ description = "It is not there any more.", validationErrors: [{ value } = {}] = [] }) => (value ? `It ${value}.` : description);

async function enable(type, records, isEnabled) {
  const patches = (ids) => ({ update: Object.fromEntries(ids.map((id) => [id, { isEnabled }])) });
  const isSure = isEnabled || (await confirm(`Disable ${nameOf(type, records)}?`, "What is disabled cannot authenticate.", "Disable"));
  return isSure && setAll(type, records, isEnabled ? "Enabled" : "Disabled", patches);
}

async function destroy(type, records) {
  const count = records.length;
  const names = records.slice(0, 5).map((record) => el("li", shown(type.labelOf(record))));
  const text = [el("ul", names, count > 5 && el("li", `and ${count - 5} more`)), "This cannot be undone."];
  const what = count === 1 ? `this ${type.singular}` : nameOf(type, records);
  return (await confirm(`Delete ${what}?`, text, count === 1 ? "Delete" : `Delete ${count}`)) && setAll(type, records, "Deleted", (ids) => ({ destroy: ids }));
}

export function bulkActions(type) {
  const switches = type.fields.has("isEnabled") && type.may("Update");
  return [
    switches && { label: "Enable", picture: "enable", run: (records) => enable(type, records, true) },
    switches && { label: "Disable", picture: "disable", run: (records) => enable(type, records, false) },
    type.may("Destroy") && { label: "Delete", picture: "delete", className: "danger", run: (records) => destroy(type, records) },
  ].filter(Boolean);
}

/** Return the buttons for one object. A protected one says why it stays. */
export function rowActions(type, record, place, text) {
  const { id, isEnabled, isProtected } = record;
  const why = `This ${type.singular} is protected. Take the protection off first.`;
  const edit = () => emit(place, "edit", { type, id });
  const others = bulkActions(type).filter(({ label }) => label !== (isEnabled ? "Enable" : "Disable"));
  const actions = type.may("Update") ? [{ label: "Edit", picture: "edit", run: edit }, ...others] : others;
  return actions.map(({ label, picture, className, run }, index) => {
    const isRefused = isProtected && label === "Delete";
    const act = () => (isRefused ? announce(why, true) : run([record]));
    const kind = { "data-focus": `${id} ${index}`, ...(isRefused && { title: why, ariaDisabled: "true" }) };
    if (text) return button(label, act, { picture, className, ...kind });
    return iconButton(`${label} ${visible(type.labelOf(record))}`, picture, act, kind);
  });
}
