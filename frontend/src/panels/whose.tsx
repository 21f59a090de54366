/** Which visit a panel's numbers, report and signature are of, where two are on the screen. */

import { date, t } from "../i18n";
import { first, second, studies, type Visit } from "../state";

/** A visit by its place among those of the patient and its date. */
export function visitTitle(visit: Visit): string {
  const study = visit.study.value;
  if (study === null) return "";
  const visits = studies.value.filter((one) => one.patient_key !== "" && one.patient_key === study.patient_key).length;
  return `${visits > 1 ? `${t("visit.nth", { n: study.visit, of: visits })}, ` : ""}${date(study.date)}`;
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
