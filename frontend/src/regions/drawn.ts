/** The regions of one study as the page holds them: the server's list, masks with their outlines, and what is still on its way. */

import { batch, signal, type Signal } from "@preact/signals";
import { ApiError, octets, get, send, upload } from "../api";
import type { Visit } from "../state";
import { parseBox, unpack, type Mask } from "./mask";
import { Outlines } from "./outline";
import type { Waiting } from "./outbox";
import { colourOf } from "./colours";
import { packed } from "./packed";
import { kindOf, nextLesion, type Caliper, type HistoryEntry, type Part, type Region, type RegionsAnswer, type Shape, type Shapes } from "./types";

export interface Held {
  readonly version: number;
  readonly mask: Mask;
  readonly outlines: Outlines;
}

export const PARTS: readonly Part[] = ["vascular", "rim", "core", "surround"];

export class Drawn {
  readonly list: Signal<readonly Region[]> = signal([]);
  readonly cursor = signal(0);
  readonly undoable = signal(false);
  readonly redoable = signal(false);
  /** Not yet on the server; clashed and refused ones among them. */
  readonly waiting: Signal<readonly Waiting[]> = signal([]);
  readonly hidden: Signal<ReadonlySet<string>> = signal(new Set());
  readonly parts: Signal<ReadonlySet<Part>> = signal(new Set());
  /** Counts up whenever outlines changed, so that overlays follow. */
  readonly drawnAnew = signal(0);
  readonly loading = signal(false);
  readonly failure: Signal<ApiError | null> = signal(null);

  readonly #masks = new Map<string, Held>();
  readonly #asked = new Map<string, number>();
  readonly #shapes = new Map<string, { readonly version: number; readonly shapes: Shapes }>();
  #study: string | null = null;
  #again = false;

  constructor(readonly visit: Visit) {}

  get study(): string | null {
    return this.#study;
  }

