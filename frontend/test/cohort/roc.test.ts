// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, beforeEach, expect, it } from "vitest";
import { cohortOf } from "../../src/cohort/forms";
import { RocPlot } from "../../src/cohort/roc";
import { language } from "../../src/state";

/** Lower is positive: p1 0.5 of a study of the room, then p2 and p3 tied at 0.71, then p4, which no study here is of. */
const ANSWER = {
  outcome: "response",
  table: [
    { patient: "p4", lesion: "L1", response: "minor", study: null },
    { patient: "p1", lesion: "L1", response: "major", study: "one" },
    { patient: "p2", lesion: "L1", response: "major", study: "two" },
    { patient: "p3", lesion: "L2", response: "minor", study: "three" },
  ],
  roc: [
    {
      column: "bf_ratio", label: "BF", label_fr: "DS", direction: "lower", area: 0.875, ci: null, values: [null, 0.5, 0.71, 1.1], shown: [null, "0.605", "0.905", null],
      points: [[0, 0], [0, 0.5], [0.5, 1], [1, 1]], rows: [[], [1], [2, 3], [0]],
    },
    { column: "hu", label: "HU", direction: "higher", area: 1, ci: null, values: [null, 30, 20], shown: [null, "25", null], points: [[0, 0], [0, 1], [1, 1]], rows: [[], [1, 2], [0, 3]] },
  ],
};

const settled = () => new Promise((resolve) => setTimeout(resolve, 30));
const found = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)];
const said = () => document.querySelector(".threshold")!.textContent;
const press = (key: string) => document.activeElement!.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

beforeEach(async () => {
  language.value = "en";
  document.body.innerHTML = "<main></main>";
  render(h(RocPlot, { cohort: cohortOf(ANSWER) }), document.querySelector("main")!);
  await settled();
});
afterEach(() => render(null, document.querySelector("main")!));

it("every threshold that some lesion has is a point with its rates and lesions in words, one stop of the Tab key", () => {
  expect(found(".point").map((point) => point.getAttribute("aria-label"))).toEqual([
    "Positive below 0.605. Sensitivity 0.50, Specificity 1.00. Value 0.5: p1, L1 (major)",
    "Positive below 0.905. Sensitivity 1.00, Specificity 0.50. Value 0.71, 2 lesions: p2, L1 (major); p3, L2 (minor)",
    "Every lesion positive. Sensitivity 1.00, Specificity 0.00. Value 1.1: p4, L1 (minor)",
  ]);
  expect(found(".point").map((point) => point.getAttribute("tabindex"))).toEqual(["0", "-1", "-1"]);
});

it("a lesion alone is a link to its study, several lead to their list, one without a study to nothing", async () => {
  expect(found(".point").map((point) => [point.tagName.toLowerCase(), point.getAttribute("href"), point.getAttribute("role")])).toEqual([["a", "#/study/one", null], ["g", null, "button"], ["g", null, "img"]]);
  found(".point")[0]!.focus();
  press("ArrowRight");
  await settled();
  expect(said()).toContain("Positive below 0.905");
  expect(found(".threshold a").map((link) => link.getAttribute("href"))).toEqual(["#/study/two", "#/study/three"]);
  press("Enter");
  expect(document.activeElement).toBe(found(".threshold a")[0]);
  // the mouse passing over other points on its way leaves the list as it is
  found(".point")[2]!.dispatchEvent(new Event("pointerenter"));
  await settled();
  expect(said()).toContain("Positive below 0.905");
  press("Escape");
  expect(document.activeElement).toBe(found(".point")[1]);
  press("End");
  await settled();
  expect([said(), found(".threshold a").length]).toEqual([expect.stringContaining("Every lesion positive"), 0]);
});

it("the points are those of the curve that is chosen", async () => {
  found(".legend input")[1]!.click();
  await settled();
  expect(found(".point")[0]!.getAttribute("aria-label")).toBe("Positive above 25. Sensitivity 1.00, Specificity 1.00. Value 30, 2 lesions: p1, L1 (major); p2, L1 (major)");
});

it("in French words and numbers are French", async () => {
  language.value = "fr";
  render(h(RocPlot, { cohort: cohortOf(ANSWER) }), document.querySelector("main")!);
  await settled();
  expect(found(".legend")[0]!.textContent).toContain("DS : 0,88");
  expect(found(".point")[0]!.getAttribute("aria-label")).toBe("Positif en dessous de 0,605. Sensibilité 0,50, Spécificité 1,00. Valeur 0,5 : p1, L1 (major)");
});

it("results that do not say whose value a point is still have their curve", async () => {
  const { rows: _, ...old } = ANSWER.roc[0]!;
  render(h(RocPlot, { cohort: cohortOf({ ...ANSWER, roc: [old] }) }), document.querySelector("main")!);
  await settled();
  expect([found("svg[role=group] path.curve").length, found(".point").length, found(".threshold").length]).toEqual([1, 0, 0]);
});
