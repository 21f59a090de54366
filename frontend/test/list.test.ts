// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Job, Study } from "../src/api";
import { en } from "../src/i18n/en";
import { fr } from "../src/i18n/fr";
import { jobChanged, refreshStudy, regionsChanged, sayIfKnown } from "../src/list/follow";
import { elapsed, stepText, waitsFor } from "../src/list/job";
import { byPatient } from "../src/list/studies";
import { parse } from "../src/router";
import { alarm, studies } from "../src/state";

function study(id: string, more: Partial<Study> = {}): Study {
  return {
    id, label: id, patient: "A^B", patient_id: "4711", patient_key: "p", date: "2024-01-01", visit: 1, added: "2024-05-01T10:00:00Z", state: "imported",
    protocol: { verdict: "ok", pass: 1, warn: 0, fail: 0 }, passes: 21, spacing_mm: [5, 1, 1], coverage_mm: [160, 400, 400], lesions: 0, signed: null, job: null,
    corrected: false, stale: false, first_visit: false, patient_differs: [], ...more,
  };
}

describe("the study list", () => {
  it("keeps a patient's visits together and in order, the patient last added first", () => {
    const list = [study("b", { visit: 2 }), study("x", { patient_key: "q", added: "2024-06-01T10:00:00Z" }), study("a", { visit: 1 })];
    expect(byPatient(list).map((patient) => patient.visits.map((one) => one.id))).toEqual([["x"], ["a", "b"]]);
  });

  it("is filtered by label, patient and date", () => {
    const list = [study("liver"), study("x", { patient: "C^D", patient_key: "q", date: "2023-02-02" })];
    expect(byPatient(list, "LIV").flatMap((one) => one.visits.map((visit) => visit.id))).toEqual(["liver"]);
    expect(byPatient(list, "c^d")).toHaveLength(1);
    expect(byPatient([...list, study("y", { patient: "C^D", patient_id: "0815", patient_key: "r" })], "0815").map((one) => one.key)).toEqual(["r"]);
    expect(byPatient(list, "2023-02")[0]!.key).toBe("q");
    expect(byPatient(list, "nobody")).toEqual([]);
  });

  it("shows a job's progress at once, and only in its study", () => {
    studies.value = [study("a"), study("b")];
    jobChanged({ id: "j", study: "b", kind: "analyze", state: "running", step: "maps", done: 3, total: 9 });
    expect(studies.value.map((one) => one.job?.done ?? null)).toEqual([null, 3]);
  });

  it("says that a study is here already on the page that asked, whichever comes first, answer or end", async () => {
    const asked = vi.fn(async (path: string) => (path === "/api/studies" ? new Response('{"studies": []}') : new Response("{}", { status: 404 })));
    vi.stubGlobal("fetch", asked);
    const said = (): string | undefined => alarm.value?.study;
    const known = (id: string) => jobChanged({ id, study: "new", kind: "import", state: "failed", error: { code: "STUDY-KNOWN", what: "here", advice: "open", study: "old" } });
    known("of-another-page");
    expect(said()).toBeUndefined();
    sayIfKnown("answered-first");
    known("answered-first");
    expect(said()).toBe("old");
    alarm.value = null;
    known("ended-first");
    expect(said()).toBeUndefined();
    sayIfKnown("ended-first");
    expect(said()).toBe("old");
    alarm.value = null;
    // The list is asked after each of the ends, the last of them included.
    await vi.waitFor(() => expect(asked.mock.calls.filter(([path]) => path === "/api/studies")).toHaveLength(3));
    vi.unstubAllGlobals();
  });
});

