/** A cohort as the server tells it, and the geometry of its drawings. */

export interface CohortLine {
  readonly id: string;
  readonly name: string;
  readonly at?: string | null;
  readonly state?: string | null;
}

export type Cell = string | number | boolean | null;
export type TableRow = Readonly<Record<string, Cell>> & { readonly study?: string | null };

/** Colours of curves and groups, told apart by the colour-blind too. */
export const COLOURS = ["#56b4e9", "#e69f00", "#00c08b", "#cc79a7", "#f0e442", "#b39dff"];

/** A threshold of a ROC curve: `cut` as the study writes it (null at both ends), and the rows whose `value` it is the first to call positive, several where they tie. */
export interface RocPoint {
  readonly falsePositive: number;
  readonly sensitivity: number;
  readonly cut: string | null;
  readonly value: number | null;
  readonly rows: readonly number[];
}

/** Words of the study in both languages. */
export interface Said {
  readonly en: string;
  readonly fr: string;
}

export interface Roc {
  readonly column: string;
  readonly label: Said;
  /** Whether lower values mean positive. */
  readonly lower: boolean;
  readonly points: readonly RocPoint[];
  readonly area: number | null;
  readonly ci: readonly [number, number] | null;
  /** Of the study's own test between the two groups. */
  readonly p: number | null;
  /** The cut-off with the largest Youden index, as the study writes it. */
  readonly best: string | null;
}

export interface BoxValue {
  readonly value: number;
  readonly row: number | null;
}

export interface BoxGroup {
  readonly name: Said;
  readonly values: readonly BoxValue[];
}

export interface Boxes {
  readonly column: string;
  readonly label: Said;
  readonly unit?: string | null;
  readonly groups: readonly BoxGroup[];
}

export interface Cohort {
  readonly name: string;
  readonly columns: readonly string[];
  readonly table: readonly TableRow[];
  /** The column of outcomes. */
  readonly outcome: string | null;
  readonly roc: readonly Roc[];
  readonly boxes: readonly Boxes[];
  readonly results: Readonly<Record<string, unknown>> | null;
  /** Whether there are outcomes, so that anything was judged. */
  readonly estimated: boolean;
  readonly synthetic: boolean;
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly text: Said }[];
  /** Further studies that an example makes beside the first. */
  readonly parts: readonly string[];
  readonly files: readonly string[];
}

