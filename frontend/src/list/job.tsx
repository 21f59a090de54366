/** How far a job is, with the ways to stop it and to go on. */
import { useEffect, useState } from "preact/hooks";
import { send, type Job } from "../api";
import { t } from "../i18n";
import { saying } from "../i18n/errors";
import { mayEdit, studies } from "../state";
import { tell } from "../tell";
import { called } from "./called";

const STEPS = {
  scan: "step.scan",
  read: "step.read",
  protocol: "step.protocol",
  reference: "step.reference",
  motion: "step.align",
  regions: "step.regions",
  inputs: "step.inputs",
  copy: "step.copy",
  fetch: "step.fetch",
  align: "step.align",
  "align together": "step.together",
  "motion check": "step.motionCheck",
  denoise: "step.denoise",
  maps: "step.maps",
  lesions: "step.lesions",
  denoising: "step.denoising",
  compare: "step.models",
  models: "step.models",
  response: "step.response",
  results: "step.results",
  dicom: "step.dicom",
  "dicom maps": "step.dicom",
  save: "step.save",
  send: "step.send",
  study: "step.study",
  parameters: "step.parameters",
  comparisons: "step.comparisons",
  "combined rule": "step.rule",
  report: "step.report",
} as const;

/** What a job is doing, in words, and how much of that is done. */
export function stepText(job: Job): string {
  const name = job.step in STEPS ? t(STEPS[job.step as keyof typeof STEPS]) : job.step;
  return job.total > 1 ? `${name} ${Math.floor((100 * Math.min(job.done, job.total)) / job.total)} %` : name;
}

/** What takes every core, one at a time; the other kinds wait for each other alike. */
const HEAVY: readonly Job["kind"][] = ["analyze", "cohort"];

/** What a job that waits is waiting for. */
export function waitsFor(job: Job): string {
  const heavy = HEAVY.includes(job.kind);
  const ahead = studies.value.filter((one) => one.job?.state === "running" && one.job.id !== job.id && HEAVY.includes(one.job.kind) === heavy);
  if (ahead.length === 0) return t("job.turn");
  return t("job.ahead", { what: ahead.map((one) => t("pair", { what: t(`job.${one.job!.kind}`), value: called(one) })).join("; ") });
}

/** Minutes and seconds as on a stop watch. */
export function elapsed(from: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(from)) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** How long a job has been running, counted on while it is looked at. */
export function Elapsed({ since }: { since: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(ticking);
  }, []);
  return (
    <span class="number" title={t("job.elapsed")}>
      {elapsed(since, now)}
    </span>
  );
}

export function JobLine({ job }: { job: Job }) {
  const running = job.state === "running" || job.state === "waiting";
  const again = job.state === "failed" || job.state === "interrupted" || job.state === "cancelled";
  const act = (method: "POST" | "DELETE", path: string) => void send(method, path).catch(tell);
  return (
    <div class={`job ${job.state}`}>
      <span>
        {t("job.line", { kind: t(`job.${job.kind}`), state: t(`job.state.${job.state}`) })}
        {job.state === "waiting" ? ` · ${waitsFor(job)}` : running && job.step ? ` · ${stepText(job)}` : ""}
      </span>
      {job.state === "running" && (
        <progress
          aria-label={t(`job.${job.kind}`)}
          {...(job.total > 0 ? { max: job.total, value: job.done } : {})}
        />
      )}
      {job.state === "running" && job.started !== null && <Elapsed since={job.started} />}
      {job.error && (
        <span class="why">
          <strong>{job.error.code}</strong> {saying(job.error)}
        </span>
      )}
      {running && mayEdit.value && (
        <button type="button" onClick={() => act("DELETE", `/jobs/${job.id}`)}>
          {t("job.cancel")}
        </button>
      )}
      {again && mayEdit.value && (
        <button type="button" onClick={() => act("POST", `/jobs/${job.id}/resume`)}>
          {t("job.resume")}
        </button>
      )}
    </div>
  );
}
