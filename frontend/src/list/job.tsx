/** How far a job is, with the ways to stop it and to go on. */
import { send, type Job } from "../api";
import { t } from "../i18n";
import { saying } from "../i18n/errors";
import { mayEdit } from "../state";
import { tell } from "../tell";

const STEPS = {
  scan: "step.scan",
  read: "step.read",
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

function step(job: Job): string {
  return job.step in STEPS ? t(STEPS[job.step as keyof typeof STEPS]) : job.step;
}

export function JobLine({ job }: { job: Job }) {
  const running = job.state === "running" || job.state === "waiting";
  const again = job.state === "failed" || job.state === "interrupted" || job.state === "cancelled";
  const act = (method: "POST" | "DELETE", path: string) => void send(method, path).catch(tell);
  return (
    <div class={`job ${job.state}`}>
      <span>
        {t(`job.${job.kind}`)}: {t(`job.state.${job.state}`)}
        {running && job.step ? ` · ${step(job)}` : ""}
      </span>
      {running && (
        <progress
          aria-label={t(`job.${job.kind}`)}
          {...(job.total > 0 ? { max: job.total, value: job.done } : {})}
        />
      )}
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