describe("what the server knows of studies", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("numbers the visits of a patient anew when an earlier one comes", async () => {
    const later = study("later", { date: "2026-03-01" });
    const both = [study("earlier", { date: "2026-01-01", visit: 1 }), { ...later, visit: 2 }];
    studies.value = [later, study("earlier", { patient_key: "", date: "" })];
    vi.stubGlobal("fetch", async (path: string) => new Response(JSON.stringify(path === "/api/studies" ? { studies: both } : both.find((one) => path.endsWith(one.id)))));
    await refreshStudy("earlier");
    expect(studies.value.map((one) => [one.id, one.visit])).toEqual([["earlier", 1], ["later", 2]]);
  });

  it("is asked after every edit, the last one included, one question at a time", async () => {
    studies.value = [study("a"), study("b")];
    const answers: ((stale: boolean) => void)[] = [];
    vi.stubGlobal("fetch", () => new Promise((resolve) => answers.push((stale) => resolve(new Response(JSON.stringify(study("a", { stale })))))));
    const stale = () => studies.value.map((one) => one.stale);
    const done = regionsChanged({ study: "a" });
    for (let n = 0; n < 3; n += 1) void regionsChanged({ study: "a" });
    expect(answers).toHaveLength(1);
    answers[0]!(false);
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    expect(stale()).toEqual([false, false]);
    answers[1]!(true);
    await done;
    expect(stale()).toEqual([true, false]);
    expect(answers).toHaveLength(2);
  });
});

describe("a job that waits", () => {
  const job = (id: string, kind: Job["kind"], state: Job["state"]): Job => ({ id, study: null, kind, state, step: "", done: 0, total: 0, error: null, started: null, ended: null });

  it("says what it waits for: what is in its way, and nothing else", () => {
    const mine = job("mine", "analyze", "waiting");
    studies.value = [study("a", { job: mine }), study("other", { job: job("import", "import", "running") })];
    expect(waitsFor(mine)).toBe("for its turn");
    studies.value = [...studies.value, study("liver", { job: job("first", "analyze", "running") })];
    expect(waitsFor(mine)).toContain("Analysis: A^B");
    expect(waitsFor(mine)).toContain("liver");
    expect(waitsFor(mine)).not.toContain("other");
  });
});

describe("addresses", () => {
  it("lead to their page", () => {
    expect(parse("#/study/1a2b")).toEqual({ page: "study", id: "1a2b", other: null });
    expect(parse("#/study/1a2b/with/3c4d")).toEqual({ page: "study", id: "1a2b", other: "3c4d" });
    expect(parse("#/cohort/ff")).toEqual({ page: "cohort", id: "ff" });
    expect(parse("#/audit/1a2b")).toEqual({ page: "audit", study: "1a2b" });
  });

  it("that are none lead to the list", () => {
    for (const hash of ["", "#/", "#/study", "#/study/../etc", "#/study/%2e%2e", "#/nothing", "#/study/<script>"]) expect(parse(hash)).toEqual({ page: "studies" });
  });
});

describe("the two languages", () => {
  const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
  it("fill the same blanks in every text", () => {
    for (const key of Object.keys(en) as (keyof typeof en)[]) expect([key, ...blanks(fr[key])]).toEqual([key, ...blanks(en[key])]);
  });
  it("leave no text empty", () => {
    for (const text of [...Object.values(en), ...Object.values(fr)]) expect(text.trim()).not.toBe("");
  });
});

describe("a job's progress", () => {
  const job = (more: Partial<Job>): Job => ({ id: "j", study: "s", kind: "analyze", state: "running", step: "align", done: 0, total: 0, error: null, started: null, ended: null, ...more });

  it("is the step in words, with its share where the step is counted", () => {
    expect(stepText(job({ step: "align together", done: 2, total: 3 }))).toBe(`${en["step.together"]} 66 %`);
    expect(stepText(job({ done: 30, total: 20 }))).toBe(`${en["step.align"]} 100 %`);
    expect(stepText(job({ step: "save", done: 0, total: 1 }))).toBe(en["step.save"]);
  });

  it("is timed as a stop watch does, never below nothing", () => {
    const from = "2026-01-01T10:00:00.000Z";
    expect(elapsed(from, Date.parse("2026-01-01T10:02:05.900Z"))).toBe("2:05");
    expect(elapsed(from, Date.parse("2026-01-01T09:59:58Z"))).toBe("0:00");
  });
});
