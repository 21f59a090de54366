/**
 * Edits on their way to the server. Each is kept in the browser from the moment it is drawn until the server has it, so a server that
 * is away, a reload or a closed page loses nothing. Edits of one region go in order; each is based on the version the reader saw. An edit
 * goes out under the name of the person who drew it, never under another's who sits down at the same browser.
 */

import type { Edit, Region } from "./types";

export interface Waiting {
  readonly id: string;
  readonly tab: string;
  /** Who drew it. */
  readonly by: string;
  readonly study: string;
  readonly region: string;
  /** The version the reader saw; null while an own earlier edit (`after`) is still on its way. */
  readonly base: number | null;
  readonly after: string | null;
  readonly edit: Edit;
  /** The pass on the screen when it was drawn. */
  readonly pass: number;
  readonly at: string;
  readonly state: "waiting" | "clash" | "refused";
  /** What stands on the server where an edit clashed. */
  readonly theirs: Region | null;
  readonly reason: Reason | null;
}

export interface Reason {
  readonly code: string;
  readonly what: string;
  readonly advice: string;
}

/** Where edits are kept meanwhile: the three calls of `Storage` that are needed. */
export interface Keeper {
  keys(): string[];
  get(key: string): string | null;
  set(key: string, value: string): void;
  drop(key: string): void;
}

export interface Wiring {
  readonly tab: string;
  readonly keeper: Keeper;
  /** Who is here now; empty as long as nobody is known. */
  reader(): string;
  /** Sends one edit; rejects with {status, code, what, advice, body} of the server, or without a status when it is away. */
  send(entry: Waiting, base: number): Promise<Region>;
  accepted(entry: Waiting, region: Region): void;
  /** Told when an edit is refused that holds nothing drawn (a click, a proposal). */
  dropped(entry: Waiting, reason: Reason): void;
  changed(): void;
  /** Tabs of this browser that are open now, so that their edits are left to them. */
  living(): Promise<ReadonlySet<string>>;
  later(run: () => void, ms: number): void;
  now(): string;
  id(): string;
}

const PREFIX = "hepaflow.edit.";
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** Edits that hold nothing drawn: refused ones are told, not kept. */
const BY_COMMAND: ReadonlySet<Edit["kind"]> = new Set(["click", "propose", "delete", "rename", "identity"]);

