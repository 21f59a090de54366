/** Opens a study on the screen. */
import { batch } from "@preact/signals";
import { ApiError, get, type Images, type Maps, type SetName } from "../api";
import { refreshStudy } from "../list/follow";
import { map, studies, windowing, type Visit } from "../state";
import { fromPlane } from "./geometry";

async function loadMaps(id: string): Promise<Maps | null> {
  await refreshStudy(id);
  if (!(studies.value.find((one) => one.id === id)?.corrected ?? false)) return null;
  try {
    return await get<Maps>(`/studies/${id}/maps`);
  } catch (failure) {
    // An analysis without a map is no fault.
    if (failure instanceof ApiError && failure.status === 404) return null;
    throw failure;
  }
}

/** Loads what a study's pictures are and looks at the middle of its grid, at the pass that regions are drawn on. */
export async function openVisit(visit: Visit, id: string): Promise<void> {
  if (visit.id.value !== id) closeVisit(visit);
  const [images, maps] = await Promise.all([get<Images>(`/studies/${id}/images`), loadMaps(id)]);
  const same = visit.id.value === id && visit.images.value !== null;
  batch(() => {
    visit.id.value = id;
    visit.images.value = images;
    visit.maps.value = maps;
    if (!images.sets.includes(visit.set.value) || !same) visit.set.value = images.sets.includes("corrected") ? "corrected" : "acquired";
    if (!same) {
      const window = images.windows[0];
      if (window !== undefined && visit.key === "first") windowing.value = { level: window.level, width: window.width };
      visit.pass.value = images.reference ?? Math.floor(images.passes / 2);
      const axial = images.planes.axial;
      visit.cross.value = fromPlane(axial, [Math.floor(axial.count / 2), Math.floor(axial.rows / 2), Math.floor(axial.columns / 2)]);
    }
    if (map.value !== null && !(maps?.maps.some((one) => one.key === map.value) ?? false)) map.value = null;
  });
}

export function closeVisit(visit: Visit): void {
  batch(() => {
    visit.id.value = null;
    visit.images.value = null;
    visit.maps.value = null;
    visit.pass.value = 0;
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
