/** Opens a study on the screen. */
import { batch } from "@preact/signals";
import { ApiError, get, type Images, type Maps, type SetName, type Study } from "../api";
import { refreshStudy } from "../list/follow";
import { map, selected, studies, tool, windowing, type Visit } from "../state";
import { fromPlane } from "./geometry";

/** The study that each visit is meant to show: it may still be on its way in, or its visit closed again by then. */
const wanted = new WeakMap<Visit, string>();

/** Whether a study was brought in, so that there is something to look at. */
export function hasCome(study: Study | undefined): boolean {
  return study !== undefined && (study.passes ?? 0) > 0;
}

async function loadMaps(id: string): Promise<Maps | null> {
  if (!(studies.value.find((one) => one.id === id)?.corrected ?? false)) return null;
  try {
    return await get<Maps>(`/studies/${id}/maps`);
  } catch (failure) {
    // An analysis without a map is no fault.
    if (failure instanceof ApiError && failure.status === 404) return null;
    throw failure;
  }
}

/** A value's old object where nothing in it changed, so that whoever follows it is not woken for nothing. */
function kept<T>(before: T, now: T): T {
  return JSON.stringify(before) === JSON.stringify(now) ? before : now;
}

/** Looks at the middle of the grid, at the pass that regions are drawn on, through the study's first window. */
function begin(visit: Visit, images: Images): void {
  const window = images.windows[0];
  if (window !== undefined && visit.key === "first") windowing.value = { level: window.level, width: window.width };
  visit.pass.value = images.reference ?? Math.floor(images.passes / 2);
  const { axial } = images.planes;
  visit.cross.value = fromPlane(axial, [Math.floor(axial.count / 2), Math.floor(axial.rows / 2), Math.floor(axial.columns / 2)]);
}

/** Loads a study's pictures, then its maps; called again it takes what changed and leaves the reader where he looks. */
export async function openVisit(visit: Visit, id: string): Promise<void> {
  if (visit.id.value !== id) {
    closeVisit(visit);
    // The brush of one study must not draw into the next.
    if (visit.key === "first") tool.value = "point";
  }
  wanted.set(visit, id);
  await refreshStudy(id);
  // The page shows how far the import is; what happens to the study is heard, and asks here again.
  if (wanted.get(visit) !== id || !hasCome(studies.value.find((one) => one.id === id))) return;
  visit.id.value = id;
  const maps = loadMaps(id);
  // Heard below; a failure before that is no unhandled one.
  maps.catch(() => undefined);
  const images = await get<Images>(`/studies/${id}/images`);
  if (visit.id.value !== id) return;
  batch(() => {
    const before = visit.images.value;
    visit.images.value = kept(before, images);
    const both = images.sets.includes("corrected");
    // A study just analysed is shown as corrected; one that was open already stays as the reader has it.
    if (before === null || before.sets.length < images.sets.length || !images.sets.includes(visit.set.value)) visit.set.value = both ? "corrected" : "acquired";
    if (before === null) begin(visit, images);
  });
  const known = await maps;
  if (visit.id.value !== id) return;
  batch(() => {
    visit.maps.value = kept(visit.maps.value, known);
    if (map.value !== null && visit.key === "first" && !known?.maps.some((one) => one.key === map.value)) map.value = null;
  });
}

export function closeVisit(visit: Visit): void {
  wanted.delete(visit);
  batch(() => {
    visit.id.value = null;
    visit.images.value = null;
    visit.maps.value = null;
    visit.pass.value = 0;
    if (selected.value?.visit === visit) selected.value = null;
    for (const camera of Object.values(visit.cameras)) camera.value = null;
  });
}

/** The other of acquired and corrected, where a study has both. */
export function otherSet(visit: Visit): SetName | null {
  const sets = visit.images.value?.sets ?? [];
  return sets.find((one) => one !== visit.set.value) ?? null;
}

export function toggleSet(visit: Visit): void {
  const other = otherSet(visit);
  if (other !== null) visit.set.value = other;
}
