/** Every word of the page in English and French; a key missing in one of them is a type error. */
import { language } from "../state";
import { en } from "./en";
import { enGiven } from "./en.given";
import { enRead } from "./en.read";
import { fr } from "./fr";
import { frGiven } from "./fr.given";
import { frRead } from "./fr.read";

const dictionaries = { en: { ...en, ...enRead, ...enGiven }, fr: { ...fr, ...frRead, ...frGiven } };
export type Key = keyof typeof en | keyof typeof enRead | keyof typeof enGiven;

/** The text of a key in the reader's language, {names} filled in; follows the language where signals are followed. */
export function t(key: Key, fill: Record<string, string | number> = {}): string {
  const text: string = dictionaries[language.value][key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in fill ? String(fill[name]) : whole));
}

/** A number with a fixed count of decimals as the reader's language writes it; an en dash for none. */
export function number(value: number | null | undefined, decimals = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return new Intl.NumberFormat(language.value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);
}

/** A number with the digits it has, as the reader's language writes its decimal sign. */
export function written(value: number | string): string {
  return language.value === "fr" ? String(value).replace(".", ",") : String(value);
}

/** A date (YYYY-MM-DD, YYYYMMDD or a moment) in the reader's language. */
export function date(value: string | null | undefined, withTime = false): string {
  if (!value) return "–";
  const compact = /^(\d{4})(\d{2})(\d{2})$/.exec(value);
  const moment = new Date(compact ? `${compact[1]}-${compact[2]}-${compact[3]}T00:00` : /^\d{4}-\d{2}-\d{2}$/.test(value) ? `${value}T00:00` : value);
  if (Number.isNaN(moment.getTime())) return value;
  // Day before month in English too: 3/14 and 14/3 are one mistake fewer.
  return new Intl.DateTimeFormat(language.value === "en" ? "en-GB" : "fr", withTime ? { dateStyle: "medium", timeStyle: "short" } : { dateStyle: "medium" }).format(moment);
}
