/** The report: preview, sign-off with the reader's name, files to take away, and the way to an archive. */

import { useEffect, useState } from "preact/hooks";
import { get, send, type Job } from "../api";
import { date, t } from "../i18n";
import { saying } from "../i18n/errors";
import { refreshStudy } from "../list/follow";
import { JobLine } from "../list/job";
import { attempt, drawnOf } from "../regions/desk";
import { nameOf } from "../regions/names";
import { keepName, typedName } from "../signer";
import { first, language, mayEdit, me, reader, said } from "../state";
import { OnlyLooking } from "./role";
import { reportOpen } from "../view/report";
import { figures } from "./numbers";
import { WhoseVisit } from "./whose";

interface Signature {
  readonly number: number;
  readonly reader: string;
  readonly at: string;
  readonly statement?: string | null;
  /** Of the signed report; early signatures do not tell. */
  readonly language?: "en" | "fr" | null;
  readonly digest?: string;
  /** False when something is not what was signed: a signed file or, of the signature that stands, a file of the case. */
  readonly intact?: boolean;
}

interface SignAnswer {
  readonly signed: Signature | null;
  readonly earlier?: readonly Signature[];
  /** Lesions linked to another visit in ways that the DICOM results do not hold. */
  readonly links_left_out?: readonly string[];
}

