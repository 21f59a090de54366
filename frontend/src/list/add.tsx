/** The three ways in: a folder or zip on the server's disk, an uploaded zip, an archive. */
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, send, upload } from "../api";
import { date, number, t } from "../i18n";
import { alarm, me } from "../state";
import { tell } from "../tell";
import { refreshStudies, sayIfKnown } from "./follow";

interface Started {
  study: string;
  job: string;
}

interface Archive {
  name: string;
  kind: string;
}

interface Found {
  study_uid: string;
  patient_id: string;
  patient_name: string;
  date: string;
  accession: string;
  description: string;
  modalities: string[];
  instances: number | null;
}

function ByPath() {
  const [busy, setBusy] = useState(false);
  const path = useRef<HTMLInputElement>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    alarm.value = null;
    setBusy(true);
    try {
      sayIfKnown((await send<Started>("POST", "/studies", { path: path.current!.value.trim() })).job);
      path.current!.value = "";
      await refreshStudies();
    } catch (failure) {
      tell(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label class="wide">
        <span>{t(me.value?.local ? "add.path" : "add.path.server")}</span>
        <input ref={path} required name="path" autocomplete="off" spellcheck={false} placeholder="/data/study" />
      </label>
      <button type="submit" disabled={busy}>
        {t("add.import")}
      </button>
    </form>
  );
}

const sent = signal<{ name: string; done: number; total: number } | null>(null);

async function uploadZip(file: File, stop: AbortController): Promise<void> {
  sent.value = { name: file.name, done: 0, total: file.size };
  try {
    const progress = (done: number, total: number) => (sent.value = { name: file.name, done, total });
    sayIfKnown((await upload<Started>("/studies/upload", file, progress, stop.signal)).job);
    await refreshStudies();
  } catch (failure) {
    tell(failure);
  } finally {
    sent.value = null;
  }
}

function ByZip() {
  const stop = useRef<AbortController | null>(null);
  const [over, setOver] = useState(false);
  const take = (files: FileList | null | undefined): void => {
    const file = files?.[0];
    if (file === undefined || sent.value !== null) return;
    stop.current = new AbortController();
    void uploadZip(file, stop.current);
  };
  const now = sent.value;
  return (
    <form
      class={over ? "over" : ""}
      onDragOver={(event) => (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <label class="file">
        <span class="button">{t("add.zip")}</span>
        <input
          type="file"
          class="hidden"
          name="zip"
          accept=".zip,application/zip"
          disabled={now !== null}
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
      </label>
      {now && (
        <>
          <progress aria-label={t("add.sending", { name: now.name })} max={now.total} value={now.done} />
          <span>
            {number(now.done / 1e6)} / {number(now.total / 1e6)} MB
          </span>
          <button type="button" onClick={() => stop.current?.abort()}>
            {t("job.cancel")}
          </button>
        </>
      )}
    </form>
  );
}

/** A study of an archive in a line; what the archive does not say is left out. */
function label(found: Found): string {
  const images = found.instances === null ? "" : t("archive.images", { n: found.instances });
  const parts = [found.patient_name.replace(/\^+/g, " ").trim(), found.patient_id, found.date && date(found.date), found.description, found.modalities.join(", "), images];
  return parts.filter((one) => one !== "").join(" · ");
}

function ByArchive() {
  const [archives, setArchives] = useState<Archive[]>([]);
  const [found, setFound] = useState<Found[] | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    get<{ archives: Archive[] }>("/archives")
      .then((answer) => setArchives(answer.archives))
      .catch(tell);
  }, []);
  if (archives.length === 0) return <p class="note">{t("archive.none")}</p>;
  const asked = () => new FormData(form.current!);
  const find = async (event: Event): Promise<void> => {
    event.preventDefault();
    alarm.value = null;
    setBusy(true);
    const text = (name: string): string => String(asked().get(name) ?? "").trim();
    const query = { patient_id: text("patient_id") || null, patient_name: text("patient_name") || null, date: text("date").replace(/-/g, "") || null };
    try {
      setFound((await send<{ studies: Found[] }>("POST", `/archives/${encodeURIComponent(text("archive"))}/find`, query)).studies);
    } catch (failure) {
      tell(failure);
    } finally {
      setBusy(false);
    }
  };
  const retrieve = (one: Found) =>
    void send<Started>("POST", `/archives/${encodeURIComponent(String(asked().get("archive")))}/retrieve`, { study_uid: one.study_uid })
      .then((started) => sayIfKnown(started.job))
      .then(refreshStudies)
      .catch(tell);
  return (
    <>
      <form ref={form} onSubmit={(event) => void find(event)}>
        <label>
          <span>{t("archive")}</span>
          <select name="archive">
            {archives.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name} ({one.kind})
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{t("archive.patient")}</span>
          <input name="patient_id" autocomplete="off" />
        </label>
        <label>
          <span>{t("archive.name")}</span>
          <input name="patient_name" autocomplete="off" />
        </label>
        <label>
          <span>{t("archive.date")}</span>
          <input name="date" type="date" />
        </label>
        <button type="submit" disabled={busy}>
          {t("archive.find")}
        </button>
      </form>
      {found !== null && (
        <ul class="found" aria-label={t("archive.found", { n: found.length })}>
          {found.length === 0 && <li>{t("archive.nothing")}</li>}
          {found.map((one) => (
            <li key={one.study_uid}>
              <span>{label(one) || one.study_uid}</span>
              <button type="button" onClick={() => retrieve(one)}>
                {t("archive.retrieve")}
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

export function AddStudy() {
  return (
    <section class="add" aria-labelledby="add-title">
      <h2 id="add-title">{t("add.title")}</h2>
      {me.value?.paths && <ByPath />}
      <ByZip />
      <ByArchive />
    </section>
  );
}
