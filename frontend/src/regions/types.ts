/** What a reader draws, as the server tells it. Points of shapes are (row, column) of an axial array slice. */

export type Kind = "aorta" | "portal_vein" | "spleen" | "liver" | "healthy" | "lesion";
export type Origin = "proposed" | "given" | "drawn";
export type Part = "vascular" | "rim" | "core" | "surround";
export type PlaneName = "axial" | "coronal" | "sagittal";

/** (row, column) in voxels of an axial slice. */
export type Point = readonly [number, number];
/** Slice, row, column of the study's grid. */
export type Voxel = readonly [number, number, number];
/** Patient coordinates in mm (LPS). */
export type Place = readonly [number, number, number];
/** First and one-past-last index on each axis: k0, k1, j0, j1, i0, i1. */
export type Box = readonly [number, number, number, number, number, number];

export interface Shape {
  readonly kind: "ellipse" | "spline" | "freehand";
  readonly points: readonly Point[];
}

export type Shapes = Readonly<Record<string, Shape>>;

export interface Shift {
  readonly pass: number;
  readonly mm: Place;
}

export interface Caliper {
  readonly long: readonly [Place, Place];
  readonly short: readonly [Place, Place];
  readonly long_mm: number;
  readonly short_mm: number;
}

/** What of a lesion enhances in the arterial phase; both sizes 0: nothing. Typed sizes have no axes. */
export interface Viable {
  readonly long_mm: number;
  readonly short_mm: number | null;
  readonly axes: Caliper | null;
  readonly pass: number | null;
}

/** A reader's group of a lesion, by Chun. */
export type Group = 1 | 2 | 3;

export interface Identity {
  readonly study: string;
  readonly lesion: string;
}

export interface Region {
  readonly name: string;
  readonly kind: Kind;
  readonly version: number;
  readonly origin: Origin;
  readonly by: string;
  readonly at: string;
  readonly voxels: number;
  readonly volume_ml: number;
  readonly box: Box;
  /** Slices with an outline of their own. */
  readonly slices: readonly number[];
  /** The outlines by slice: in the answer to an edit, not in the list. */
  readonly shapes?: Shapes;
  readonly shifts: readonly Shift[];
  readonly caliper: Caliper | null;
  readonly identity: Identity | null;
  readonly morphology: readonly { readonly reader: string; readonly group: Group }[];
  readonly viable: Viable | null;
  readonly deleted: boolean;
}

export interface RegionsAnswer {
  readonly regions: readonly Region[];
  readonly cursor: number;
  readonly undo: boolean;
  readonly redo: boolean;
}

export type Edit =
  | { readonly kind: "shapes"; readonly shapes: Readonly<Record<string, Shape | null>> }
  | {
      readonly kind: "brush";
      readonly plane: PlaneName;
      readonly index: number;
      readonly path: readonly Point[];
      readonly radius_mm: number;
      readonly erase: boolean;
      readonly ball: boolean;
    }
  | { readonly kind: "click"; readonly at: Voxel }
  | { readonly kind: "mask"; readonly box: Box; readonly bits: string }
  | { readonly kind: "move"; readonly mm: Place }
  | { readonly kind: "shift"; readonly pass: number; readonly mm: Place }
  | { readonly kind: "caliper"; readonly caliper: Caliper | null }
  | { readonly kind: "morphology"; readonly group: Group | null }
  | { readonly kind: "viable"; readonly viable: Pick<Caliper, "long" | "short"> | Pick<Viable, "long_mm" | "short_mm"> | null }
  | { readonly kind: "identity"; readonly identity: Identity | null }
  | { readonly kind: "propose" }
  | { readonly kind: "rename"; readonly to: string }
  | { readonly kind: "delete" };

export interface HistoryEntry {
  readonly version: number;
  readonly kind: string;
  readonly who: string;
  readonly at: string;
  /** An edit that came second and was kept beside the others. */
  readonly lost?: boolean;
  readonly edit?: { readonly kind?: string } | null;
}

export const VESSELS: readonly Kind[] = ["aorta", "portal_vein", "spleen"];
export const FIXED_NAMES: readonly Kind[] = ["aorta", "portal_vein", "spleen", "liver", "healthy"];

export function kindOf(name: string): Kind {
  return (FIXED_NAMES as readonly string[]).includes(name) ? (name as Kind) : "lesion";
}

/** The first free `lesion-N`; names of deleted lesions stay theirs. */
export function nextLesion(names: Iterable<string>): string {
  const taken = new Set(names);
  let number = 1;
  while (taken.has(`lesion-${number}`)) number += 1;
  return `lesion-${number}`;
}
