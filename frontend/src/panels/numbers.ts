/** Numbers of the regions as they are drawn now, asked anew after every edit; and those of the last analysis. */

import { batch, effect, signal, untracked, type Signal } from "@preact/signals";
import { ApiError, get, send } from "../api";
import { first, language, said, type Visit } from "../state";
import { number, t } from "../i18n";
import { chosen, drawnOf, onRegion } from "../regions/desk";
import { nameOf } from "../regions/names";
import { kindOf } from "../regions/types";
import { PART_ORDER, rowOfLive, shownRatio, type LiveLesion, type Numbers, type Results } from "./forms";

const SETTLE_MS = 40;
/** An answer takes no longer for the lesions after its first: one that took all would hold up those of the next edit. */
const PATIENCE_S = 0.25;
/** The healthy liver and the inputs among what waits. */
export const REFERENCE = "healthy";

export class Figures {
  /** The last answer, with every lesion's numbers as they came last. */
  readonly live: Signal<Numbers | null> = signal(null);
  /** What of it is not yet of the regions as drawn: lesions, and REFERENCE for the rest. */
  readonly waiting: Signal<ReadonlySet<string>> = signal(new Set());
  readonly results: Signal<Results | null> = signal(null);
  readonly busy = signal(false);
  readonly failure: Signal<ApiError | null> = signal(null);
  /** Model of the live numbers; null takes the server's own choice. */
  readonly model: Signal<string | null> = signal(null);
  /** Time from the last edit to all its numbers on the page, in ms. */
  readonly lastWait_ms = signal(0);

  #study: string | null = null;
  /** Ends with the next question: no answer to an earlier one is taken then. */
  #asking = new AbortController();
  #timer = 0;
  #turn = 0;
  #asked_at = 0;
  readonly #edited = new Set<string>();

  constructor(readonly visit: Visit) {}

