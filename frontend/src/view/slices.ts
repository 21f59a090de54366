/** Slices from the server: fetched once, kept in a cache bounded in octets, what is seen before what may be seen next. */
import { octets } from "../api";

interface Waiting {
  path: string;
  promise: Promise<ArrayBuffer>;
  stop: AbortController;
  /** Panes that want it now; null for a guess of what comes next. */
  seen: boolean;
}

const AT_ONCE = 6;
/** Small slices would fill the octets with very many entries, each of which costs something too. */
const MOST = 1000;

/** A store of fetched octets by address; the least recently used go first when `bound` octets or MOST entries are passed. */
export class Slices {
  private readonly kept = new Map<string, ArrayBuffer>();
  private readonly waiting = new Map<string, Waiting>();
  private guesses: string[] = [];
  private octets = 0;

  constructor(
    private readonly bound: number,
    private readonly fetcher: (path: string, signal: AbortSignal) => Promise<ArrayBuffer> = async (path, signal) => (await octets(path, { signal })).data,
  ) {}

  get size(): number {
    return this.octets;
  }

  /** The octets if they are here already. */
  peek(path: string): ArrayBuffer | null {
    const found = this.kept.get(path);
    if (found === undefined) return null;
    this.kept.delete(path);
    this.kept.set(path, found);
    return found;
  }

  /** Fetches what a pane shows now, before every guess. */
  want(path: string): Promise<ArrayBuffer> {
    const found = this.peek(path);
    if (found !== null) return Promise.resolve(found);
    const waiting = this.waiting.get(path);
    if (waiting !== undefined) {
      waiting.seen = true;
      return waiting.promise;
    }
    // A guess in flight must not hold back what the reader waits for.
    if (this.waiting.size >= AT_ONCE) for (const one of this.waiting.values()) if (!one.seen) one.stop.abort();
    return this.start(path, true);
  }

  /** Nobody waits for this slice any more: a scroll went past it. */
  drop(path: string): void {
    const waiting = this.waiting.get(path);
    if (waiting !== undefined) waiting.stop.abort();
  }

  /** Replaces the list of what may be wanted next, the likeliest first. */
  guess(paths: string[]): void {
    this.guesses = paths.filter((path) => !this.kept.has(path) && !this.waiting.has(path));
    this.next();
  }

  clear(): void {
    for (const one of this.waiting.values()) one.stop.abort();
    this.kept.clear();
    this.guesses = [];
    this.octets = 0;
  }

  private start(path: string, seen: boolean): Promise<ArrayBuffer> {
    const stop = new AbortController();
    const promise = this.fetcher(path, stop.signal)
      .then((data) => {
        this.keep(path, data);
        return data;
      })
      .finally(() => {
        this.waiting.delete(path);
        this.next();
      });
    // Guesses may fail unheard; whoever wants a slice hears of it through the promise.
    promise.catch(() => undefined);
    this.waiting.set(path, { path, promise, stop, seen });
    return promise;
  }

  private next(): void {
    let running = 0;
    for (const one of this.waiting.values()) {
      if (one.seen) return;
      running += 1;
    }
    while (running < 2 && this.guesses.length > 0) {
      const path = this.guesses.shift()!;
      if (this.kept.has(path) || this.waiting.has(path)) continue;
      void this.start(path, false).catch(() => undefined);
      running += 1;
    }
  }

  private keep(path: string, data: ArrayBuffer): void {
    if (this.kept.has(path)) return;
    this.kept.set(path, data);
    this.octets += data.byteLength;
    for (const [old, gone] of this.kept) {
      if ((this.octets <= this.bound && this.kept.size <= MOST) || old === path) break;
      this.kept.delete(old);
      this.octets -= gone.byteLength;
    }
  }
}

export const slices = new Slices(192 * 1024 * 1024);
export const mapSlices = new Slices(64 * 1024 * 1024);
