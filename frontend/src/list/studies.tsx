/** The study list: patients, their visits in order, how each was acquired and how far each case is. */
import { useEffect, useRef, useState } from "preact/hooks";
import { send, type Study } from "../api";
import { date, number, t } from "../i18n";
import { go } from "../router";
import { mayEdit, studies } from "../state";
import { tell } from "../tell";
import { AddStudy } from "./add";
import { called } from "./called";
import { OfOnePatient } from "./doubt";
import { refreshStudies } from "./follow";
import { JobLine } from "./job";
import { Badge, ProtocolRules, verdictText } from "./protocol";
import { RemovedStudies } from "./removed";

export interface Patient {
  key: string;
  name: string;
  visits: Study[];
}

/** Studies by patient: the patient with the newest study first, a patient's visits in order of time. */
export function byPatient(list: Study[], wanted = ""): Patient[] {
  const text = wanted.trim().toLowerCase();
  const patients = new Map<string, Patient>();
  for (const study of list) {
    if (text && !`${study.label} ${study.patient} ${study.patient_id} ${study.date ?? ""}`.toLowerCase().includes(text)) continue;
    const key = study.patient_key || study.id;
    const patient = patients.get(key) ?? { key, name: study.patient, visits: [] };
    patient.visits.push(study);
    patients.set(key, patient);
  }
  const newest = (patient: Patient): string => patient.visits.reduce((latest, one) => (one.added > latest ? one.added : latest), "");
  for (const patient of patients.values()) patient.visits.sort((a, b) => a.visit - b.visit || (a.date ?? "").localeCompare(b.date ?? ""));
  return [...patients.values()].sort((a, b) => newest(b).localeCompare(newest(a)));
}

function Rules({ study, onClose }: { study: Study; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="rules" aria-labelledby="rules-title" onClose={onClose}>
      <h2 id="rules-title">
        {t("protocol.of", { label: called(study) })}
      </h2>
      <ProtocolRules study={study.id} />
      <button type="button" onClick={() => dialog.current?.close()}>
        {t("close")}
      </button>
    </dialog>
  );
}

function Remove({ study }: { study: Study }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [sure, setSure] = useState(false);
  const signed = study.signed;
  const remove = async (): Promise<void> => {
    dialog.current?.close();
    try {
      await send("DELETE", `/studies/${study.id}${signed ? "?signed=true" : ""}`);
      await refreshStudies();
    } catch (failure) {
      tell(failure);
    }
  };
  return (
    <>
      <button type="button" class="quiet" onClick={() => dialog.current?.showModal()} aria-label={t("study.remove.of", { label: called(study) })}>
        {t("study.remove")}
      </button>
      <dialog ref={dialog} aria-labelledby={`remove-${study.id}`} onClose={() => setSure(false)}>
        <h2 id={`remove-${study.id}`}>{t("study.remove.of", { label: called(study) })}</h2>
        {signed && <p class="warn">{t("study.remove.signed", { reader: signed.reader, at: date(signed.at, true) })}</p>}
        <p>{t("study.remove.how")}</p>
        {signed && (
          <label class="check">
            <input type="checkbox" name="sure" checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} /> <span>{t("study.remove.sure")}</span>
          </label>
        )}
        <div class="answers">
          <button type="button" onClick={() => dialog.current?.close()}>
            {t("keep")}
          </button>
          <button type="button" class="danger" disabled={signed !== null && !sure} onClick={() => void remove()}>
            {t("study.remove")}
          </button>
        </div>
      </dialog>
    </>
  );
}

