/** The study page: cohorts that were run, a new one, and of one its table, ROC curves and box plots. */

import { useEffect, useState } from "preact/hooks";
import { get, hear, send, type Job } from "../api";
import { date, number, t } from "../i18n";
import { saying } from "../i18n/errors";
import { stepText } from "../list/job";
import { attempt } from "../regions/desk";
import { go, route } from "../router";
import { OnlyLooking } from "../panels/role";
import { language, mayEdit } from "../state";
import { BoxPlot } from "./boxes";
import { cohortOf, type Cell, type Cohort, type CohortLine } from "./forms";
import { RocPlot } from "./roc";

const FIRST_CONFIGURATION = `positive = "major"
outcome = "response"
cluster = "patient"

[columns.bf_ratio]
direction = "lower"
`;

type Asked = { readonly csv: string; readonly config: string; readonly name: string } | { readonly example: "nancy2019" } | { readonly from_studies: true };

function NewCohort({ started }: { started: (id: string) => void }) {
  const [name, setName] = useState("");
  const [csv, setCsv] = useState("");
  const [config, setConfig] = useState(FIRST_CONFIGURATION);
  const [busy, setBusy] = useState(false);
  const run = async (asked: Asked): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      const { cohort } = await send<{ cohort: string; job: unknown }>("POST", "/cohorts", asked);
      started(cohort);
    });
    setBusy(false);
  };
  const read = (set: (text: string) => void) => (event: Event & { currentTarget: HTMLInputElement }): void => {
    const file = event.currentTarget.files?.[0];
    if (file === undefined) return;
    void file.text().then(set);
    if (name === "" && set === setCsv) setName(file.name.replace(/\.[^.]*$/, ""));
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    void run({ csv, config, name: name.trim() });
  };
  const may = !busy;
  return (
    <section class="new-cohort">
      <h2>{t("cohort.new")}</h2>
      <div class="row">
        <button type="button" data-act="example" disabled={!may} onClick={() => void run({ example: "nancy2019" })}>{t("cohort.example")}</button>
        <button type="button" data-act="from-studies" disabled={!may} onClick={() => void run({ from_studies: true })}>{t("cohort.fromStudies")}</button>
      </div>
      <form onSubmit={submit}>
        <label>{t("cohort.name")}<input value={name} required maxLength={80} onInput={(event) => setName(event.currentTarget.value)} /></label>
        <label>{t("cohort.csv")}<input type="file" accept=".csv,text/csv" onChange={read(setCsv)} /></label>
        <label>{t("cohort.configFile")}<input type="file" accept=".toml" onChange={read(setConfig)} /></label>
        <label class="wide">{t("cohort.config")}<textarea rows={8} spellcheck={false} value={config} onInput={(event) => setConfig(event.currentTarget.value)} /></label>
        <button type="submit" disabled={!may || csv === "" || name.trim() === ""}>{t("cohort.run")}</button>
      </form>
    </section>
  );
}