  /** Turns to another study (null: none); forgets what belonged to the one before. */
  open(study: string | null): void {
    if (study === this.#study) return;
    this.#study = study;
    this.#masks.clear();
    this.#asked.clear();
    this.#shapes.clear();
    batch(() => {
      this.list.value = [];
      this.cursor.value = 0;
      this.undoable.value = this.redoable.value = false;
      this.failure.value = null;
      this.anew();
    });
    if (study !== null) void this.load();
  }

  /** Has the overlays drawn again. */
  anew(): void {
    this.drawnAnew.value = this.drawnAnew.peek() + 1;
  }

  get(name: string | null): Region | null {
    return name === null ? null : (this.list.value.find((region) => region.name === name && !region.deleted) ?? null);
  }

  /** Regions that are not deleted, vessels first, lesions by number. */
  standing(): Region[] {
    return this.list.value.filter((region) => !region.deleted);
  }

  /** A name no lesion has had, deleted and unsent ones counted. */
  freeLesion(): string {
    return nextLesion([...this.list.value.map((region) => region.name), ...this.waiting.value.map((entry) => entry.region)]);
  }

  colour(name: string): string {
    return colourOf(name, this.get(name)?.kind ?? kindOf(name));
  }

  /** Asks the whole list anew; one request at a time, with one more after it where asked meanwhile. */
  async load(): Promise<void> {
    const study = this.#study;
    if (study === null) return;
    if (this.loading.value) {
      this.#again = true;
      return;
    }
    this.loading.value = true;
    try {
      const answer = await get<RegionsAnswer>(`/studies/${study}/regions`);
      if (study === this.#study) this.take(answer);
    } catch (error) {
      if (study === this.#study) this.failure.value = error instanceof ApiError ? error : null;
    } finally {
      this.loading.value = false;
      if (this.#again) {
        this.#again = false;
        void this.load();
      }
    }
  }

  /** Ends when no list is being asked. */
  async settled(): Promise<void> {
    while (this.loading.value) await new Promise((resolve) => window.setTimeout(resolve, 25));
  }

  take(answer: RegionsAnswer): void {
    batch(() => {
      this.failure.value = null;
      this.list.value = [...answer.regions].sort(byPlace);
      this.cursor.value = answer.cursor;
      this.undoable.value = answer.undo;
      this.redoable.value = answer.redo;
    });
    this.#fetchMasks();
  }

  /** Puts changed regions into the list. A version older than the one held is left out. */
  put(changed: readonly Region[]): void {
    const byName = new Map(this.list.value.map((region) => [region.name, region]));
    for (const region of changed) {
      if (region.shapes !== undefined) this.#shapes.set(region.name, { version: region.version, shapes: region.shapes });
      const old = byName.get(region.name);
      if (old === undefined || old.version <= region.version) byName.set(region.name, region);
    }
    this.list.value = [...byName.values()].sort(byPlace);
    this.#fetchMasks();
  }

  #fetchMasks(): void {
    for (const region of this.list.value) {
      if (region.deleted || region.voxels === 0) {
        if (this.#masks.delete(region.name)) this.anew();
        continue;
      }
      if (!this.hidden.value.has(region.name)) void this.#fetch(region.name, region.name, region.version);
    }
    for (const part of this.parts.value) {
      for (const region of this.standing()) {
        if (region.kind === "lesion" && region.voxels > 0) void this.#fetch(`${region.name}/parts/${part}`, `${region.name}/parts/${part}`, region.version);
      }
    }
  }

  async #fetch(key: string, path: string, version: number): Promise<void> {
    const study = this.#study;
    if (this.#asked.get(key) === version || this.#masks.get(key)?.version === version) return;
    this.#asked.set(key, version);
    try {
      const { data, headers } = await octets(`/studies/${study}/regions/${path}/mask`);
      if (study !== this.#study || this.#asked.get(key) !== version) return;
      const mask = unpack(parseBox(headers.get("X-Box") ?? ""), new Uint8Array(data));
      this.#masks.set(key, { version, mask, outlines: new Outlines(mask) });
      this.anew();
    } catch {
      // The outline is missing until the next change or reload asks again; the region itself is on the server.
      if (this.#asked.get(key) === version) this.#asked.delete(key);
      if (this.#masks.delete(key)) this.anew();
    }
  }

  /** A region's outline in a slice; null where it has none, and until its points are here. */
  shape(region: Region, k: number): Shape | null {
    if (!region.slices.includes(k)) return null;
    const held = this.#shapes.get(region.name);
    if (held?.version === region.version) return held.shapes[k] ?? null;
    void this.#fetchShapes(region);
    return null;
  }

  async #fetchShapes({ name, version }: Region): Promise<void> {
    const study = this.#study;
    const key = `${name}/shapes`;
    if (this.#asked.get(key) === version) return;
    this.#asked.set(key, version);
    try {
      const answer = await get<{ version: number; shapes: Shapes }>(`/studies/${study}/regions/${name}/shapes`);
      if (study !== this.#study) return;
      this.#shapes.set(name, answer);
      this.anew();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Without its points an outline has no handles; they are asked again when the region is next looked at.
      if (this.#asked.get(key) === version) this.#asked.delete(key);
    }
  }

  held(name: string, part?: Part): Held | null {
    return this.#masks.get(part === undefined ? name : `${name}/parts/${part}`) ?? null;
  }

  show(name: string, visible: boolean): void {
    const hidden = new Set(this.hidden.value);
    if (visible) hidden.delete(name);
    else hidden.add(name);
    this.hidden.value = hidden;
    this.anew();
    this.#fetchMasks();
  }

  showPart(part: Part, visible: boolean): void {
    const parts = new Set(this.parts.value);
    if (visible) parts.add(part);
    else parts.delete(part);
    this.parts.value = parts;
    this.anew();
    this.#fetchMasks();
  }

  /** One step back or on, as the server keeps it for everybody; a moved cursor means someone drew meanwhile. */
  async step(way: "undo" | "redo"): Promise<RegionsAnswer> {
    const answer = await send<RegionsAnswer>("POST", `/studies/${this.#study}/regions/${way}`, { cursor: this.cursor.value });
    batch(() => {
      this.cursor.value = answer.cursor;
      this.undoable.value = answer.undo;
      this.redoable.value = answer.redo;
    });
    this.put(answer.regions);
    return answer;
  }

  async history(name: string): Promise<HistoryEntry[]> {
    const answer = await get<{ versions?: HistoryEntry[]; history?: HistoryEntry[] }>(`/studies/${this.#study}/regions/${name}/history`);
    return answer.versions ?? answer.history ?? [];
  }

  async restore(name: string, version: number): Promise<void> {
    const base = this.list.value.find((region) => region.name === name)?.version ?? 0;
    const region = await send<Region>("POST", `/studies/${this.#study}/regions/${name}/restore`, { version, base });
    this.put([region]);
    void this.load();
  }

  /** Has everything missing proposed; tells what could not be found. */
  async propose(): Promise<readonly Refused[]> {
    const answer = await send<{ refused?: readonly Refused[] }>("POST", `/studies/${this.#study}/regions/propose`, {});
    await this.load();
    return answer.refused ?? [];
  }

  /** Takes regions from files: a label map with its names, segmentations or structure sets, or a .zip of them. */
  async importFrom(files: readonly File[]): Promise<void> {
    await upload(`/studies/${this.#study}/regions/import`, await packed(files), () => undefined);
    await this.load();
  }

  /** What of a lesion enhances in the arterial phase more than healthy liver, and the passes that say so; null where nothing does. */
  async enhancing(name: string): Promise<{ readonly axes: Caliper | null; readonly passes: readonly number[] }> {
    return get(`/studies/${this.#study}/regions/${name}/viable`);
  }

  /** The caliper that fits a lesion's outline; null where none does. */
  async calipered(name: string): Promise<Caliper | null> {
    return (await get<{ caliper: Caliper | null }>(`/studies/${this.#study}/regions/${name}/caliper`)).caliper;
  }
}

export interface Refused {
  readonly name: string;
  readonly error: { readonly code: string; readonly what: string; readonly advice: string };
}

const ORDER = ["aorta", "portal_vein", "spleen", "liver", "healthy", "lesion"];

function byPlace(a: Region, b: Region): number {
  return ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name, "en", { numeric: true });
}
