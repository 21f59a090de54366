/** Which curves are shown: of the numbers, and of the point looked at, which is asked as it moves. */

import { computed, effect, signal, type Signal } from "@preact/signals";
import { ApiError, get, type Voxel } from "../api";
import { t } from "../i18n";
import { chosen, drawnOf } from "../regions/desk";
import { nameOf } from "../regions/names";
import { first, language } from "../state";
import { fromPlane } from "../view/geometry";
import { panes } from "../view/pane";
import type { Curve } from "./forms";
import { figures } from "./numbers";
import { baselineOf, curvePart, enhancement, seriesOf, type Series } from "./series";

export const CURSOR = "cursor";
const CURSOR_COLOUR = "#ffffff";
/** Between two curves asked at the point looked at. */
const PAUSE_MS = 90;

export const off: Signal<ReadonlySet<string>> = signal(new Set());
export const part: Signal<string> = signal("whole");
/** The curve of the point looked at, in HU as asked, and as fitted. */
const point: Signal<{ readonly asked: Curve; readonly fitted: ReturnType<typeof curvePart> } | null> = signal(null);
export const fitAtPoint = signal(false);
export const radius: Signal<number> = signal(0);
/** Whether the curve follows the pointer over the images; else it stays with the crosshair. */
export const pointing = signal(false);

/** The voxel whose curve is shown: under the pointer if that is followed and over an image, else at the crosshair. */
function pointNow(): Voxel {
  if (pointing.value) {
    for (const pane of panes.value) {
      const pixel = pane.visit === first ? pane.pointed.value : null;
      const plane = pane.shape();
      if (pixel !== null && plane !== null) return fromPlane(plane, [pane.index.value, ...pixel]);
    }
  }
  return first.cross.value;
}

/** The lesion whose curve is shown: the selected region if it is one, else the first with numbers. */
export const shownLesion = computed(() => {
  const lesions = figures.live.value?.lesions ?? [];
  const now = chosen(first);
  return lesions.find((one) => one.id === now)?.id ?? (now === null ? lesions[0]?.id : undefined) ?? null;
});

/** Passes before the contrast, as the curves of the regions have them; null before anything tells. */
export const baselinePasses = computed(() => (figures.live.value ?? null)?.inputs.baseline_passes ?? first.images.value?.baseline_passes ?? null);

export const shown = computed((): Series[] => {
  void language.value;
  const drawn = drawnOf(first);
  const look = { label: nameOf, colour: (key: string) => drawn.colour(key) };
  const list = seriesOf(figures.live.value, shownLesion.value, part.value, look);
  if (point.value === null) return list;
  const { asked, fitted } = point.value;
  const hu = enhancement(asked.hu, baselineOf(asked.hu, baselinePasses.value));
  return [...list, { key: CURSOR, label: t("curves.cursor"), colour: CURSOR_COLOUR, times_s: asked.times_s, hu, ...fitted }];
});

interface PointCurve extends Curve {
  /** What the fit's answer holds: the curve it was fitted to. */
  readonly curve?: Curve;
}

/** Follows the crosshair with the curve of its voxel; the newest question wins. Returns the way to stop. */
export function followPoint(): () => void {
  let timer = 0;
  let running: AbortController | null = null;
  const ask = async (study: string, at: string, set: string, withFit: boolean, mm: number, model: string | null): Promise<void> => {
    running?.abort();
    const mine = (running = new AbortController());
    try {
      const answer = await get<PointCurve>(`/studies/${study}/curve?at=${at}&set=${set}&radius_mm=${mm}`, { signal: mine.signal });
      if (mine.signal.aborted) return;
      point.value = { asked: answer, fitted: null };
      if (!withFit) return;
      const fit = await get<PointCurve>(`/studies/${study}/curve/fit?at=${at}&radius_mm=${mm}${model === null ? "" : `&model=${model}`}`, { signal: mine.signal });
      if (!mine.signal.aborted) point.value = { asked: answer, fitted: curvePart(fit.curve ?? fit) };
    } catch (error) {
      // Outside the body there is no curve; the plot then shows the regions alone.
      if (error instanceof ApiError) point.value = null;
      else if (!(error instanceof DOMException)) throw error;
    }
  };
  const stop = effect(() => {
    const study = first.id.value;
    const at = pointNow().map((value) => Math.round(value)).join(",");
    const [set, withFit, mm, model] = [first.set.value, fitAtPoint.value, radius.value, figures.model.value];
    window.clearTimeout(timer);
    if (study === null || first.images.value === null) return;
    timer = window.setTimeout(() => void ask(study, at, set, withFit, mm, model), PAUSE_MS);
  });
  return () => {
    stop();
    window.clearTimeout(timer);
    running?.abort();
  };
}
