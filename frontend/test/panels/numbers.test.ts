// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Figures, REFERENCE } from "../../src/panels/numbers";
import { drawnFirst } from "../../src/regions/desk";
import type { Region } from "../../src/regions/types";
import { first, selected } from "../../src/state";

type Asked = { readonly lesions: readonly string[]; readonly parts?: readonly string[] };

const MEASURED = { voxels: 5, parameters: {}, flags: [] };
const lesion = (name: string) => ({ name, kind: "lesion", version: 1, voxels: 5, deleted: false }) as unknown as Region;

let figures: Figures;
let asked: Asked[];
/** What the server stands on, and how many lesions it gives an answer. */
let cursor: number;
let patience: number;
/** What happens while the next answer is on its way. */
let meanwhile: () => void;

const answer = ({ lesions, parts = ["whole"] }: Asked) => ({
  cursor, series: "corrected", model: "aath", seconds: 0.1, flags: [], healthy: MEASURED, inputs: {},
  lesions: lesions.slice(0, patience).map((id) => ({
    id, version: 1, volume_ml: cursor, longest_axial_diameter_mm: 20, flags: [], ratio: { bf: { value: cursor, sd: null, ci95: null } }, response: [], ratings: [],
    parts: Object.fromEntries(parts.map((part) => [part, MEASURED])),
  })),
});
const cursors = () => Object.fromEntries(figures.live.value!.lesions.map((one) => [one.id, one.volume_ml]));
const waiting = () => [...figures.waiting.value].sort();
const settled = () => vi.waitFor(() => expect(figures.busy.value).toBe(false));

beforeEach(() => {
  [asked, cursor, patience, meanwhile] = [[], 1, 8, () => undefined];
  vi.stubGlobal("fetch", async (_path: string, { body }: { body: string }) => {
    asked.push(JSON.parse(body) as Asked);
    const told = JSON.stringify(answer(asked.at(-1)!));
    const happens = meanwhile;
    meanwhile = () => undefined;
    happens();
    return new Response(told, { status: 200, headers: { "Content-Type": "application/json" } });
  });
  selected.value = null;
  drawnFirst.list.value = ["lesion-1", "lesion-2", "lesion-3"].map(lesion);
  figures = new Figures(first);
  figures.open("study");
});
afterEach(() => vi.unstubAllGlobals());

it("come for the lesion looked at first, then for the one edited, then for the others as they are ready", async () => {
  [patience, selected.value] = [1, { visit: first, name: "lesion-3" }];
  figures.ask("lesion-2");
  expect(waiting()).toEqual([REFERENCE, "lesion-1", "lesion-2", "lesion-3"]);
  await settled();
  expect(asked.map((one) => one.lesions)).toEqual([["lesion-3", "lesion-2", "lesion-1"], ["lesion-2", "lesion-1"], ["lesion-1"]]);
  expect(figures.live.value!.lesions.map((one) => one.id)).toEqual(["lesion-1", "lesion-2", "lesion-3"]);
  expect(waiting()).toEqual([]);
});

it("of an older state wait, and are asked again, when an answer tells of an edit meanwhile", async () => {
  patience = 2;
  meanwhile = () => (cursor = 2);
  figures.ask();
  await settled();
  expect(asked.map((one) => one.lesions)).toEqual([["lesion-1", "lesion-2", "lesion-3"], ["lesion-3"], ["lesion-1", "lesion-2"]]);
  expect(cursors()).toEqual({ "lesion-1": 2, "lesion-2": 2, "lesion-3": 2 });
});

it("keep the look of older ones until theirs come", async () => {
  figures.ask();
  await settled();
  [cursor, patience] = [2, 1];
  const seen: string[] = [];
  const stop = figures.live.subscribe(() => seen.push(`${JSON.stringify(cursors())} ${waiting().join()}`));
  figures.ask();
  await settled();
  stop();
  expect(seen.slice(1)).toEqual([
    '{"lesion-1":2,"lesion-2":1,"lesion-3":1} lesion-2,lesion-3',
    '{"lesion-1":2,"lesion-2":2,"lesion-3":1} lesion-3',
    '{"lesion-1":2,"lesion-2":2,"lesion-3":2} ',
  ]);
});

it("that answer a question before the last edit are not taken", async () => {
  const seen: unknown[] = [];
  const stop = figures.live.subscribe((live) => live !== null && seen.push(live.cursor));
  meanwhile = () => ((cursor = 2), figures.ask());
  figures.ask();
  await settled();
  stop();
  expect([asked.length, seen]).toEqual([2, [2]]);
});

it("of parts asked apart stand beside those of their own state only", async () => {
  const parts = () => Object.keys(figures.live.value!.lesions[1]!.parts);
  figures.ask();
  await settled();
  await figures.parts("lesion-2");
  expect(parts()).toEqual(["whole", "vascular", "rim", "core", "surround"]);
  cursor = 2;
  figures.ask();
  await settled();
  expect(parts()).toEqual(["whole"]);
});

it("of a lesion that is no more are taken out, and a study that is left takes all of them along", async () => {
  figures.ask();
  await settled();
  figures.forget("lesion-2");
  expect(Object.keys(cursors())).toEqual(["lesion-1", "lesion-3"]);
  figures.ask();
  figures.open("another");
  expect([figures.live.value, waiting(), figures.busy.value]).toEqual([null, [], false]);
});