  open(study: string | null): void {
    if (study === this.#study) return;
    this.#study = study;
    this.#asking.abort();
    window.clearTimeout(this.#timer);
    this.#edited.clear();
    batch(() => {
      this.live.value = null;
      this.waiting.value = new Set();
      this.results.value = null;
      this.failure.value = null;
      this.busy.value = false;
    });
  }

  async loadResults(): Promise<void> {
    const study = this.#study;
    if (study === null) return;
    const turn = (this.#turn += 1);
    const last = () => study === this.#study && turn === this.#turn;
    try {
      const results = await get<Results>(`/studies/${study}/results?language=${language.value}`);
      if (last()) this.results.value = results;
    } catch (error) {
      // A study without an analysis has no results yet; live numbers still work.
      if (!(error instanceof ApiError)) throw error;
      if (last()) this.results.value = null;
    }
  }

  /** Has all numbers asked anew soon, after an edit of a lesion its own first; questions that follow closely become one. */
  ask(edited?: string): void {
    if (this.#study === null) return;
    if (edited !== undefined) this.#edited.add(edited);
    this.#asking.abort();
    this.#asking = new AbortController();
    batch(() => {
      this.waiting.value = new Set([REFERENCE, ...this.#lesions()]);
      this.busy.value = true;
    });
    this.#asked_at = performance.now();
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#run(), SETTLE_MS);
  }

  /** Asks every part of one lesion, for its unfolded row or its curve. */
  async parts(lesion: string): Promise<void> {
    const study = this.#study;
    const { signal: asking } = this.#asking;
    if (study === null) return;
    try {
      const answer = await this.#request(study, { lesions: [lesion], parts: PART_ORDER }, asking);
      if (asking.aborted) return;
      this.#take(answer);
      if (this.waiting.value.size > 0 && !this.busy.value) this.ask();
    } catch (error) {
      if (asking.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.failure.value = error;
    }
  }

  #lesions(): string[] {
    return drawnOf(this.visit).standing().filter((region) => region.kind === "lesion" && region.voxels > 0).map((region) => region.name);
  }

  /** Lesions that wait: the one looked at, those edited, the others as they stand on the page. */
  #inOrder(): string[] {
    const waits = this.#lesions().filter((name) => this.waiting.value.has(name));
    const before = [untracked(() => chosen(this.visit)), ...this.#edited].filter((name) => name !== null && waits.includes(name)) as string[];
    return [...new Set([...before, ...waits])];
  }

  #request(study: string, asked: object, asking: AbortSignal): Promise<Numbers> {
    const model = this.model.value === null ? {} : { model: this.model.value };
    return send<Numbers>("POST", `/studies/${study}/numbers?language=${language.value}`, { ...model, ...asked }, { signal: asking });
  }

  async #run(): Promise<void> {
    const study = this.#study;
    const { signal: asking } = this.#asking;
    if (study === null || asking.aborted) return;
    try {
      do {
        const answer = await this.#request(study, { lesions: this.#inOrder(), patience_s: PATIENCE_S }, asking);
        if (asking.aborted) return;
        this.#take(answer);
        this.#say();
      } while (this.waiting.value.size > 0);
      this.failure.value = null;
      this.lastWait_ms.value = performance.now() - this.#asked_at;
      this.busy.value = false;
    } catch (error) {
      if (asking.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "LESION-UNKNOWN") {
        // One that was renamed or deleted elsewhere: the list is behind.
        await drawnOf(this.visit).load();
        await drawnOf(this.visit).settled();
        if (!asking.aborted) this.ask();
        return;
      }
      this.failure.value = error;
      this.busy.value = false;
    }
  }

  /** Puts an answer in the place of what was known. Where it is of another state, all that it leaves out waits. */
  #take(answer: Numbers): void {
    const old = this.live.value;
    const one = old !== null && old.cursor === answer.cursor && old.series === answer.series && old.model === answer.model;
    const lesions = new Map<string, LiveLesion>((old?.lesions ?? []).map((lesion) => [lesion.id, lesion]));
    const waiting = new Set(one ? this.waiting.value : [...lesions.keys(), ...this.#lesions()]);
    for (const lesion of answer.lesions) {
      const before = one && !waiting.has(lesion.id) ? lesions.get(lesion.id) : undefined;
      lesions.set(lesion.id, { ...lesion, parts: { ...before?.parts, ...lesion.parts } });
      waiting.delete(lesion.id);
    }
    waiting.delete(REFERENCE);
    batch(() => {
      this.live.value = { ...answer, lesions: [...lesions.values()].sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true })) };
      this.waiting.value = waiting;
    });
  }

  /** Says the new ratio of a lesion that was edited. */
  #say(): void {
    for (const name of [...this.#edited].filter((one) => !this.waiting.value.has(one))) {
      this.#edited.delete(name);
      const lesion = this.live.value?.lesions.find((one) => one.id === name);
      const ratio = lesion === undefined ? null : shownRatio(rowOfLive(lesion))?.value;
      if (ratio !== null && ratio !== undefined) said.value = t("results.nowIs", { name: nameOf(name), ratio: number(ratio, 2) });
    }
  }

  /** Takes a lesion out that is no more. */
  forget(lesion: string): void {
    this.#edited.delete(lesion);
    const old = this.live.value;
    if (old !== null) this.live.value = { ...old, lesions: old.lesions.filter((one) => one.id !== lesion) };
  }
}

export const figures = new Figures(first);

/** Starts following the first visit's study and its regions; once a page. */
export function start(): void {
  let spoken = language.peek();
  effect(() => {
    // Ratings come in the reader's words: another language asks them again.
    if (language.value === spoken) return;
    spoken = language.value;
    untracked(() => {
      if (figures.results.value !== null) void figures.loadResults();
      if (figures.live.value !== null) figures.ask();
    });
  });
  effect(() => {
    const study = first.id.value;
    untracked(() => figures.open(study));
  });
  effect(() => {
    // The first numbers of a study are asked once its regions are there.
    const ready = drawnOf(first).list.value.some((region) => !region.deleted && region.voxels > 0);
    if (ready && first.id.value !== null && figures.live.peek() === null && !figures.busy.peek()) figures.ask();
  });
  onRegion((study, region) => {
    if (study !== first.id.value) return;
    const there = !region.deleted && region.voxels > 0;
    if (!there) figures.forget(region.name);
    // An edit of one region moves what rests on it: the proposed healthy liver, the shells of a neighbour.
    figures.ask(there && kindOf(region.name) === "lesion" ? region.name : undefined);
    // A pair changes what the results say of other visits.
    if (figures.results.value !== null) void figures.loadResults();
  });
  let told = "";
  effect(() => {
    // A study that was analysed has results, also while it is analysed again; they are asked anew when the server says something new of it.
    const study = first.study.value;
    const now = study?.analysis == null ? "" : [study.id, study.analysis.at, study.stale, study.signed?.at ?? ""].join(" ");
    if (now !== told && now !== "") untracked(() => void figures.loadResults());
    told = now;
  });
  let analysis = "";
  effect(() => {
    // An analysis that ended has new, motion-corrected images: the live numbers are of them from then on.
    const study = first.study.value;
    const now = study === null ? "" : `${study.id} ${study.corrected} ${study.job?.kind === "analyze" && study.job.state === "done" ? study.job.ended : ""}`;
    const same = study !== null && analysis.startsWith(`${study.id} `);
    if (same && now !== analysis && figures.live.peek() !== null && !now.endsWith(" ")) untracked(() => figures.ask());
    if (!now.endsWith(" ") || !same) analysis = now;
  });
}
