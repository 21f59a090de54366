/** The server's API, typed. Every failure is an ApiError with the server's code, sentence and advice. */

export type Vec3 = [number, number, number];
/** Index order k, j, i: slice, row, column of the study's grid; fractions allowed. */
export type Voxel = Vec3;
export type Matrix = number[][];
export type PlaneName = "axial" | "coronal" | "sagittal";
export type SetName = "acquired" | "corrected";
export type Verdict = "ok" | "warn" | "fail" | "none";
export type StudyState = "importing" | "imported" | "analysing" | "analysed" | "signed" | "failed";
export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled" | "interrupted";

export interface Failure {
  code: string;
  what: string;
  advice: string;
  /** Of STUDY-KNOWN: the study that is here already. */
  study?: string;
}

/** A study in the trash. */
export interface Removed {
  id: string;
  label: string;
  patient: string;
  date: string;
  trashed: string;
}

export interface Job {
  id: string;
  study: string | null;
  kind: "import" | "retrieve" | "analyze" | "send" | "cohort";
  state: JobState;
  step: string;
  done: number;
  total: number;
  error: Failure | null;
  started: string | null;
  ended: string | null;
}

export interface Study {
  id: string;
  label: string;
  patient: string;
  patient_key: string;
  patient_id: string;
  date: string | null;
  visit: number;
  /** There are others of the patient, all of later dates. */
  first_visit: boolean;
  /** In what the studies that are listed as this patient's differ, though they should not. */
  patient_differs: ("name" | "birth_date")[];
  added: string;
  state: StudyState;
  protocol: { verdict: Verdict; pass: number; warn: number; fail: number };
  passes: number | null;
  spacing_mm: number[] | null;
  coverage_mm: number[] | null;
  lesions: number | null;
  signed: { reader: string; at: string } | null;
  job: Job | null;
  corrected: boolean;
  stale: boolean;
  /** How it was analysed last. */
  analysis?: { at: string; model?: string; motion?: string; compare?: boolean } | null;
}

export interface Me {
  reader: string;
  role: "viewer" | "reader" | "admin";
  language: "en" | "fr";
  version: string;
  local: boolean;
  /** Whether studies can be brought in by a path on the server's disks. */
  paths: boolean;
}

export interface Plane {
  count: number;
  rows: number;
  columns: number;
  row_mm: number;
  column_mm: number;
  step_mm: number;
  to_mm: Matrix;
  to_voxel: Matrix;
}

export interface Images {
  grid: { shape: Vec3; spacing_mm: Vec3; affine: Matrix };
  passes: number;
  times_s: number[];
  excluded: number[];
  reference: number | null;
  /** How many passes come before contrast; known once the study was analysed. */
  baseline_passes: number | null;
  sets: SetName[];
  windows: { key: string; level: number; width: number }[];
  planes: Record<PlaneName, Plane>;
  /** Content key of each set's voxels; the address of a slice carries it, so that a browser may keep the slice for good. */
  keys?: Partial<Record<SetName, string>>;
  key?: string;
}

export interface Maps {
  model: string;
  maps: { key: string; sd: boolean; range?: [number, number]; palette?: string }[];
  key?: string;
}

export interface Quantity {
  name: string;
  symbol: string;
  unit: string;
  range: [number, number];
  palette: string;
  decimals?: number;
  /** Weakly determined in a study that the protocol check calls too short. */
  long_study?: boolean;
}

export interface Words {
  windows?: Record<string, string>;
  flags: Record<string, { text: string }>;
  quantities: Record<string, Quantity>;
  models: Record<string, { name: string; brief: string }>;
  criteria: Record<string, { name: string }>;
  parts: Record<string, string>;
}

export interface Rule {
  key: string;
  title: string;
  verdict: "pass" | "warn" | "fail" | "unknown";
  value: unknown;
  limit: unknown;
  text: string;
}

export interface Protocol {
  /** Whether the verdicts are those of the first look at import, which knows neither regions nor motion, or of the analysis. */
  of?: "import" | "analysis";
  rules: Rule[];
  flags: string[];
  acquisition: Record<string, unknown>;
}

export interface AuditEntry {
  at: string;
  who: string;
  what: string;
  study: string | null;
  detail: Record<string, unknown>;
}

export interface Link {
  first: string;
  second: string;
  distance_mm: number;
  [more: string]: unknown;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly what: string,
    readonly advice: string,
    /** Everything the server sent, for answers that carry more than the error (a conflict carries "current"). */
    readonly body: Record<string, unknown> = {},
  ) {
    super(`${code}: ${what}`);
    this.name = "ApiError";
  }
}

/** The study that a refusal names as the one that is here already. */
export function knownAs(failure: unknown): string | null {
  if (!(failure instanceof ApiError) || failure.code !== "STUDY-KNOWN") return null;
  return typeof failure.body.study === "string" ? failure.body.study : null;
}

