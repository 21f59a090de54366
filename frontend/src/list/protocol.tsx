/** Whether a study was acquired so that flow can be computed: the badge, and the rules behind it. */
import { useEffect, useState } from "preact/hooks";
import { get, type Protocol, type Study, type Verdict } from "../api";
import { number, t } from "../i18n";
import { language, words } from "../state";
import { tell } from "../tell";

type Told = Verdict | "pass" | "unknown";
const SIGN: Record<Told, string> = { ok: "✓", pass: "✓", warn: "!", fail: "✕", none: "?", unknown: "?" };

export function Badge({ verdict, text }: { verdict: Told; text: string }) {
  return (
    <span class={`badge ${verdict === "pass" ? "ok" : verdict}`}>
      <span aria-hidden="true">{SIGN[verdict]}</span> {text}
    </span>
  );
}

export function verdictText(study: Study): string {
  const { verdict, warn, fail } = study.protocol;
  if (verdict === "fail") return t("protocol.fail", { n: fail });
  if (verdict === "warn") return t("protocol.warn", { n: warn });
  return t(verdict === "ok" ? "protocol.ok" : "protocol.none");
}

/** A text that the server wrote in plain notation (1.5 s), with the language's decimal sign; a lone "=" is put in words. */
export function figures(text: string): string {
  const spoken = language.value === "fr" ? text.replace(/(\d)\.(\d)/g, "$1,$2") : text;
  const same = /^= \((.*)\)$/.exec(spoken);
  return same ? t("protocol.same", { usual: same[1]! }) : spoken === "-" ? "–" : spoken;
}

/** A value of a rule or of the acquisition as words: numbers as short as they are, lists joined. */
function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return number(value, Number.isInteger(value) ? 0 : 2);
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.map(shown).join(", ");
  return figures(String(value));
}

/** What is told of the acquisition, in the order of a reader's questions, with its unit. */
const ACQUISITION = [
  ["manufacturer", ""],
  ["model_name", ""],
  ["kvp", "kV"],
  ["tube_current_ma", "mA"],
  ["kernel", ""],
  ["duration_s", "s"],
  ["injection_to_first_s", "s"],
  ["contrast_volume_ml", "mL"],
  ["contrast_flow_ml_s", "mL/s"],
  ["time_source", ""],
] as const;

/** The protocol check of a study in the reader's language; null until it is here. */
export function useProtocol(study: string): Protocol | null {
  const spoken = language.value;
  const [protocol, setProtocol] = useState<Protocol | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    get<Protocol>(`/studies/${study}/protocol?language=${spoken}`, { signal: stop.signal }).then(setProtocol).catch(tell);
    return () => stop.abort();
  }, [study, spoken]);
  return protocol;
}

export function ProtocolRules({ study }: { study: string }) {
  const protocol = useProtocol(study);
  if (protocol === null) return <p>{t("view.loading")}</p>;
  return (
    <div class="protocol">
      {protocol.of === "import" && <p class="note">{t("protocol.first")}</p>}
      <ul class="rules-list" aria-label={t("protocol.rules")}>
        {protocol.rules.map((rule) => (
          <li key={rule.key}>
            <Badge verdict={rule.verdict} text={t(`verdict.${rule.verdict}`)} />
            <strong>{rule.title}</strong>
            <span class="measured">
              {shown(rule.value)}
              {rule.limit !== null && rule.limit !== undefined && <small>{t("protocol.limit", { limit: shown(rule.limit) })}</small>}
            </span>
            {rule.text && <small class="reason">{rule.text}</small>}
          </li>
        ))}
      </ul>
      {protocol.flags.length > 0 && (
        <>
          <h3>{t("protocol.flags")}</h3>
          <ul class="flags">
            {protocol.flags.map((flag) => (
              <li key={flag}>{words.value?.flags[flag]?.text ?? flag}</li>
            ))}
          </ul>
        </>
      )}
      <h3>{t("protocol.acquisition")}</h3>
      <dl>
        {ACQUISITION.map(([key, unit]) => {
          const text = shown(protocol.acquisition[key]);
          return (
            <div key={key}>
              <dt>{t(`acquisition.${key}`)}</dt>
              <dd>{unit && text !== "–" ? `${text} ${unit}` : text}</dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}
