import { describe, expect, it } from "vitest";
import type { Keeper, Reason, Waiting } from "../../src/regions/outbox";
import { judge, Outbox } from "../../src/regions/outbox";
import type { Edit, Region } from "../../src/regions/types";

function region(name: string, version: number, by = "A"): Region {
  return {
    name, version, by, kind: "lesion", origin: "drawn", at: "", voxels: 1, volume_ml: 1, box: [0, 1, 0, 1, 0, 1],
    slices: [], shifts: [], caliper: null, identity: null, morphology: [], viable: null, deleted: false,
  };
}

const STROKE: Edit = { kind: "brush", plane: "axial", index: 3, path: [[1, 2]], radius_mm: 4, erase: false, ball: false };
const CLICK: Edit = { kind: "click", at: [1, 2, 3] };

/** A server with versions, that can be away, and a browser whose storage outlives its pages. */
class World {
  readonly stored = new Map<string, string>();
  readonly versions = new Map<string, number>();
  readonly sent: { region: string; base: number; edit: Edit }[] = [];
  readonly dropped: Reason[] = [];
  away = false;
  reader = "A";
  full = false;
  refuse: { status: number; code: string } | null = null;
  living = new Set<string>();
  waits: { run: () => void; ms: number }[] = [];
  #count = 0;

  keeper(): Keeper {
    return {
      keys: () => [...this.stored.keys()],
      get: (key) => this.stored.get(key) ?? null,
      set: (key, value) => {
        if (this.full) throw new Error("quota");
        this.stored.set(key, value);
      },
      drop: (key) => void this.stored.delete(key),
    };
  }

  page(tab: string): Outbox {
    return new Outbox({
      tab,
      keeper: this.keeper(),
      reader: () => this.reader,
      send: async (entry: Waiting, base: number) => {
        await Promise.resolve();
        if (this.away) throw new TypeError("failed to fetch");
        if (this.refuse !== null) throw { ...this.refuse, what: "no", advice: "" };
        const now = this.versions.get(entry.region) ?? 0;
        if (base !== now) throw { status: 409, code: "EDIT-CONFLICT", body: { current: region(entry.region, now, "B") } };
        this.versions.set(entry.region, now + 1);
        this.sent.push({ region: entry.region, base, edit: entry.edit });
        return region(entry.region, now + 1);
      },
      accepted: () => undefined,
      dropped: (_, reason) => void this.dropped.push(reason),
      changed: () => undefined,
      living: () => Promise.resolve(this.living),
      later: (run, ms) => void this.waits.push({ run, ms }),
      now: () => `2026-01-01T00:00:${String(++this.#count).padStart(2, "0")}Z`,
      id: () => `${tab}-${String(this.#count)}`,
    });
  }

  async settle(): Promise<void> {
    for (let n = 0; n < 20; n += 1) await Promise.resolve();
  }

  async tick(): Promise<void> {
    for (const { run } of this.waits.splice(0)) run();
    await this.settle();
  }
}