function List() {
  const [list, setList] = useState<readonly CohortLine[] | null>(null);
  const load = (): void => void attempt(async () => setList((await get<{ cohorts: CohortLine[] }>("/cohorts")).cohorts), { background: true });
  useEffect(() => {
    load();
    return hear("job", (payload) => {
      if ((payload as { kind?: string }).kind === "cohort") load();
    });
  }, []);
  return (
    <div class="cohorts">
      <h1>{t("cohort.title")}</h1>
      {list !== null && list.length === 0 && <p class="note">{t("cohort.noneYet")}</p>}
      {list !== null && list.length > 0 && (
        <table>
          <thead><tr><th scope="col">{t("cohort.name")}</th><th scope="col">{t("cohort.made")}</th><th scope="col">{t("cohort.state")}</th></tr></thead>
          <tbody>
            {list.map((one) => (
              <tr key={one.id}>
                <th scope="row"><a href={`#/cohort/${one.id}`}>{one.name}</a></th>
                <td>{date(one.at, true)}</td>
                <td>{stateText(one.state)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {mayEdit.value && <NewCohort started={(id) => go(`#/cohort/${id}`)} />}
      <OnlyLooking />
    </div>
  );
}

const STATES = ["waiting", "running", "done", "failed", "cancelled", "interrupted"] as const;

function stateText(state: string | null | undefined): string {
  return (STATES as readonly string[]).includes(state ?? "") ? t(`job.state.${state as (typeof STATES)[number]}`) : (state ?? "");
}

function cell(value: Cell | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? number(value, 0) : number(value, Math.abs(value) < 10 ? 2 : 1);
  return String(value);
}

const COLUMNS = ["patient", "lesion", "response", "row", "class_printed"] as const;

/** A column by the name that its ROC curve or box plot bears; one that the table's author named, as it is. */
function columnName(cohort: Cohort, column: string): string {
  if ((COLUMNS as readonly string[]).includes(column)) return t(`cohort.column.${column as (typeof COLUMNS)[number]}`);
  const drawn = cohort.boxes.find((one) => one.column === column);
  if (drawn !== undefined) return `${drawn.label[language.value]}${drawn.unit ? `, ${drawn.unit}` : ""}`;
  return cohort.roc.find((one) => one.column === column)?.label[language.value] ?? column;
}

function Table({ cohort }: { cohort: Cohort }) {
  const linked = cohort.table.some((row) => row.study);
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-label={t("cohort.table")}>
      <table class="cohort-table">
        <thead><tr>{linked && <th scope="col">{t("cohort.study")}</th>}{cohort.columns.map((column) => <th scope="col" key={column}>{columnName(cohort, column)}</th>)}</tr></thead>
        <tbody>
          {cohort.table.map((row, n) => (
            <tr key={n}>
              {linked && <td>{row.study ? <a href={`#/study/${row.study}`} aria-label={t("cohort.openStudy", { name: cell(row.lesion ?? row.patient ?? n + 1) })}>{t("cohort.open")}</a> : ""}</td>}
              {cohort.columns.map((column) => <td key={column} class={typeof row[column] === "number" ? "number" : ""}>{cell(row[column])}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The cohort, or null and its job while it is being made. */
function One({ id }: { id: string }) {
  const [part, setPart] = useState("");
  const [cohort, setCohort] = useState<Cohort | null>(null);
  const [job, setJob] = useState<Job | null>(null);
  useEffect(() => {
    let gone = false;
    let last: string | null = null;
    const load = async (): Promise<void> => {
      await attempt(async () => {
        const answer = await get<Record<string, unknown>>(`/cohorts/${id}${part === "" ? "" : `?part=${part}`}`);
        if (gone) return;
        const made = answer.job as Job | null | undefined;
        last = made?.id ?? last;
        setJob(made ?? null);
        if (made === null || made === undefined || made.state === "done") setCohort(cohortOf(answer));
      });
    };
    setCohort(null);
    void load();
    const stop = hear("job", (payload) => {
      const heard = payload as unknown as Job;
      if (heard.kind !== "cohort" || (last !== null && heard.id !== last)) return;
      setJob(heard);
      if (heard.state === "done" || heard.state === "failed") void load();
    });
    return () => {
      gone = true;
      stop();
    };
  }, [id, part]);
  if (cohort === null) {
    return (
      <div class="cohorts">
        <p><a href="#/cohorts">{t("cohort.all")}</a></p>
        {job === null || job.state === "done" ? <p role="status">{t("regions.loading")}</p> : (
          <p role="status">
            {stateText(job.state)} {stepText(job)} {(job.state === "running" || job.state === "waiting") && <progress max={Math.max(1, job.total)} value={job.done} aria-label={t("cohort.run")} />}
            {job.error !== null && <strong class="warn"> {saying(job.error)}</strong>}
          </p>
        )}
      </div>
    );
  }
  return (
    <div class="cohorts">
      <p class="row">
        <a href="#/cohorts">{t("cohort.all")}</a>
        {cohort.estimated && <a href={`/api/cohorts/${id}/report.html${part === "" ? "" : `?part=${part}`}`} target="_blank" rel="noopener">{t("cohort.report")}</a>}
        {cohort.parts.length > 0 && (
          <label>
            {t("cohort.part")}
            <select value={part} onChange={(event) => setPart(event.currentTarget.value)}>
              <option value="">{t("cohort.partFirst")}</option>
              {cohort.parts.map((one) => <option key={one} value={one}>{one === "synthetic" ? t("cohort.partSynthetic") : one}</option>)}
            </select>
          </label>
        )}
      </p>
      <h1>{cohort.name}</h1>
      {cohort.synthetic && <p class="warn">{t("cohort.synthetic")}</p>}
      {!cohort.estimated && <p class="warn">{t("cohort.noOutcomes")}</p>}
      {cohort.findings.length > 0 && (
        <ul class="flags">
          {cohort.findings.map((one, n) => <li key={n}>{one.text[language.value]}</li>)}
        </ul>
      )}
      <div class="figures">
        <RocPlot cohort={cohort} />
        {cohort.boxes.map((boxes) => <BoxPlot key={boxes.column} boxes={boxes} cohort={cohort} />)}
      </div>
      <h2>{t("cohort.table")}</h2>
      <Table cohort={cohort} />
      {cohort.files.length > 0 && (
        <details>
          <summary>{t("cohort.files", { n: cohort.files.length })}</summary>
          <ul class="files-list">
            {cohort.files.map((name) => <li key={name}><a href={`/api/cohorts/${id}/files/${name}`} download={name.split("/").at(-1)}>{name}</a></li>)}
          </ul>
        </details>
      )}
    </div>
  );
}

export function CohortPage() {
  const now = route.value;
  if (now.page !== "cohort") return null;
  return now.id === null ? <List /> : <One key={now.id} id={now.id} />;
}
