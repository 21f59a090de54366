// @vitest-environment happy-dom
import { h, render } from "preact";
import { beforeEach, expect, it } from "vitest";
import type { Study } from "../src/api";
import { StudiesPage } from "../src/list/studies";
import { Doubt } from "../src/panels/visits";
import { atFirstVisit } from "../src/panels/wording";
import { first, language, studies } from "../src/state";

const [jane, other] = [
  { id: "a", patient: "DOE JANE", visit: 1, date: "2026-01-01", first_visit: false },
  { id: "b", patient: "ROE RICHARD", visit: 2, date: "2026-03-01", first_visit: false },
].map((one) => ({
  ...one, label: "liver", patient_key: "p", added: "2026-05-01T10:00:00Z", state: "imported", protocol: { verdict: "ok", pass: 1, warn: 0, fail: 0 }, passes: 21,
  spacing_mm: [5, 1, 1], coverage_mm: [160, 400, 400], lesions: 0, signed: null, job: null, corrected: false, stale: false, patient_differs: ["name"],
})) as [Study, Study];

beforeEach(() => {
  language.value = "en";
  first.id.value = "b";
});

function said(what: typeof StudiesPage): string[] {
  const place = document.createElement("div");
  render(h(what, {}), place);
  const found = [...place.querySelectorAll("[data-differs]")].map((one) => one.textContent ?? "");
  render(null, place);
  return found;
}

it.each([["list", StudiesPage], ["panel of results", Doubt]])("says in the %s that one number bears two names", (_, what) => {
  studies.value = [jane, other];
  expect(said(what)).toEqual(["These studies bear one patient number, but different names (DOE JANE / ROE RICHARD): check that they are of one patient."]);
  language.value = "fr";
  expect(said(what)).toEqual(["Ces examens portent un même numéro de patient, mais des noms différents (DOE JANE / ROE RICHARD) : vérifiez qu’ils sont d’un même patient."]);
});

it.each([["list", StudiesPage], ["panel of results", Doubt]])("tells dates of birth apart without showing them in the %s, and nothing where all is well", (_, what) => {
  studies.value = [{ ...jane, patient_differs: ["birth_date"] }, { ...other, patient_differs: ["birth_date"] }];
  expect(said(what)).toEqual(["These studies are listed as one patient’s, but bear different dates of birth: check that they are of one patient."]);
  studies.value = [{ ...jane, patient_differs: [] }, { ...other, patient_differs: [] }];
  expect(said(what)).toEqual([]);
});

it("takes a study for the first visit where the server knows it to be", () => {
  studies.value = [{ ...jane, first_visit: true }, other];
  expect(atFirstVisit()).toBe(false);
  first.id.value = "a";
  expect(atFirstVisit()).toBe(true);
});