function finite(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** What the answer says under a key and, in French, under that key with `_fr`; results of an earlier release have English alone. */
function saidIn(raw: Record<string, unknown>, key: string, otherwise = ""): Said {
  const en = String(raw[key] ?? otherwise);
  return { en, fr: String(raw[`${key}_fr`] ?? en) };
}

function valuesOf(raw: unknown): BoxValue[] {
  if (!Array.isArray(raw)) return [];
  return raw.flatMap((one: unknown): BoxValue[] => {
    if (finite(one)) return [{ value: one, row: null }];
    const { value, row } = (one ?? {}) as { value?: unknown; row?: unknown };
    return finite(value) ? [{ value, row: finite(row) ? row : null }] : [];
  });
}

function groupsOf(raw: unknown): BoxGroup[] {
  if (Array.isArray(raw)) return raw.map((one: Record<string, unknown>) => ({ name: saidIn(one, "name"), values: valuesOf(one.values) }));
  if (typeof raw !== "object" || raw === null) return [];
  return Object.entries(raw).map(([name, values]) => ({ name: { en: name, fr: name }, values: valuesOf(values) }));
}

/** Results of an earlier release do not say whose value a point is: its curve is drawn without points to open. */
function rocOf(raw: Record<string, unknown>): Roc {
  const list = <T,>(key: string): readonly T[] => (Array.isArray(raw[key]) ? (raw[key] as T[]) : []);
  const [cuts, values, rows] = [list<string | null>("shown"), list<number | null>("values"), list<number[]>("rows")];
  return {
    column: String(raw.column),
    label: saidIn(raw, "label", String(raw.column)),
    lower: raw.direction === "lower",
    points: list<[number, number]>("points").map(([falsePositive, sensitivity], n) => ({ falsePositive, sensitivity, cut: cuts[n] ?? null, value: values[n] ?? null, rows: rows[n] ?? [] })),
    area: finite(raw.area) ? raw.area : null,
    ci: (raw.ci as Roc["ci"] | undefined) ?? null,
    p: finite(raw.p) ? raw.p : null,
    best: (raw.cut as { shown?: string } | null | undefined)?.shown ?? null,
  };
}

/** An answer of the server as a cohort; parts that are missing are empty, never a failure. */
export function cohortOf(raw: Record<string, unknown>): Cohort {
  const list = (key: string): Record<string, unknown>[] => (Array.isArray(raw[key]) ? (raw[key] as Record<string, unknown>[]) : []);
  const table = list("table") as unknown as TableRow[];
  const named = Array.isArray(raw.columns) ? (raw.columns as unknown[]).map(String) : [...new Set(table.flatMap((row) => Object.keys(row)))];
  return {
    name: String(raw.name ?? ""),
    columns: named.filter((name) => name !== "study"),
    table,
    outcome: (raw.outcome as string | undefined) ?? null,
    roc: list("roc").map(rocOf),
    boxes: list("boxes").map((one) => ({ column: String(one.column), label: saidIn(one, "label", String(one.column)), unit: (one.unit as string | undefined) ?? null, groups: groupsOf(one.groups) })),
    results: (raw.results as Record<string, unknown> | undefined) ?? null,
    estimated: raw.estimated !== false,
    synthetic: raw.synthetic === true || (raw.results as { synthetic?: boolean } | null | undefined)?.synthetic === true,
    findings: list("findings").map((one) => ({ code: String(one.code), severity: String(one.severity), text: saidIn(one, "text") })),
    parts: Array.isArray(raw.parts) ? (raw.parts as string[]) : [],
    files: Array.isArray(raw.files) ? (raw.files as string[]) : [],
  };
}

/** Patient and lesion of a row. */
export function lesionOf(cohort: Cohort, row: number | null): string {
  const found = row === null ? undefined : cohort.table[row];
  return found === undefined ? "" : [found.patient, found.lesion].filter((cell) => cell !== null && cell !== undefined && cell !== "").join(", ");
}

export interface Five {
  readonly low: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly high: number;
}

function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const rest = at - below;
  return sorted[below]! + rest * ((sorted[below + 1] ?? sorted[below]!) - sorted[below]!);
}

/** Median, quartiles (linear between order statistics) and whiskers to the last value within 1.5 interquartile ranges. */
export function five(values: readonly number[]): Five | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((share) => quantile(sorted, share)) as [number, number, number];
  const reach = 1.5 * (q3 - q1);
  return { q1, median, q3, low: sorted.find((value) => value >= q1 - reach)!, high: sorted.findLast((value) => value <= q3 + reach)! };
}

/** Round marks that span values: at most about `count` of them. */
export function marks(low: number, high: number, count = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((one) => one >= rough - 1e-12)!;
  const found: number[] = [];
  for (let mark = Math.ceil(low / step - 1e-9) * step; mark <= high + step * 1e-9; mark += step) found.push(Math.abs(mark) < step * 1e-9 ? 0 : mark);
  return found;
}

/** A sideways place for each point so that near equals do not cover each other: -1 to 1. */
export function spread(values: readonly number[], near: number): number[] {
  const placed: { value: number; side: number }[] = [];
  const order = values.map((value, n) => ({ value, n })).sort((a, b) => a.value - b.value);
  const found = new Array<number>(values.length).fill(0);
  const sides = [0, 0.3, -0.3, 0.6, -0.6, 0.9, -0.9];
  for (const { value, n } of order) {
    const taken = new Set(placed.filter((one) => value - one.value < near).map((one) => one.side));
    const side = sides.find((one) => !taken.has(one)) ?? 0;
    placed.push({ value, side });
    found[n] = side;
  }
  return found;
}