/** The signature with its digest, whether the case is still what was signed, and signatures before it. */
function Signatures({ study, at }: { study: string; at: string }) {
  const [found, setFound] = useState<SignAnswer | null>(null);
  const made = figures.results.value;
  const linked = drawnOf(first).list.value.map((one) => `${one.identity?.study ?? ""}/${one.identity?.lesion ?? ""}`).join();
  useEffect(() => {
    let gone = false;
    void attempt(async () => {
      const answer = await get<SignAnswer>(`/studies/${study}/sign`);
      if (!gone) setFound(answer);
    }, { background: true });
    return () => {
      gone = true;
    };
  }, [study, at, made, linked]);
  if (found === null) return null;
  const left = found.links_left_out ?? [];
  return (
    <>
      {found.signed?.statement ? <blockquote>{found.signed.statement}</blockquote> : null}
      {found.signed?.language ? <p><small>{t("report.signedIn", { language: t(`language.${found.signed.language}`) })}</small></p> : null}
      {found.signed?.digest ? <p class="digest"><small>{t("report.digest")} <code>{found.signed.digest}</code></small></p> : null}
      {left.length > 0 && <p class="warn" role="note" data-links-left-out>{t(found.signed === null ? "report.linksLeftOut" : "report.linksNotSigned", { lesions: left.map(nameOf).join(", ") })}</p>}
      {found.signed?.intact === false && <p class="warn" role="alert">{t("report.changed")}</p>}
      {(found.earlier?.length ?? 0) > 0 && (
        <details>
          <summary>{t("report.earlier", { n: found.earlier!.length })}</summary>
          <ul class="signatures">
            {found.earlier!.map((one) => (
              <li key={one.number}>
                {one.reader} · {date(one.at, true)}{one.statement ? ` · ${one.statement}` : ""}{" · "}
                <a href={`/api/studies/${study}/report.html?signature=${one.number}`} target="_blank" rel="noopener">{t("report.openHtml")}</a>
                {" · "}
                <a href={`/api/studies/${study}/report.pdf?signature=${one.number}`} download>{t("report.pdf")}</a>
                {one.intact === false && <p class="warn">{t("report.earlierChanged")}</p>}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Preview() {
  const study = first.id.value;
  const [version, setVersion] = useState(0);
  const signed = first.study.value?.signed?.at ?? "";
  const made = figures.results.value;
  useEffect(() => setVersion((before) => before + 1), [signed, made]);
  return <iframe key={version} class="report" sandbox="" title={t("report.preview")} src={`/api/studies/${study}/report.html`} loading="lazy" />;
}

/** The language that the report is written in; another one has the report written anew, and nothing else. */
function ReportLanguage() {
  const study = first.study.value;
  const results = figures.results.value;
  const made = typeof results?.made === "object" ? results.made : null;
  if (study === null || results === null || !made?.language) return null;
  const job = study.job?.kind === "analyze" && study.job.state !== "done" ? study.job : null;
  const busy = study.job?.state === "running" || study.job?.state === "waiting";
  const write = async (asked: string): Promise<void> => {
    if (await attempt(() => send("POST", `/studies/${study.id}/analyze`, { language: asked }))) await refreshStudy(study.id);
  };
  return (
    <>
      <label class="report-language">
        {t("report.language")}
        <select name="report-language" value={made.language} disabled={busy || study.stale || study.signed !== null || !mayEdit.value} onChange={(event) => void write(event.currentTarget.value)}>
          {(["en", "fr"] as const).map((one) => <option key={one} value={one}>{t(`language.${one}`)}</option>)}
        </select>
      </label>
      {made.language !== language.value && study.signed === null && <p class="note">{t("report.otherLanguage", { language: t(`language.${made.language}`) })}</p>}
      {job !== null && <JobLine job={job} />}
    </>
  );
}

function Sign() {
  const study = first.study.value;
  const suggested = (me.value?.local ? typedName() : "") || reader.value;
  const [name, setName] = useState(suggested);
  const [reopening, setReopening] = useState(false);
  const [statement, setStatement] = useState("");
  const [agreed, setAgreed] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => setName(suggested), [suggested]);
  useEffect(() => setReopening(false), [study?.id, study?.signed?.at]);
  if (study === null) return null;
  const { stale } = study;
  if (study.signed) {
    const reopen = async (): Promise<void> => {
      if (await attempt(() => send("DELETE", `/studies/${study.id}/sign`))) said.value = t("report.reopened");
    };
    return (
      <div class="signed" data-signed={study.signed.reader}>
        <p role="status">✓ {t("report.signedBy", { name: study.signed.reader, at: date(study.signed.at, true) })}</p>
        <Signatures study={study.id} at={study.signed.at} />
        {mayEdit.value && !reopening && <button type="button" data-act="reopen" onClick={() => setReopening(true)}>{t("report.reopen")} …</button>}
        {mayEdit.value && reopening && (
          <div class="sure" role="group" aria-label={t("report.reopen")}>
            <p>{t("report.reopenSure", { name: study.signed.reader })}</p>
            <div class="row">
              <button type="button" data-act="reopen-sure" onClick={() => void reopen()}>{t("report.reopenYes")}</button>
              <button type="button" autofocus onClick={() => setReopening(false)}>{t("report.reopenNo")}</button>
            </div>
          </div>
        )}
      </div>
    );
  }
  if (!mayEdit.value) return <><p class="note">{t("report.notSigned")}</p><OnlyLooking /></>;
  const sign = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const body = statement.trim() === "" ? { reader: name.trim() } : { reader: name.trim(), statement: statement.trim() };
    const done = await attempt(() => send<{ signed: Signature }>("POST", `/studies/${study.id}/sign`, body));
    setBusy(false);
    setAgreed(false);
    if (done && me.value?.local) keepName(name.trim());
    if (done) said.value = t("report.signedBy", { name: name.trim(), at: date(new Date().toISOString(), true) });
  };
  return (
    <form class="sign" onSubmit={(event) => void sign(event)}>
      <Signatures study={study.id} at="" />
      {stale && <p class="warn">{t("report.stale")}</p>}
      <label>{t("report.reader")}<input name="reader" readOnly={!me.value?.local} required maxLength={120} autocomplete="name" value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
      <label>{t("report.statement")}<textarea name="statement" rows={3} maxLength={4000} value={statement} onInput={(event) => setStatement(event.currentTarget.value)} /></label>
      <label class="check"><input type="checkbox" name="agreed" checked={agreed} onChange={(event) => setAgreed(event.currentTarget.checked)} /> {t("report.agree")}</label>
      <button type="submit" data-act="sign" disabled={busy || stale || !agreed || name.trim() === ""}>{t("report.sign")}</button>
    </form>
  );
}

interface Archive {
  readonly name: string;
  readonly kind: string;
}

function Send() {
  const study = first.study.value;
  const [archives, setArchives] = useState<readonly Archive[] | null>(null);
  const [chosen, setChosen] = useState("");
  useEffect(() => {
    void attempt(async () => setArchives((await get<{ archives: Archive[] }>("/archives")).archives), { background: true });
  }, []);
  if (study === null || archives === null) return null;
  if (archives.length === 0) return <p class="note">{t("report.noArchive")}</p>;
  const to = archives.some((one) => one.name === chosen) ? chosen : archives[0]!.name;
  const job: Job | null = study.job?.kind === "send" ? study.job : null;
  const running = job !== null && (job.state === "running" || job.state === "waiting");
  return (
    <div class="send">
      <div class="row">
        <label>
          {t("report.archive")}
          <select value={to} onChange={(event) => setChosen(event.currentTarget.value)}>
            {archives.map((one) => <option key={one.name} value={one.name}>{one.name}</option>)}
          </select>
        </label>
        <button type="button" data-act="send" disabled={running} onClick={() => void attempt(() => send("POST", `/studies/${study.id}/send`, { archive: to }))}>{t("report.send")}</button>
        {running && <button type="button" onClick={() => void attempt(() => send("DELETE", `/jobs/${job.id}`))}>{t("report.cancel")}</button>}
      </div>
      {job !== null && (
        <p role="status">
          {t(`job.state.${job.state}`)} {running && <progress max={Math.max(1, job.total)} value={job.done} aria-label={t("report.send")} />}
          {job.error !== null && <strong> {saying(job.error)}</strong>}
        </p>
      )}
    </div>
  );
}

export function ReportPanel() {
  const study = first.study.value;
  if (study === null) return null;
  if (study.analysis == null) return <p class="note">{t("report.notYet")}</p>;
  const base = `/api/studies/${study.id}`;
  return (
    <div class="report-panel">
      <WhoseVisit />
      <button type="button" class="main" data-act="read" aria-pressed={reportOpen.value} onClick={() => (reportOpen.value = !reportOpen.value)}>{t("report.over.open")}</button>
      <ReportLanguage />
      <Preview />
      <p class="note" data-names-no-patient>{t("report.noPatient")}</p>
      <p class="row files">
        <a href={`${base}/report.html`} target="_blank" rel="noopener">{t("report.openHtml")}</a>
        <a href={`${base}/report.pdf`} download={`${study.label}.pdf`}>{t("report.pdf")}</a>
        <a href={`${base}/results.zip`} download={`${study.label}-results.zip`}>{t("report.results")}</a>
        <a href={`${base}/dicom.zip`} download={`${study.label}-dicom.zip`}>{t("report.dicom")}</a>
      </p>
      <h2>{t("report.signOff")}</h2>
      <WhoseVisit />
      <Sign />
      {mayEdit.value && <h2>{t("report.toArchive")}</h2>}
      {mayEdit.value && <Send />}
    </div>
  );
}