function Visit({ study, before }: { study: Study; before: Study | undefined }) {
  const [rules, setRules] = useState(false);
  const ready = study.passes !== null && study.passes > 0 && study.state !== "importing";
  const quiet = study.job === null || study.job.state === "done";
  return (
    <>
      <tr class={study.state} data-study={study.id}>
        <td class="number">{study.visit}</td>
        <th scope="row">{ready ? <a href={`#/study/${study.id}`}>{date(study.date)}</a> : date(study.date)}</th>
        <td>{study.label}</td>
        <td>
          <button type="button" class="badge-button" title={verdictText(study)} aria-haspopup="dialog" onClick={() => setRules(true)} disabled={study.protocol.verdict === "none"}>
            <Badge verdict={study.protocol.verdict} text={verdictText(study)} />
          </button>
          {rules && <Rules study={study} onClose={() => setRules(false)} />}
        </td>
        <td class="number">{study.passes || "–"}</td>
        <td class="number">{study.spacing_mm?.length ? [...study.spacing_mm].reverse().map((mm) => number(mm, 1)).join(" × ") : "–"}</td>
        <td class="number">{number(study.coverage_mm?.[0])}</td>
        <td>
          <span class={`state ${study.state}`}>{t(`state.${study.state}`)}</span>
          {study.stale && <span class="stale">{t("study.stale")}</span>}
          {study.signed && <small>{t("study.signed.by", { reader: study.signed.reader, at: date(study.signed.at) })}</small>}
        </td>
        <td class="number">{study.lesions ?? "–"}</td>
        <td class="actions">
          <button type="button" disabled={!ready} onClick={() => go(`#/study/${study.id}`)} aria-label={t("study.open.of", { label: study.label })}>
            {t("study.open")}
          </button>
          {before && (
            <button type="button" disabled={!ready} onClick={() => go(`#/study/${study.id}/with/${before.id}`)}>
              {t("study.beside", { n: before.visit })}
            </button>
          )}
          <a class="quiet" href={`#/audit/${study.id}`}>
            {t("nav.audit")}
          </a>
          {mayEdit.value && <Remove study={study} />}
        </td>
      </tr>
      {!quiet && (
        <tr class="job-row">
          <td />
          <td colSpan={9}>
            <JobLine job={study.job!} />
          </td>
        </tr>
      )}
    </>
  );
}

const COLUMNS = ["visit", "date", "label", "protocol", "passes", "spacing", "coverage", "state", "lesions", "actions"] as const;

export function StudiesPage() {
  const [wanted, setWanted] = useState("");
  const patients = byPatient(studies.value, wanted);
  // All of a patient's visits, whether the filter shows them or not: the one before is there to be looked at beside.
  const every = byPatient(studies.value);
  const whole = new Map(every.map((patient) => [patient.key, patient.visits] as const));
  const before = new Map(every.flatMap((patient) => patient.visits.map((study, n) => [study.id, patient.visits[n - 1]] as const)));
  return (
    <div class="list">
      <div class="list-head">
        <h1>{t("nav.studies")}</h1>
        <label>
          <span>{t("list.filter")}</span>
          <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        </label>
      </div>
      {mayEdit.value && <AddStudy />}
      {patients.length === 0 ? (
        <p class="note">{t(studies.value.length === 0 ? "list.empty" : "list.unmatched")}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("nav.studies")}>
          <table class="studies">
            <thead>
              <tr>
                {COLUMNS.map((one) => (
                  <th scope="col" key={one}>
                    {t(`column.${one}`)}
                  </th>
                ))}
              </tr>
            </thead>
            {patients.map((patient) => (
              <tbody key={patient.key}>
                <tr class="patient">
                  <th scope="rowgroup" colSpan={COLUMNS.length}>
                    {patient.name || t("list.unnamed")} <small data-patient-id>{patient.visits[0]?.patient_id}</small> <small>{t(patient.visits.length === 1 ? "list.visit" : "list.visits", { n: patient.visits.length })}</small>
                  </th>
                </tr>
                {patient.visits.some((one) => one.patient_differs.length > 0) && (
                  <tr>
                    <td colSpan={COLUMNS.length}>
                      <OfOnePatient visits={whole.get(patient.key) ?? []} />
                    </td>
                  </tr>
                )}
                {patient.visits.map((study) => (
                  <Visit key={study.id} study={study} before={before.get(study.id)} />
                ))}
              </tbody>
            ))}
          </table>
        </div>
      )}
      <RemovedStudies />
    </div>
  );
}
