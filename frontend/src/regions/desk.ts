/** The one desk of the page: both visits' regions, the outbox between them and the server, and who is told of what. */

import { effect, signal, untracked, type Signal } from "@preact/signals";
import { ApiError, get, hear, onConnection, send, type Me } from "../api";
import { t } from "../i18n";
import { alarm, first, me, reader, said, second, selected, type Visit } from "../state";
import { showTip } from "./draft";
import { Drawn } from "./drawn";
import { nameOf } from "./names";
import { browserKeeper, Outbox, type Keeper, type Reason } from "./outbox";
import { kindOf, type Edit, type Region } from "./types";

export const drawnFirst = new Drawn(first);
export const drawnSecond = new Drawn(second);

export function drawnOf(visit: Visit): Drawn {
  return visit.key === "first" ? drawnFirst : drawnSecond;
}

/** Selects a region of a visit, or nothing. */
export function choose(visit: Visit, name: string | null): void {
  selected.value = name === null ? null : { visit, name };
}

/** What is selected in a visit: where it was selected in the other one, the lesion linked to that, or the organ of its name. */
export function chosen(visit: Visit): string | null {
  const now = selected.value;
  if (now === null || now.visit === visit) return now?.name ?? null;
  if (kindOf(now.name) !== "lesion") return now.name;
  const identity = drawnOf(now.visit).get(now.name)?.identity;
  if (identity != null && identity.study === visit.id.value) return identity.lesion;
  const linked = drawnOf(visit).standing().find((region) => region.identity?.study === now.visit.id.value && region.identity.lesion === now.name);
  return linked?.name ?? null;
}

function drawnIn(study: string): Drawn[] {
  return [drawnFirst, drawnSecond].filter((drawn) => drawn.study === study);
}

type Follower = (study: string, region: Region) => void;
const followers = new Set<Follower>();

/** Told of every region that changed, by whoever; the numbers follow from it. */
export function onRegion(follower: Follower): () => void {
  followers.add(follower);
  return () => followers.delete(follower);
}

const lastTold = new Map<string, number>();

/** Tells followers of a version once, whether the answer to the edit or the event of it came first. */
function follow(study: string, region: Region): void {
  const key = `${study}/${region.name}`;
  if (lastTold.get(key) === region.version) return;
  lastTold.set(key, region.version);
  for (const follower of followers) follower(study, region);
}

/** What drawing, signing or asking last failed with, and when it was told. */
let complaint: { told: Reason; at: number } | null = null;

export function complain(told: Reason): void {
  complaint = { told, at: Date.now() };
  alarm.value = told;
}

/** Takes a complaint of these rooms away: something begun after it went well. Those of others stay. */
function wentWell(begun: number): void {
  if (complaint === null || begun <= complaint.at) return;
  if (alarm.value === complaint.told) alarm.value = null;
  complaint = null;
}

/** Edits not yet on the server in all studies, and why they wait. */
export const unsent: Signal<{ count: number; away: Reason | null; kept: boolean; others: ReadonlyMap<string, number> }> = signal({ count: 0, away: null, kept: true, others: new Map() });

/** False while the connection that tells of changes is broken. */
export const serverThere: Signal<boolean> = signal(true);

const tab = crypto.randomUUID();
const LOCK = "hepaflow.tab.";

async function living(): Promise<ReadonlySet<string>> {
  const locks = await navigator.locks?.query();
  return new Set((locks?.held ?? []).map((lock) => lock.name ?? "").filter((name) => name.startsWith(LOCK)).map((name) => name.slice(LOCK.length)));
}

function keeper(): Keeper {
  try {
    return browserKeeper(window.localStorage);
  } catch {
    // A browser that shuts its storage throws at the first look; edits are then kept in memory, and the page says so.
    const refuse = (): never => {
      throw new Error("no storage");
    };
    return { keys: () => [], get: () => null, set: refuse, drop: () => undefined };
  }
}

function changed(): void {
  for (const drawn of [drawnFirst, drawnSecond]) {
    drawn.waiting.value = drawn.study === null ? [] : outbox.of(drawn.study);
    // A clash brings what stands on the server now.
    const theirs = drawn.waiting.value.flatMap((entry) => (entry.theirs === null ? [] : [entry.theirs]));
    if (theirs.length > 0) drawn.put(theirs);
    drawn.anew();
  }
  unsent.value = { count: outbox.size, away: outbox.away, kept: outbox.kept, others: outbox.others() };
}