export class Outbox {
  readonly #wiring: Wiring;
  readonly #entries = new Map<string, Waiting>();
  readonly #flying = new Set<string>();
  #wait = FIRST_WAIT_MS;
  #away: Reason | null = null;
  #scheduled = false;
  #kept = true;

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
  }

  /** Takes up what earlier pages left, in the order it was drawn, and sends it. */
  async resume(): Promise<void> {
    const living = await this.#wiring.living();
    const left: Waiting[] = [];
    for (const key of this.#wiring.keeper.keys()) {
      if (!key.startsWith(PREFIX)) continue;
      const entry = readEntry(this.#wiring.keeper.get(key));
      if (entry !== null && (entry.tab === this.#wiring.tab || !living.has(entry.tab))) left.push(entry);
    }
    left.sort((a, b) => (a.at === b.at ? (a.id < b.id ? -1 : 1) : a.at < b.at ? -1 : 1));
    for (const entry of left) if (!this.#entries.has(entry.id)) this.#put({ ...entry, tab: this.#wiring.tab });
    // An edit whose forerunner was accepted but not yet crossed off waits for nothing any more.
    for (const entry of left) {
      if (entry.after !== null && !this.#entries.has(entry.after)) this.#put({ ...this.#entries.get(entry.id)!, after: null });
    }
    this.#wiring.changed();
    this.flush();
  }

  /** Keeps and sends an edit; `seen` is the version on the page (0 for a new region). */
  add(study: string, region: string, seen: number, edit: Edit, pass = 0): Waiting {
    const last = this.of(study, region).at(-1);
    const entry: Waiting = {
      id: this.#wiring.id(), tab: this.#wiring.tab, by: this.#wiring.reader(), study, region, edit, pass, at: this.#wiring.now(),
      base: last === undefined ? seen : null, after: last?.id ?? null, state: "waiting", theirs: null, reason: null,
    };
    this.#put(entry);
    this.#wiring.changed();
    this.flush();
    return entry;
  }

  /** This reader's edits of a study (and region) not yet on the server, in the order drawn. */
  of(study: string, region?: string): Waiting[] {
    return [...this.#entries.values()].filter((entry) => this.#mine(entry) && entry.study === study && (region === undefined || entry.region === region));
  }

  /** How many edits in all studies wait for others to come back, by name. */
  others(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const entry of this.#entries.values()) if (!this.#mine(entry)) counts.set(entry.by, (counts.get(entry.by) ?? 0) + 1);
    return counts;
  }

  /** This reader's edits in all studies. */
  get size(): number {
    return [...this.#entries.values()].filter((entry) => this.#mine(entry)).length;
  }

  #mine(entry: Waiting): boolean {
    return entry.by === this.#wiring.reader();
  }

  /** Why nothing goes out at present, or null. */
  get away(): Reason | null {
    return this.#away;
  }

  /** False when the browser would not keep an edit (its storage is full or shut). */
  get kept(): boolean {
    return this.#kept;
  }

  /** Sends a clashed or refused edit again, on top of what stands now; those drawn after it follow. */
  again(id: string, seen?: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#put({ ...entry, state: "waiting", base: seen ?? entry.theirs?.version ?? entry.base, after: null, theirs: null, reason: null });
    this.#wiring.changed();
    this.flush();
  }

  /** Gives up an edit and those drawn on top of it: the reader's own choice, never the page's. */
  giveUp(id: string): void {
    const gone = new Set([id]);
    for (const entry of this.#entries.values()) if (entry.after !== null && gone.has(entry.after)) gone.add(entry.id);
    for (const each of gone) this.#drop(each);
    this.#wiring.changed();
  }

  /** Tries now whatever may go. */
  flush(): void {
    for (const entry of [...this.#entries.values()]) {
      if (this.#mine(entry) && entry.state === "waiting" && entry.after === null && entry.base !== null && !this.#flying.has(entry.id)) {
        void this.#fly(entry, entry.base);
      }
    }
  }

  async #fly(entry: Waiting, base: number): Promise<void> {
    this.#flying.add(entry.id);
    try {
      const region = await this.#wiring.send(entry, base);
      this.#flying.delete(entry.id);
      this.#wait = FIRST_WAIT_MS;
      this.#away = null;
      this.#follow(entry.id, region.version);
      this.#drop(entry.id);
      this.#wiring.accepted(entry, region);
      this.#wiring.changed();
      this.flush();
    } catch (error) {
      this.#flying.delete(entry.id);
      this.#failed(entry, error);
    }
  }

  #failed(entry: Waiting, error: unknown): void {
    const { fate, reason, theirs } = judge(error);
    if (fate !== "away") this.#away = null;
    if (fate === "away") {
      this.#away = reason;
      this.#retryLater();
    } else if (fate === "refused" && BY_COMMAND.has(entry.edit.kind)) {
      this.#follow(entry.id, entry.base ?? 0);
      this.#drop(entry.id);
      this.#wiring.dropped(entry, reason);
      this.flush();
    } else {
      this.#put({ ...entry, state: fate, reason, theirs });
    }
    this.#wiring.changed();
  }

  #retryLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#wiring.later(() => {
      this.#scheduled = false;
      this.flush();
    }, this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
  }

  /** Those that waited for `id` now stand on `version`. */
  #follow(id: string, version: number): void {
    for (const entry of [...this.#entries.values()]) if (entry.after === id) this.#put({ ...entry, after: null, base: version });
  }

  #put(entry: Waiting): void {
    this.#entries.set(entry.id, entry);
    try {
      this.#wiring.keeper.set(PREFIX + entry.id, JSON.stringify(entry));
      this.#kept = true;
    } catch {
      this.#kept = false;
    }
  }

  #drop(id: string): void {
    this.#entries.delete(id);
    this.#wiring.keeper.drop(PREFIX + id);
  }
}

function readEntry(text: string | null): Waiting | null {
  if (text === null) return null;
  try {
    const entry = JSON.parse(text) as Waiting;
    return typeof entry.id === "string" && typeof entry.study === "string" && typeof entry.edit === "object" ? entry : null;
  } catch {
    return null;
  }
}

/** What an answer means for an edit: try later, somebody was first, or not acceptable. */
export function judge(error: unknown): { fate: "away" | "clash" | "refused"; reason: Reason; theirs: Region | null } {
  const answer = (typeof error === "object" && error !== null ? error : {}) as {
    status?: number;
    code?: string;
    what?: string;
    advice?: string;
    body?: { current?: Region };
  };
  const reason = { code: answer.code ?? "AWAY", what: answer.what ?? "", advice: answer.advice ?? "" };
  const status = answer.status ?? 0;
  const theirs = answer.body?.current ?? null;
  if (status === 0 || status === 401 || status === 429 || status >= 500) return { fate: "away", reason, theirs: null };
  if (status === 409 && theirs !== null) return { fate: "clash", reason, theirs };
  return { fate: "refused", reason, theirs: null };
}

/** The browser's own storage as a keeper; where it is shut, edits are kept in memory only. */
export function browserKeeper(storage: Storage): Keeper {
  return {
    keys: () => Array.from({ length: storage.length }, (_, n) => storage.key(n) ?? ""),
    get: (key) => storage.getItem(key),
    set: (key, value) => storage.setItem(key, value),
    drop: (key) => storage.removeItem(key),
  };
}
