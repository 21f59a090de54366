// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

// A browser's part in it: locks given to one page at a time, a channel between pages, streams that somebody can speak into.
class Source extends EventTarget {
  static made: Source[] = [];
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  constructor(readonly address: string) {
    super();
    Source.made.push(this);
  }
  close(): void {
    this.closed = true;
  }
  says(kind: string, payload: unknown): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(payload) }));
  }
}

class Channel {
  static open: Channel[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor(readonly name: string) {
    Channel.open.push(this);
  }
  postMessage(data: unknown): void {
    for (const one of Channel.open) if (one !== this && one.name === this.name) one.onmessage?.({ data: structuredClone(data) });
  }
}

const waiting: (() => void)[] = [];
const locks = {
  request(_name: string, held: () => Promise<void>): void {
    waiting.push(() => void held());
    if (waiting.length === 1) waiting[0]!();
  },
};
function firstPageCloses(): void {
  waiting.shift();
  Channel.open.shift();
  waiting[0]?.();
}

async function page() {
  vi.resetModules();
  const { hear, onConnection } = await import("../src/api");
  const heard: unknown[] = [];
  const alive: boolean[] = [];
  onConnection((now) => alive.push(now));
  hear("regions", (payload) => heard.push(payload));
  return { heard, alive };
}

beforeEach(() => {
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("BroadcastChannel", Channel);
  vi.stubGlobal("navigator", { locks });
  vi.useFakeTimers();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  Source.made = [];
  Channel.open = [];
  waiting.length = 0;
});

describe("the server's events", () => {
  it("reach every page over the one stream of the browser", async () => {
    const [one, two] = [await page(), await page()];
    expect(Source.made.map((source) => source.address)).toEqual(["/api/events"]);
    Source.made[0]!.onopen!();
    Source.made[0]!.says("regions", { study: "s" });
    for (const each of [one, two]) {
      expect(each.heard).toEqual([{ study: "s" }]);
      expect(each.alive).toEqual([true]);
    }
  });

  it("go on when the page that listened closes, and what was missed is asked anew", async () => {
    await page();
    const two = await page();
    Source.made[0]!.onopen!();
    firstPageCloses();
    expect(Source.made).toHaveLength(2);
    Source.made[1]!.onopen!();
    Source.made[1]!.says("regions", { study: "t" });
    expect(two.alive).toEqual([true, true]);
    expect(two.heard).toEqual([{ study: "t" }]);
  });

  it("are listened to again after the server was away, which every page is told", async () => {
    const [one, two] = [await page(), await page()];
    Source.made[0]!.onerror!();
    expect(Source.made[0]!.closed).toBe(true);
    vi.advanceTimersByTime(500);
    expect(Source.made).toHaveLength(2);
    Source.made[1]!.onopen!();
    for (const each of [one, two]) expect(each.alive).toEqual([false, true]);
  });
});
