/** How far a job is, with the ways to stop it and to go on. */
import { useEffect, useState } from "preact/hooks";
import { send, type Job } from "../api";
import { t } from "../i18n";
import { saying } from "../i18n/errors";
import { mayEdit } from "../state";
import { tell } from "../tell";

const STEPS = {
  scan: "step.scan",
  read: "step.read",
  protocol: "step.protocol",
  copy: "step.copy",
  fetch: "step.fetch",
  align: "step.align",
  "align together": "step.align",
  denoise: "step.denoise",
  maps: "step.maps",
  lesions: "step.lesions",
  models: "step.models",
  "dicom maps": "step.dicom",
  save: "step.save",
  send: "step.send",
} as const;

/** What a job is doing, in words, and how much of that is done. */
export function stepText(job: Job): string {
  const name = job.step in STEPS ? t(STEPS[job.step as keyof typeof STEPS]) : job.step;
  return job.total > 1 ? `${name} ${Math.floor((100 * Math.min(job.done, job.total)) / job.total)} %` : name;
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
        {t(`job.${job.kind}`)}: {t(`job.state.${job.state}`)}
        {running && job.step ? ` · ${stepText(job)}` : ""}
      </span>
      {running && (
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
