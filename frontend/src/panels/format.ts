/** Numbers and dates as the reader's language writes them. */

export type Language = "en" | "fr";

const LOCALES: Readonly<Record<Language, string>> = { en: "en-GB", fr: "fr-FR" };
/** Shown where a value has no meaning. */
export const NONE = "–";

const kept = new Map<string, Intl.NumberFormat>();

function formatter(language: Language, digits: number): Intl.NumberFormat {
  const key = `${language}${digits}`;
  let found = kept.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(LOCALES[language], { minimumFractionDigits: digits, maximumFractionDigits: digits });
    kept.set(key, found);
  }
  return found;
}

/** With so many decimals; a value that is missing or not finite is a dash. */
export function fixed(value: number | null | undefined, digits: number, language: Language): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const text = formatter(language, digits).format(value);
  return /^-[0.,\s]*$/.test(text) ? text.slice(1) : text;
}

/** A ratio with two decimals, or as many as show it on its own side of the cut-off that it was held against. */
export function sided(value: number | null | undefined, cut: number | null, language: Language): string {
  if (value === null || value === undefined || !Number.isFinite(value) || cut === null) return fixed(value, 2, language);
  let digits = 2;
  while (digits < 17 && Math.sign(Number(formatter("en", digits).format(value).replaceAll(",", "")) - cut) !== Math.sign(value - cut)) digits += 1;
  return fixed(value, digits, language);
}

/** Decimals that suit a value of this size: three figures or so, never more than `most`. */
export function decimals(value: number | null | undefined, most = 3): number {
  if (value === null || value === undefined || !Number.isFinite(value) || value === 0) return 1;
  const size = Math.floor(Math.log10(Math.abs(value)));
  return Math.max(0, Math.min(most, 2 - size));
}

/** A value and its standard deviation, both with the decimals the value deserves. */
export function withSd(value: number | null | undefined, sd: number | null | undefined, language: Language): string {
  const digits = decimals(value);
  const text = fixed(value, digits, language);
  return text === NONE || sd === null || sd === undefined || !Number.isFinite(sd) ? text : `${text} ± ${fixed(sd, digits, language)}`;
}

/** An interval as "0.67 to 1.04" or « 0,67 à 1,04 ». */
export function interval(ends: readonly [number, number] | null | undefined, digits: number, language: Language): string {
  if (ends === null || ends === undefined || !ends.every((end) => Number.isFinite(end))) return NONE;
  return `${fixed(ends[0], digits, language)} ${language === "fr" ? "à" : "to"} ${fixed(ends[1], digits, language)}`;
}

/** A probability in percent, never rounded to a certainty it is not. */
export function percent(value: number | null | undefined, language: Language): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const gap = language === "fr" ? "\u202f%" : "%";
  if (value < 0.005) return `< 1${gap}`;
  if (value > 0.995) return `> 99${gap}`;
  return `${fixed(100 * value, 0, language)}${gap}`;
}

/** Day and time of an ISO instant in the reader's own time zone; the text itself where it is no instant. */
export function moment(iso: string, language: Language): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return new Intl.DateTimeFormat(LOCALES[language], { dateStyle: "medium", timeStyle: "short" }).format(at);
}