describe("the outbox", () => {
  it("sends edits of a region in order, each on the version the one before made", async () => {
    const world = new World();
    const box = world.page("one");
    for (let n = 0; n < 3; n += 1) box.add("s", "lesion-1", 0, STROKE);
    box.add("s", "aorta", 0, CLICK);
    await world.settle();
    expect(world.sent.filter((each) => each.region === "lesion-1").map((each) => each.base)).toEqual([0, 1, 2]);
    expect([box.size, world.stored.size]).toEqual([0, 0]);
  });

  it("keeps what is drawn while the server is away, over a reload, and sends it after", async () => {
    const world = new World();
    world.away = true;
    const before = world.page("one");
    before.add("s", "lesion-1", 0, STROKE);
    before.add("s", "lesion-1", 0, CLICK);
    await world.settle();
    expect([before.size, before.away?.code]).toEqual([2, "AWAY"]);
    await world.tick();
    await world.tick();
    world.waits = [];
    const after = world.page("two");
    await after.resume();
    await world.settle();
    expect(after.of("s", "lesion-1").map((each) => each.edit.kind)).toEqual(["brush", "click"]);
    world.away = false;
    await world.tick();
    expect(world.sent.map((each) => each.edit.kind)).toEqual(["brush", "click"]);
    expect([after.size, world.stored.size, after.away]).toEqual([0, 0, null]);
  });

  it("waits longer from one try to the next, with an end to it", async () => {
    const world = new World();
    world.away = true;
    world.page("one").add("s", "aorta", 0, STROKE);
    await world.settle();
    const waits: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      waits.push(world.waits[0]!.ms);
      await world.tick();
    }
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(Math.max(...waits)).toBe(15_000);
  });

  it("leaves the edits of another open tab to that tab", async () => {
    const world = new World();
    world.away = true;
    world.page("one").add("s", "aorta", 0, STROKE);
    await world.settle();
    world.living.add("one");
    const two = world.page("two");
    await two.resume();
    expect(two.size).toBe(0);
    expect(world.stored.size).toBe(1);
  });

  it("holds a clashing edit and those after it until the reader chooses mine", async () => {
    const world = new World();
    world.versions.set("lesion-1", 5);
    const box = world.page("one");
    const first = box.add("s", "lesion-1", 4, STROKE);
    box.add("s", "lesion-1", 4, STROKE);
    await world.settle();
    const held = box.of("s")[0]!;
    expect([held.state, held.theirs?.version, held.theirs?.by]).toEqual(["clash", 5, "B"]);
    expect([box.size, world.sent.length, world.stored.size]).toEqual([2, 0, 2]);
    box.again(first.id);
    await world.settle();
    expect(world.sent.map((each) => each.base)).toEqual([5, 6]);
    expect(box.size).toBe(0);
  });

  it("is not away any more once the server answers, with a clash too", async () => {
    const world = new World();
    world.away = true;
    const box = world.page("one");
    box.add("s", "lesion-1", 0, STROKE);
    await world.settle();
    expect(box.away).not.toBeNull();
    world.versions.set("lesion-1", 1);
    world.away = false;
    await world.tick();
    expect([box.of("s")[0]!.state, box.away]).toEqual(["clash", null]);
  });

  it("gives up mine and what stands on it when the reader takes theirs", async () => {
    const world = new World();
    world.versions.set("lesion-1", 5);
    const box = world.page("one");
    const first = box.add("s", "lesion-1", 4, STROKE);
    box.add("s", "lesion-1", 4, STROKE);
    box.add("s", "aorta", 0, STROKE);
    await world.settle();
    box.giveUp(first.id);
    expect([box.size, world.sent.map((each) => each.region)]).toEqual([0, ["aorta"]]);
  });

  it("keeps a refused drawing, but only tells of a refused click", async () => {
    const world = new World();
    world.refuse = { status: 422, code: "CLICK-NO-LESION" };
    const box = world.page("one");
    box.add("s", "lesion-1", 0, CLICK);
    box.add("s", "lesion-2", 0, STROKE);
    await world.settle();
    expect(world.dropped.map((each) => each.code)).toEqual(["CLICK-NO-LESION"]);
    expect(box.of("s").map((each) => [each.region, each.state])).toEqual([["lesion-2", "refused"]]);
    world.refuse = null;
    box.again(box.of("s")[0]!.id);
    await world.settle();
    expect(box.size).toBe(0);
  });

  it("leaves another's edits to him, whoever sits at the browser meanwhile", async () => {
    const world = new World();
    world.away = true;
    const one = world.page("one");
    one.add("s", "lesion-1", 0, STROKE);
    await world.settle();
    world.away = false;
    world.reader = "B";
    await world.tick();
    const two = world.page("two");
    await two.resume();
    two.add("s", "lesion-1", 0, CLICK);
    await world.settle();
    expect(world.sent.map((each) => each.edit.kind)).toEqual(["click"]);
    expect([two.size, two.of("s"), [...two.others()]]).toEqual([0, [], [["A", 1]]]);
    world.reader = "A";
    const three = world.page("three");
    await three.resume();
    await world.settle();
    // What B drew meanwhile is met as any other's edit is.
    expect(three.of("s").map((each) => [each.by, each.edit.kind, each.state])).toEqual([["A", "brush", "clash"]]);
  });

  it("says so when the browser will not keep an edit, and sends it all the same", async () => {
    const world = new World();
    world.full = true;
    const box = world.page("one");
    box.add("s", "aorta", 0, STROKE);
    expect(box.kept).toBe(false);
    await world.settle();
    expect(world.sent).toHaveLength(1);
  });
});

it("answers are judged by their status", () => {
  expect(judge(new TypeError("x")).fate).toBe("away");
  expect(judge({ status: 503 }).fate).toBe("away");
  expect(judge({ status: 401, code: "ENTER-FIRST" }).fate).toBe("away");
  expect(judge({ status: 409, code: "CASE-SIGNED" }).fate).toBe("refused");
  expect(judge({ status: 409, body: { current: region("a", 2) } }).fate).toBe("clash");
  expect(judge({ status: 403 }).fate).toBe("refused");
});
