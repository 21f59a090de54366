/** What the page shows now, as signals; whoever reads one in a component or an effect follows it. */
import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Images, Maps, Me, PlaneName, SetName, Study, Voxel, Words } from "./api";
import { planeIndex } from "./view/geometry";

/** Where a plane is looked at: the pixel (row, column) at the pane's centre and how many screen pixels a millimetre takes; null fits the slice. */
export interface Camera {
  row: number;
  column: number;
  scale: number;
}

/** One study on the screen. The second is there when two visits stand side by side. */
export class Visit {
  readonly id: Signal<string | null> = signal(null);
  readonly images: Signal<Images | null> = signal(null);
  readonly maps: Signal<Maps | null> = signal(null);
  readonly set: Signal<SetName> = signal("acquired");
  readonly pass: Signal<number> = signal(0);
  /** The point looked at; the slice that every plane shows follows from it. */
  readonly cross: Signal<Voxel> = signal([0, 0, 0]);
  readonly cameras: Record<PlaneName, Signal<Camera | null>> = { axial: signal(null), coronal: signal(null), sagittal: signal(null) };
  readonly study: ReadonlySignal<Study | null> = computed(() => studies.value.find((one) => one.id === this.id.value) ?? null);
  readonly indices: Record<PlaneName, ReadonlySignal<number>>;

  constructor(readonly key: "first" | "second") {
    const index = (plane: PlaneName) => computed(() => (this.images.value ? planeIndex(this.images.value.planes[plane], this.cross.value) : 0));
    this.indices = { axial: index("axial"), coronal: index("coronal"), sagittal: index("sagittal") };
  }
}

export interface Bounds {
  lower: number | null;
  upper: number | null;
}
export const NO_BOUNDS: Bounds = { lower: null, upper: null };

export type Layout = "planes" | "one" | "maps" | "visits";

export const studies: Signal<Study[]> = signal([]);
export const first = new Visit("first");
export const second = new Visit("second");

export const me: Signal<Me | null> = signal(null);
export const language: Signal<"en" | "fr"> = signal("en");
export const reader: ReadonlySignal<string> = computed(() => me.value?.reader ?? "");
/** True when this person may edit and sign. */
export const mayEdit: ReadonlySignal<boolean> = computed(() => me.value !== null && me.value.role !== "viewer");
export const words: Signal<Words | null> = signal(null);
export const palettes: Signal<Record<string, [number, number, number][]>> = signal({});

export const layout: Signal<Layout> = signal("planes");
/** The plane that the layouts "one" and "visits" show. */
export const bigPlane: Signal<PlaneName> = signal("axial");
export const windowing: Signal<{ level: number; width: number }> = signal({ level: 80, width: 300 });
export const playing: Signal<boolean> = signal(false);
export const rate: Signal<number> = signal(5);

/** The map laid over the images (its key), or null. */
export const map: Signal<string | null> = signal(null);
export const opacity: Signal<number> = signal(0.6);
/** Of each map (by key), the values between which it is shown; null = no bound. */
export const bounds: Signal<Record<string, Bounds>> = signal({});
/** Fade a map where its standard deviation is large beside its value. */
export const fade: Signal<boolean> = signal(false);
/** The maps of the layout "maps", pane by pane. */
export const fourMaps: Signal<(string | null)[]> = signal([null, null, null, null]);

/** The active pointer tool: a name registered with tools.register. */
export const tool: Signal<string> = signal("point");
/** The studies of a study's patient, itself included; of one that does not say whose it is, itself alone. */
export function visitsOf(study: Study): Study[] {
  return studies.value.filter((one) => one.id === study.id || (study.patient_key !== "" && one.patient_key === study.patient_key));
}

/** The selected region, in the visit where it was selected; the other visit may have another lesion of that name. */
export const selected: Signal<{ readonly visit: Visit; readonly name: string } | null> = signal(null);
export const crosshair: Signal<boolean> = signal(true);

/** What went wrong last and should be said; shown as an alert until closed. */
export const alarm: Signal<{ code: string; what: string; advice: string; study?: string } | null> = signal(null);
/** What a screen reader should say. */
export const said: Signal<string> = signal("");
