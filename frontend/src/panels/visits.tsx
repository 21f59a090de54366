/** What several visits of a patient say together: response by every criterion, and which lesion is which. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, get } from "../api";
import { date, number, t } from "../i18n";
import { attempt, drawnOf, edit } from "../regions/desk";
import { mayDraw } from "../regions/draft";
import { nameOf } from "../regions/names";
import { first, second, studies } from "../state";
import { NONE } from "./format";
import { figures } from "./numbers";

/** The criteria of size, density and perfusion side by side, where the patient has visits. */
interface CriteriaAnswer {
  readonly visits: readonly { study: string; date: string | null; visit: string }[];
  readonly unlinked?: readonly { study: string; lesion: string }[];
  readonly criteria: readonly {
    criterion: string;
    name: string;
    rule: string;
    best: string | null;
    refused: { what: string; advice: string } | null;
    visits: readonly { visit: string; category: string | null; text?: string | null }[];
  }[];
}

export function Criteria() {
  const [found, setFound] = useState<CriteriaAnswer | null>(null);
  const study = first.id.value;
  const made = figures.results.value;
  const key = first.study.value?.patient_key ?? "";
  const visits = key === "" ? 1 : studies.value.filter((one) => one.patient_key === key).length;
  useEffect(() => {
    let gone = false;
    setFound(null);
    if (study === null || made === null || visits < 2) return;
    get<CriteriaAnswer>(`/studies/${study}/criteria`).then(
      (answer) => void (gone || setFound(answer)),
      (error: unknown) => {
        // One visit has nothing to compare with; the section is then left out.
        if (!(error instanceof ApiError)) throw error;
      },
    );
    return () => {
      gone = true;
    };
  }, [study, made, visits]);
  if (found === null || found.visits.length < 2 || found.criteria.length === 0) return null;
  const category = (one: CriteriaAnswer["criteria"][number], visit: string): string => one.visits.find((each) => each.visit === visit)?.category ?? NONE;
  const because = (one: CriteriaAnswer["criteria"][number]): string => one.visits.at(-1)?.text ?? one.rule;
  const rated = found.criteria.filter((one) => one.refused === null);
  const refused = found.criteria.filter((one) => one.refused !== null);
  return (
    <section class="criteria">
      <h2>{t("criteria.title")}</h2>
      {(found.unlinked?.length ?? 0) > 0 && <p class="warn">{t("criteria.unlinked", { n: found.unlinked!.length })}</p>}
      {rated.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label={t("criteria.title")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("criteria.name")}</th>
              {found.visits.map((visit) => <th scope="col" key={visit.visit}>{date(visit.date)}</th>)}
              <th scope="col">{t("criteria.best")}</th>
              <th scope="col">{t("criteria.because")}</th>
            </tr>
          </thead>
          <tbody>
            {rated.map((one) => (
              <tr key={one.criterion}>
                <th scope="row" title={one.rule}>{one.name}</th>
                {found.visits.map((visit) => <td key={visit.visit}>{category(one, visit.visit)}</td>)}
                <td>{one.best ?? NONE}</td>
                <td>{because(one)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>}
      {refused.length > 0 && (
        <details>
          <summary>{t("criteria.refused", { n: refused.length })}</summary>
          <ul>{refused.map((one) => <li key={one.criterion}>{one.name}: {one.refused!.what}. {one.refused!.advice}</li>)}</ul>
        </details>
      )}
    </section>
  );
}

interface LinkAnswer {
  /** `first` is the lesion of this visit, `second` that of the other. */
  readonly links: readonly { first: string; second: string; distance_mm: number }[];
  readonly poor?: boolean;
  readonly only_first?: readonly string[];
  readonly only_second?: readonly string[];
}

/** Which lesion is which in another visit of the patient: proposed with distances, confirmed by the reader. */
export function Identity() {
  const study = first.study.value;
  const others = study === null ? [] : studies.value.filter((one) => one.patient_key !== "" && one.patient_key === study.patient_key && one.id !== study.id && (one.state === "analysed" || one.state === "signed"));
  const [other, setOther] = useState("");
  const [found, setFound] = useState<LinkAnswer | null>(null);
  // The visit beside this one on the screen comes first.
  const beside = others.find((one) => one.id === second.id.value)?.id;
  const chosen = others.some((one) => one.id === other) ? other : (beside ?? others[0]?.id ?? "");
  useEffect(() => setFound(null), [study?.id, chosen]);
  if (study === null || others.length === 0) return null;
  const drawn = drawnOf(first);
  const confirmed = (lesion: string, theirs: string): boolean => {
    const identity = drawn.get(lesion)?.identity;
    return identity?.study === chosen && identity.lesion === theirs;
  };
  return (
    <section class="identity">
      <h2>{t("identity.title")}</h2>
      <div class="row">
        <label>
          {t("identity.other")}
          <select value={chosen} onChange={(event) => setOther(event.currentTarget.value)}>
            {others.map((one) => <option key={one.id} value={one.id}>{`${one.date ?? ""} ${one.label}`}</option>)}
          </select>
        </label>
        <button type="button" onClick={() => void attempt(async () => setFound(await get<LinkAnswer>(`/studies/${study.id}/link?other=${chosen}`)))}>{t("identity.propose")}</button>
      </div>
      {found !== null && found.poor && <p class="warn">{t("identity.poor")}</p>}
      {found !== null && found.links.length === 0 && <p class="note">{t("identity.none")}</p>}
      <ul>
        {found?.links.map((link) => (
          <li key={link.first}>
            {nameOf(link.first)} ↔ {nameOf(link.second)} · {number(link.distance_mm, 1)} mm{" "}
            <button
              type="button"
              disabled={!mayDraw(first) || confirmed(link.first, link.second) || drawn.get(link.first) === null}
              onClick={() => edit(first, link.first, { kind: "identity", identity: { study: chosen, lesion: link.second } })}
            >
              {confirmed(link.first, link.second) ? t("identity.confirmed") : t("identity.confirm")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
