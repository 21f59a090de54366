/** Keeps the study list in step with the server. */
import { get, type Failure, type Heard, type Job, type Study } from "../api";
import { alarm, studies } from "../state";

export async function refreshStudies(): Promise<void> {
  studies.value = (await get<{ studies: Study[] }>("/studies")).studies;
}

/** One study asked again; gone from the list when the server no longer knows it. One whose place among visits is new moves those of others. */
export async function refreshStudy(id: string): Promise<void> {
  const study = await get<Study>(`/studies/${id}`);
  const before = studies.value.find((one) => one.id === id);
  if (before === undefined || before.patient_key !== study.patient_key || before.visit !== study.visit) return refreshStudies();
  studies.value = studies.value.map((one) => (one.id === id ? study : one));
}

/** Studies asked because of an edit, and whether there was another one meanwhile. */
const asked = new Map<string, boolean>();

/** An edit may have made the results those of other regions, or made them hold again: the server says. */
export async function regionsChanged({ study }: Heard): Promise<void> {
  if (typeof study !== "string" || !studies.value.some((one) => one.id === study)) return;
  const waits = asked.has(study);
  asked.set(study, waits);
  if (waits) return;
  try {
    do {
      asked.set(study, false);
      await refreshStudy(study);
    } while (asked.get(study));
  } finally {
    asked.delete(study);
  }
}

export async function studyChanged(heard: Heard): Promise<void> {
  if (typeof heard.study !== "string") return refreshStudies();
  try {
    await refreshStudy(heard.study);
  } catch {
    await refreshStudies();
  }
}

/** Imports that this page asked for, and refusals of those whose answer is still under way. */
const mine = new Set<string>();
const early = new Map<string, Failure>();

/** Says here, and on no other open page, when the study that this job brings in turns out to be here already. */
export function sayIfKnown(job: string): void {
  mine.add(job);
  const error = early.get(job);
  if (error !== undefined) alarm.value = error;
}

function known(job: Job): void {
  if (job.error?.code !== "STUDY-KNOWN") return;
  if (mine.has(job.id)) alarm.value = job.error;
  else early.set(job.id, job.error);
}

export function isJob(heard: Record<string, unknown>): boolean {
  return typeof heard.id === "string" && typeof heard.state === "string" && typeof heard.kind === "string";
}

/** Progress goes straight into the list; the end of a job changes more than the job, so the study is asked again. */
export function jobChanged(heard: Heard): void {
  if (!isJob(heard) || typeof heard.study !== "string") return;
  const job = heard as unknown as Job;
  known(job);
  studies.value = studies.value.map((one) => (one.id === job.study ? { ...one, job } : one));
  if (job.state !== "running" && job.state !== "waiting") void studyChanged(heard);
  else if (!studies.value.some((one) => one.id === job.study)) void studyChanged(heard);
}
