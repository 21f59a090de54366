/** Which visit a panel's numbers, report and signature are of, where two are on the screen. */

import type { Study } from "../api";
import { date, t } from "../i18n";
import { first, second, visitsOf, type Visit } from "../state";

/** The place of a study among its patient's visits; empty where it is the only one. */
export function nthVisit(study: Study): string {
  const of = visitsOf(study).length;
  return of > 1 ? t("visit.nth", { n: study.visit, of }) : "";
}

/** A visit by its place among those of the patient and its date. */
export function visitTitle(visit: Visit): string {
  const study = visit.study.value;
  return study === null ? "" : [nthVisit(study), date(study.date)].filter((part) => part !== "").join(", ");
}

export function WhoseVisit() {
  const study = first.study.value;
  if (study === null || second.id.value === null) return null;
  return (
    <p class="whose-visit" data-study={study.id}>
      {t("results.ofVisit")} <strong>{visitTitle(first)}</strong>
    </p>
  );
}
