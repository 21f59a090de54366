/** The panels that belong to the study itself: its protocol check, and its analysis. */
import { useState } from "preact/hooks";
import { send, type Study } from "../api";
import { refreshStudy } from "../list/follow";
import { JobLine } from "../list/job";
import { ProtocolRules } from "../list/protocol";
import { t } from "../i18n";
import { panels } from "../slots";
import { OnlyLooking } from "../panels/role";
import { first, mayEdit, words } from "../state";
import { tell } from "../tell";

const MOTIONS = ["deformable", "rigid", "none"] as const;

type Motion = (typeof MOTIONS)[number];
interface Asked {
  model: string;
  motion: Motion;
  compare: boolean;
}
const FIRST: Asked = { model: "", motion: "deformable", compare: false };

/** What the study was analysed with last: doing it again changes nothing that nobody chose. */
export function lastChoices(study: Study | null): Partial<Asked> {
  const last = study?.analysis;
  if (!last) return {};
  const motion = MOTIONS.find((one) => one === last.motion);
  return { ...(last.model ? { model: last.model } : {}), ...(motion ? { motion } : {}), ...(last.compare === undefined ? {} : { compare: last.compare }) };
}

function Analyse() {
  const study = first.study.value;
  const [own, setOwn] = useState<Partial<Asked>>({});
  if (study === null) return null;
  const { model, motion, compare } = { ...FIRST, ...lastChoices(study), ...own };
  const busy = study.job !== null && (study.job.state === "running" || study.job.state === "waiting");
  const start = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await send("POST", `/studies/${study.id}/analyze`, { ...(model ? { model } : {}), motion, compare });
      await refreshStudy(study.id);
    } catch (failure) {
      tell(failure);
    }
  };
  return (
    <div class="analyse">
      <h2>{t("analyse")}</h2>
      <p>{t(study.corrected ? (study.stale ? "analyse.stale" : "analyse.done") : "analyse.before")}</p>
      <OnlyLooking />
      {study.signed && <p class="note">{t("analyse.signed")}</p>}
      <form onSubmit={(event) => void start(event)}>
        <label>
          <span>{t("analyse.model")}</span>
          <select value={model} onChange={(event) => setOwn({ ...own, model: event.currentTarget.value })}>
            <option value="">{t("analyse.model.default")}</option>
            {Object.entries(words.value?.models ?? {}).map(([key, one]) => (
              <option key={key} value={key}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <fieldset>
          <legend>{t("analyse.motion")}</legend>
          {MOTIONS.map((one) => (
            <label key={one} class="check">
              <input type="radio" name="motion" checked={motion === one} value={one} onChange={() => setOwn({ ...own, motion: one })} />
              <span>{t(`motion.${one}`)}</span>
            </label>
          ))}
        </fieldset>
        <label class="check">
          <input type="checkbox" checked={compare} onChange={(event) => setOwn({ ...own, compare: event.currentTarget.checked })} />
          <span>{t("analyse.compare")}</span>
        </label>
        <button type="submit" class="main" disabled={busy || study.signed !== null || !mayEdit.value}>
          {t("analyse.start")}
        </button>
      </form>
      {study.job && study.job.kind === "analyze" && <JobLine job={study.job} />}
    </div>
  );
}

function ProtocolPanel() {
  const id = first.id.value;
  return (
    <>
      <h2>{t("protocol")}</h2>
      {id !== null && <ProtocolRules study={id} />}
    </>
  );
}

export function registerPanels(): void {
  panels.register({ key: "protocol", title: () => t("protocol"), component: ProtocolPanel, order: 10 });
  panels.register({ key: "analyse", title: () => t("analyse"), component: Analyse, order: 40 });
}
