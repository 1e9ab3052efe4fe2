// Times as the reader's clock shows them, with the exact one on hover.

import { el } from "./dom.js";

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

const formatter = (options) => new Intl.DateTimeFormat(undefined, options);
const MINUTE = formatter({ dateStyle: "medium", timeStyle: "short" });
const SECOND = formatter({ dateStyle: "full", timeStyle: "long" });
const DATE = formatter({ dateStyle: "medium" });
const DAY = formatter({ dateStyle: "medium", timeZone: "UTC" });

/** Of a `day` the server keeps no more, in UTC; `short` shows the date only. */
export function time(value, { day, short } = {}) {
  const moment = new Date(value);
  const title = day ? `${value.slice(0, 10)} (UTC)` : `${SECOND.format(moment)} (${ZONE}) · ${value}`;
  return el("time", { dateTime: value, title }, (day ? DAY : short ? DATE : MINUTE).format(moment));
}

export function distance(value) {
  const seconds = (Date.parse(value) - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return AGO.format(Math.round(seconds / length), unit);
}

export const isPast = (value) => value != null && Date.parse(value) <= Date.now();

export const fromNow = (milliseconds) => toUtc(Date.now() + milliseconds);

const toUtc = (moment) => `${new Date(moment).toISOString().slice(0, 19)}Z`;

export const fromInput = (value) => (Number.isNaN(Date.parse(value)) ? null : toUtc(value));

export function toInput(value) {
  const moment = new Date(value);
  return value ? toUtc(moment - moment.getTimezoneOffset() * 60_000).slice(0, -1) : "";
}