export const outbox = new Outbox({
  tab,
  keeper: keeper(),
  reader: () => reader.value,
  send: async (entry, base) => {
    // Behind a server that was away, or shut this session out, another account may have come in by another tab.
    if (outbox.away !== null) me.value = await get<Me>("/me");
    if (entry.by !== reader.value) throw new ApiError(0, "READER-OTHER", t("regions.waitingFor", { n: 1, name: entry.by }), "");
    return send<Region>("POST", `/studies/${entry.study}/regions/${entry.region}`, { base, edit: entry.edit, key: entry.id, pass: entry.pass });
  },
  accepted: (entry, region) => {
    if (entry.edit.kind === "click") showTip(null, "");
    for (const drawn of drawnIn(entry.study)) {
      if (entry.edit.kind === "rename") {
        if (selected.value?.visit === drawn.visit && selected.value.name === entry.region) choose(drawn.visit, region.name);
      }
      drawn.put([region]);
      drawn.undoable.value = true;
      void drawn.load();
    }
    wentWell(Date.parse(entry.at));
    follow(entry.study, region);
  },
  dropped: (entry, reason) => {
    if (entry.edit.kind === "click") showTip(null, "");
    complain(reason);
    // A lesion that could not be outlined is none, and cannot stay selected.
    for (const drawn of drawnIn(entry.study)) {
      const known = drawn.list.value.some((region) => region.name === entry.region);
      if (!known && selected.value?.visit === drawn.visit && selected.value.name === entry.region) selected.value = null;
    }
  },
  changed,
  living,
  later: (run, ms) => void window.setTimeout(run, ms),
  now: () => new Date().toISOString(),
  id: () => crypto.randomUUID(),
});

/** Draws into a region of the visit's study: kept at once, sent at once. */
export function edit(visit: Visit, name: string, what: Edit): void {
  const drawn = drawnOf(visit);
  if (drawn.study === null) return;
  const seen = drawn.list.value.find((region) => region.name === name)?.version ?? 0;
  outbox.add(drawn.study, name, seen, what, visit.pass.peek());
}

/** Waits a little for the edits on their way; false when they stay. */
async function sent(study: string): Promise<boolean> {
  for (let tries = 0; tries < 40; tries += 1) {
    if (!outbox.of(study).some((entry) => entry.state === "waiting")) return true;
    if (outbox.away !== null) return false;
    await new Promise((resolve) => window.setTimeout(resolve, 75));
  }
  return false;
}

/** Undo or redo; not while edits wait, since the step back would then be of another's. */
export async function step(visit: Visit, way: "undo" | "redo"): Promise<void> {
  const drawn = drawnOf(visit);
  if (drawn.study === null) return;
  if (!(await sent(drawn.study))) {
    complain({ code: "EDITS-WAITING", what: t("regions.waitFirst"), advice: "" });
    return;
  }
  // The list asked after the last edit tells where the log stands now.
  await drawn.settled();
  if (!(way === "undo" ? drawn.undoable.value : drawn.redoable.value)) return;
  const begun = Date.now();
  try {
    const answer = await drawn.step(way);
    wentWell(begun);
    said.value = t(way === "undo" ? "regions.undone" : "regions.redone", { names: answer.regions.map((region) => nameOf(region.name)).join(", ") });
    for (const region of answer.regions) follow(drawn.study, region);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    complain(error.status === 409 ? { code: error.code, what: t("regions.cursorMoved"), advice: t("regions.cursorMovedAdvice") } : error);
    await drawn.load();
  }
}

/** Runs a request of a button; what fails is said on the page. */
export async function attempt(run: () => Promise<unknown>, { background = false } = {}): Promise<boolean> {
  const begun = Date.now();
  try {
    await run();
    if (!background) wentWell(begun);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    complain({ code: error.code, what: error.what, advice: error.advice });
    return false;
  }
}

/** Starts following studies, events and the connection; once a page. */
export function start(): void {
  void navigator.locks?.request(LOCK + tab, () => new Promise(() => undefined));
  for (const drawn of [drawnFirst, drawnSecond]) {
    effect(() => {
      const study = drawn.visit.id.value;
      // A study that just opened also shows what is still on its way for it.
      untracked(() => (drawn.open(study), changed()));
    });
  }
  effect(() => {
    // Edits go out once it is known who is here; those of others stay.
    if (reader.value !== "") untracked(() => (changed(), outbox.flush()));
  });
  hear("regions", (payload) => {
    const { study, name, version, who } = payload as { study?: string; name?: string; version?: number; who?: string };
    if (study === undefined) return;
    for (const drawn of drawnIn(study)) {
      const held = drawn.list.value.find((region) => region.name === name);
      if (held !== undefined && held.version >= (version ?? 0)) continue;
      void drawn.load().then(() => {
        const region = drawn.list.value.find((one) => one.name === name);
        if (region !== undefined) follow(study, region);
      });
      if (who !== undefined && who !== reader.value) said.value = t("regions.otherChanged", { who, name: nameOf(name ?? "") });
    }
  });
  // An analysis that ended may have found regions anew.
  hear("study", ({ study }) => {
    if (typeof study === "string") for (const drawn of drawnIn(study)) void drawn.load();
  });
  onConnection((alive) => {
    serverThere.value = alive;
    if (!alive) return;
    outbox.flush();
    for (const drawn of [drawnFirst, drawnSecond]) void drawn.load();
  });
  void outbox.resume();
}
