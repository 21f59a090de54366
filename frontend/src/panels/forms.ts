/** Forms of the server's numbers: results of an analysis, live numbers, comparison, criteria, signature. */

export const PART_ORDER = ["whole", "vascular", "rim", "core", "surround"] as const;

export interface Valued {
  readonly value: number | null;
  readonly sd: number | null;
  readonly unit?: string;
  readonly map_mean?: number | null;
  readonly map_median?: number | null;
}

export interface Ratio {
  readonly value: number | null;
  readonly sd: number | null;
  readonly ci95: readonly [number, number] | null;
}

export interface Response {
  readonly criterion: string;
  readonly threshold: number | null;
  readonly category: string | null;
  readonly probability_major: number | null;
  readonly region: string;
  readonly ratio?: Ratio | null;
  readonly flags?: readonly string[];
}

/** A response as the report words it. */
export interface Rating {
  readonly criterion: string;
  readonly region: string;
  readonly part: string;
  /** With its interval. */
  readonly ratio: string;
  readonly probability: string;
  readonly category: string;
  readonly settled: boolean;
}

export interface Curve {
  readonly times_s: readonly number[];
  readonly hu: readonly (number | null)[];
  readonly baseline_hu?: number | null;
  readonly sd?: readonly (number | null)[] | null;
  readonly fit?: readonly (number | null)[] | null;
  readonly low?: readonly (number | null)[] | null;
  readonly high?: readonly (number | null)[] | null;
  readonly residual?: readonly (number | null)[] | null;
}

export interface Measured {
  readonly voxels: number;
  readonly parameters: Readonly<Record<string, Valued>>;
  readonly curve?: Curve | null;
  readonly r2?: number | null;
  readonly aic?: number | null;
  readonly residual_sd?: number | null;
  readonly delays_s?: Readonly<Record<string, number | null>> | null;
  readonly flags: readonly string[];
}

/** What live numbers and results of an analysis say alike of a lesion. */
interface Lesion {
  readonly id: string;
  readonly volume_ml: number | null;
  readonly longest_axial_diameter_mm: number | null;
  readonly flags: readonly string[];
  readonly ratio: Readonly<Record<string, Ratio | null>>;
  readonly response: readonly Response[];
  readonly ratings: readonly Rating[];
}

export interface LiveLesion extends Lesion {
  readonly version: number;
  readonly parts: Readonly<Record<string, Measured>>;
}

export interface Numbers {
  /** The study's last edit, and the images: numbers of two states differ in them. */
  readonly cursor: number;
  readonly series: string;
  readonly model: string;
  readonly seconds: number;
  readonly inputs: {
    readonly times_s: readonly number[];
    readonly aorta: readonly (number | null)[];
    readonly portal: readonly (number | null)[] | null;
    /** How many passes from the first are before the contrast; or which. */
    readonly baseline_passes: number | readonly number[] | null;
    readonly dense?: { readonly times_s: readonly number[]; readonly arterial: readonly number[]; readonly portal: readonly number[] | null } | null;
    readonly flags: readonly string[];
  };
  readonly healthy: Measured | null;
  readonly lesions: readonly LiveLesion[];
  readonly flags: readonly string[];
}

/** A region of lesions.json: voxels, flags where any, and every parameter under its own key. */
export type ResultRegion = Readonly<Record<string, Valued | number | readonly string[] | null>>;

export interface ResultLesion extends Lesion {
  readonly regions: Readonly<Record<string, ResultRegion>>;
}

export interface Results {
  readonly model: string;
  readonly units: Readonly<Record<string, string>>;
  readonly healthy: ResultRegion | null;
  readonly lesions: readonly ResultLesion[];
  readonly stale: boolean;
  readonly flags: readonly string[];
  readonly made?: string | { readonly at?: string; readonly motion?: string; readonly language?: "en" | "fr" } | null;
}

/** What a criterion says of a part of a lesion: numbers and words. */
export interface Rated {
  readonly response: Response;
  readonly rating: Rating;
}

/** One lesion of the table, whichever way its numbers came. */
export interface Row {
  readonly id: string;
  readonly live: boolean;
  /** Not yet of the regions as they are drawn. */
  readonly waits: boolean;
  readonly volume_ml: number | null;
  readonly diameter_mm: number | null;
  readonly flags: readonly string[];
  readonly bf: Ratio | null;
  readonly ratios: Readonly<Record<string, Ratio | null>>;
  readonly rated: readonly Rated[];
  readonly parts: Readonly<Record<string, { readonly voxels: number; readonly parameters: Readonly<Record<string, Valued>>; readonly flags: readonly string[] }>>;
}

function parameters(region: ResultRegion): Record<string, Valued> {
  const found: Record<string, Valued> = {};
  for (const [key, value] of Object.entries(region)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value) && "value" in value) found[key] = value as Valued;
  }
  return found;
}

/** Ratings with their numbers, in the server's order: the one that the report rules by comes first. */
function ratedOf(lesion: { readonly response: readonly Response[]; readonly ratings: readonly Rating[] }): Rated[] {
  return lesion.ratings.flatMap((rating) => {
    const response = lesion.response.find((one) => one.criterion === rating.criterion && one.region === rating.region);
    return response === undefined ? [] : [{ response, rating }];
  });
}

export function rowOfResult(lesion: ResultLesion): Row {
  const parts = Object.entries(lesion.regions).map(([part, region]) => {
    const flags = Array.isArray(region.flags) ? (region.flags as string[]) : [];
    return [part, { voxels: typeof region.voxels === "number" ? region.voxels : 0, parameters: parameters(region), flags }] as const;
  });
  return {
    id: lesion.id, live: false, waits: false, volume_ml: lesion.volume_ml, diameter_mm: lesion.longest_axial_diameter_mm, flags: lesion.flags,
    bf: lesion.ratio.bf ?? null, ratios: lesion.ratio, rated: ratedOf(lesion), parts: Object.fromEntries(parts),
  };
}

export function rowOfLive(lesion: LiveLesion): Row {
  return {
    id: lesion.id, live: true, waits: false, volume_ml: lesion.volume_ml, diameter_mm: lesion.longest_axial_diameter_mm, flags: lesion.flags,
    bf: lesion.ratio?.bf ?? null, ratios: lesion.ratio ?? {}, rated: ratedOf(lesion), parts: lesion.parts,
  };
}

/** The ratio that a row stands for: the one that the report rules by, else that of the whole lesion. */
export function shownRatio(row: Row): Ratio | null {
  return row.rated[0]?.response.ratio ?? row.bf;
}
