/** Numbers of the regions as they are drawn now, asked anew after every edit; and those of the last analysis. */

import { batch, effect, signal, untracked, type Signal } from "@preact/signals";
import { ApiError, get, send } from "../api";
import { first, language, said, type Visit } from "../state";
import { number, t } from "../i18n";
import { drawnOf, onRegion } from "../regions/desk";
import { nameOf } from "../regions/names";
import { kindOf } from "../regions/types";
import { rowOfLive, shownRatio, type LiveLesion, type Numbers, type Results } from "./forms";

const SETTLE_MS = 40;

export class Figures {
  readonly live: Signal<Numbers | null> = signal(null);
  readonly results: Signal<Results | null> = signal(null);
  readonly busy = signal(false);
  readonly failure: Signal<ApiError | null> = signal(null);
  /** Model of the live numbers; null takes the server's own choice. */
  readonly model: Signal<string | null> = signal(null);
  /** Time from the last edit to its numbers on the page, in ms. */
  readonly lastWait_ms = signal(0);

  #study: string | null = null;
  #running: AbortController | null = null;
  #timer = 0;
  #turn = 0;
  #asked_at = 0;
  #lesions: Set<string> | "all" | null = null;

  constructor(readonly visit: Visit) {}

  open(study: string | null): void {
    if (study === this.#study) return;
    this.#study = study;
    this.#running?.abort();
    window.clearTimeout(this.#timer);
    this.#lesions = null;
    batch(() => {
      this.live.value = null;
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

  /** Asks the numbers of some lesions (or all) soon; requests that follow closely become one. */
  ask(lesions: readonly string[] | "all"): void {
    if (this.#study === null) return;
    if (lesions === "all" || this.#lesions === "all") this.#lesions = "all";
    else this.#lesions = new Set([...(this.#lesions ?? []), ...lesions]);
    this.#asked_at = performance.now();
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#run(), SETTLE_MS);
  }

  /** Asks more parts of one lesion, for its unfolded rows. */
  async parts(lesion: string): Promise<void> {
    const study = this.#study;
    if (study === null) return;
    try {
      const answer = await this.#request(study, { lesions: [lesion], parts: ["whole", "vascular", "rim", "core", "surround"] });
      if (study === this.#study) this.#merge(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failure.value = error;
    }
  }

  #request(study: string, asked: object, signal_?: AbortSignal): Promise<Numbers> {
    const model = this.model.value === null ? {} : { model: this.model.value };
    return send<Numbers>("POST", `/studies/${study}/numbers?language=${language.value}`, { ...model, ...asked }, signal_ === undefined ? {} : { signal: signal_ });
  }

  async #run(): Promise<void> {
    const study = this.#study;
    const wanted = this.#lesions;
    if (study === null || wanted === null) return;
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.busy.value = true;
    try {
      const answer = await this.#request(study, wanted === "all" ? {} : { lesions: [...wanted] }, running.signal);
      if (running.signal.aborted || study !== this.#study) return;
      this.#lesions = null;
      this.failure.value = null;
      if (wanted === "all") this.live.value = answer;
      else this.#merge(answer);
      this.lastWait_ms.value = performance.now() - this.#asked_at;
      this.#say(answer);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      this.#lesions = null;
      // A lesion that was renamed or deleted while its numbers were on their way: those of the others hold.
      if (error.code === "LESION-UNKNOWN" && wanted !== "all") this.ask("all");
      else this.failure.value = error;
    } finally {
      if (this.#running === running) this.busy.value = false;
    }
  }

  #merge(answer: Numbers): void {
    const old = this.live.value;
    if (old === null || old.model !== answer.model) {
      this.live.value = answer;
      return;
    }
    const lesions = new Map<string, LiveLesion>(old.lesions.map((lesion) => [lesion.id, lesion]));
    for (const lesion of answer.lesions) {
      const before = lesions.get(lesion.id);
      const same = before !== undefined && before.version === lesion.version;
      lesions.set(lesion.id, same ? { ...lesion, parts: { ...before.parts, ...lesion.parts } } : lesion);
    }
    this.live.value = { ...answer, lesions: [...lesions.values()] };
  }

  #say(answer: Numbers): void {
    const lesion = answer.lesions.length === 1 ? answer.lesions[0] : undefined;
    const ratio = lesion === undefined ? null : shownRatio(rowOfLive(lesion))?.value;
    if (lesion !== undefined && ratio !== null && ratio !== undefined) {
      said.value = t("results.nowIs", { name: nameOf(lesion.id), ratio: number(ratio, 2) });
    }
  }

  forget(lesion: string): void {
    if (this.#lesions instanceof Set) this.#lesions.delete(lesion);
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
      if (figures.live.value !== null) figures.ask("all");
    });
  });
  effect(() => {
    const study = first.id.value;
    untracked(() => figures.open(study));
  });
  effect(() => {
    // The first numbers of a study are asked once its regions are there.
    const ready = drawnOf(first).list.value.some((region) => !region.deleted && region.voxels > 0);
    if (ready && first.id.value !== null && figures.live.peek() === null && !figures.busy.peek()) figures.ask("all");
  });
  onRegion((study, region) => {
    if (study !== first.id.value) return;
    if (kindOf(region.name) !== "lesion") figures.ask("all");
    else if (region.deleted || region.voxels === 0) figures.forget(region.name);
    else figures.ask([region.name]);
    // Whether the analysis is still of these regions, the server says: a caliper or a pair makes nothing stale.
    if (figures.results.value !== null) void figures.loadResults();
  });
  effect(() => {
    // A study that was analysed has results; they are asked again whenever its row in the list says something new.
    const study = first.study.value;
    if (study !== null && study.id === first.id.value && (study.state === "analysed" || study.state === "signed")) untracked(() => void figures.loadResults());
  });
  let analysis = "";
  effect(() => {
    // An analysis that ended has new, motion-corrected images: the live numbers are of them from then on.
    const study = first.study.value;
    const now = study === null ? "" : `${study.id} ${study.corrected} ${study.job?.kind === "analyze" && study.job.state === "done" ? study.job.ended : ""}`;
    const same = study !== null && analysis.startsWith(`${study.id} `);
    if (same && now !== analysis && figures.live.peek() !== null && !now.endsWith(" ")) untracked(() => figures.ask("all"));
    if (!now.endsWith(" ") || !same) analysis = now;
  });
}
