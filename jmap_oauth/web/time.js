// Times as the reader's clock shows them, with the exact one on hover; and the other way round for forms.

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const MINUTE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const SECOND = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** Return a <time>; `day` means that the server keeps no more than the day, of UTC; `short` shows the date only. */
export function time(value, { day = false, short = false } = {}) {
  const moment = new Date(value);
  const element = document.createElement("time");
  element.dateTime = value;
  element.textContent = (day ? DAY : short ? DATE : MINUTE).format(moment);
  element.title = day ? `${value.slice(0, 10)} (UTC)` : `${SECOND.format(moment)} (${ZONE}) · ${value}`;
  return element;
}

/** Return how far away a time is, in words. */
export function distance(value) {
  const seconds = (Date.parse(value) - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["minute", 60];
  return AGO.format(Math.round(seconds / length), unit);
}

export const isPast = (value) => value != null && Date.parse(value) <= Date.now();

/** Return the UTC second that is some milliseconds from now, as the server keeps it. */
export const fromNow = (milliseconds) => toUtc(new Date(Date.now() + milliseconds));

const toUtc = (moment) => `${moment.toISOString().slice(0, 19)}Z`;

/** Turn the value of an <input type="datetime-local"> into UTC, or null. */
export function fromInput(value) {
  const moment = new Date(value);
  return value && !Number.isNaN(moment.getTime()) ? toUtc(moment) : null;
}

/** Turn a UTC time into the value of an <input type="datetime-local">. */
export function toInput(value) {
  if (!value) return "";
  const moment = new Date(value);
  return new Date(moment - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