export interface Options {
  signal?: AbortSignal;
}

async function refused(answer: Response): Promise<ApiError> {
  const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  const error = (body.error ?? {}) as Partial<Failure>;
  return new ApiError(answer.status, error.code ?? `HTTP-${answer.status}`, error.what ?? answer.statusText, error.advice ?? "", body);
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(`/api${path}`, { credentials: "same-origin", ...init });
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === "AbortError") throw failure;
    throw new ApiError(0, "SERVER-AWAY", "the server does not answer", "start hepaflow serve again; nothing drawn is lost");
  }
  if (!answer.ok) throw await refused(answer);
  return answer;
}

export async function get<T>(path: string, options: Options = {}): Promise<T> {
  return (await (await ask(path, { signal: options.signal ?? null })).json()) as T;
}

/** Sends JSON; the X-Hepaflow header says that this page, not a foreign one, is asking. */
export async function send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { "X-Hepaflow": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await ask(path, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: options.signal ?? null });
  const text = await answer.text();
  return (text ? JSON.parse(text) : null) as T;
}

/** Raw octets with the answer's headers. */
export async function octets(path: string, options: Options = {}): Promise<{ data: ArrayBuffer; headers: Headers }> {
  const answer = await ask(path, { signal: options.signal ?? null });
  return { data: await answer.arrayBuffer(), headers: answer.headers };
}

/** Uploads a zip; fetch tells no progress of what it sends, so this is the one XMLHttpRequest. */
export function upload<T>(path: string, file: File, progress: (done: number, total: number) => void, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api${path}`);
    request.setRequestHeader("X-Hepaflow", "1");
    request.setRequestHeader("Content-Type", "application/zip");
    request.setRequestHeader("X-Name", encodeURIComponent(file.name));
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onload = () => {
      let body: Record<string, unknown> = {};
      try {
        body = JSON.parse(request.responseText) as Record<string, unknown>;
      } catch {
        // An answer that is no JSON is told by its status alone.
      }
      if (request.status < 300) return resolve(body as T);
      const error = (body.error ?? {}) as Partial<Failure>;
      reject(new ApiError(request.status, error.code ?? `HTTP-${request.status}`, error.what ?? request.statusText, error.advice ?? "", body));
    };
    request.onerror = () => reject(new ApiError(0, "SERVER-AWAY", "the server does not answer", "start hepaflow serve again"));
    request.onabort = () => reject(new DOMException("upload stopped", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

export type EventKind = "job" | "study" | "regions" | "numbers";
export type Heard = Record<string, unknown> & { study?: string };
type Listener = (payload: Heard) => void;

/** What the page that listens to the server passes on to the others. */
type Told = { kind: EventKind; payload: Heard } | { alive: boolean };

const STREAM = "hepaflow-events";
const listeners = new Map<EventKind, Set<Listener>>();
const connected = new Set<(alive: boolean) => void>();
let pages: BroadcastChannel | null = null;
let waited_ms = 500;

function take(told: Told): void {
  if ("alive" in told) for (const one of connected) one(told.alive);
  else for (const one of listeners.get(told.kind) ?? []) one(told.payload);
}

function tell(told: Told): void {
  take(told);
  pages?.postMessage(told);
}

function open(): void {
  const source = new EventSource("/api/events");
  for (const kind of ["job", "study", "regions", "numbers"] as const) {
    source.addEventListener(kind, (event) => tell({ kind, payload: JSON.parse((event as MessageEvent<string>).data) as Heard }));
  }
  source.onopen = () => {
    waited_ms = 500;
    tell({ alive: true });
  };
  source.onerror = () => {
    // The browser gives up for good on some failures; a new source with growing pauses does not.
    source.close();
    tell({ alive: false });
    window.setTimeout(open, waited_ms);
    waited_ms = Math.min(waited_ms * 2, 15_000);
  };
}

// A browser keeps no more than six connections to a server: were each page to hold one for events, the sixth page would show nothing.
// One page listens and passes on; when it closes, the next takes its place.
function join(): void {
  pages = new BroadcastChannel(STREAM);
  pages.onmessage = (event: MessageEvent<Told>) => take(event.data);
  void navigator.locks.request(STREAM, () => new Promise(open));
}

/** Hears the server's events of one kind; returns the way to stop. The connection is made at the first call and renewed when lost. */
export function hear(kind: EventKind, listener: Listener): () => void {
  const set = listeners.get(kind) ?? new Set();
  listeners.set(kind, set.add(listener));
  if (pages === null) join();
  return () => set.delete(listener);
}

/** Told true when the event connection stands, false when it broke: what happened in between must then be asked again. */
export function onConnection(listener: (alive: boolean) => void): () => void {
  connected.add(listener);
  return () => connected.delete(listener);
}
