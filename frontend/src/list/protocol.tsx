/** Whether a study was acquired so that flow can be computed: the badge, and the rules behind it. */
import { useEffect, useState } from "preact/hooks";
import { get, type Protocol, type Study, type Verdict } from "../api";
import { number, t } from "../i18n";
import { language, words } from "../state";
import { tell } from "../tell";

const SIGN: Record<Verdict | "pass", string> = { ok: "✓", pass: "✓", warn: "!", fail: "✕", none: "?" };

export function Badge({ verdict, text }: { verdict: Verdict | "pass"; text: string }) {
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

/** A value of a rule as words: numbers shortened, lists joined. */
function shown(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value, Number.isInteger(value) ? 0 : 2);
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (Array.isArray(value)) return value.map(shown).join(", ");
  return String(value);
}

export function ProtocolRules({ study }: { study: string }) {
  const spoken = language.value;
  const [protocol, setProtocol] = useState<Protocol | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    get<Protocol>(`/studies/${study}/protocol?language=${spoken}`, { signal: stop.signal }).then(setProtocol).catch(tell);
    return () => stop.abort();
  }, [study, spoken]);
  if (protocol === null) return <p>{t("view.loading")}</p>;
  return (
    <div class="protocol">
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
              <li key={flag}>
                {words.value?.flags[flag]?.text ?? flag} <code>{flag}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>{t("protocol.acquisition")}</h3>
      <dl>
        {Object.entries(protocol.acquisition)
          .filter(([, value]) => value === null || typeof value !== "object" || (Array.isArray(value) && value.length <= 6))
          .map(([key, value]) => (
            <div key={key}>
              <dt>{key.replace(/_/g, " ")}</dt>
              <dd>{shown(value)}</dd>
            </div>
          ))}
      </dl>
    </div>
  );
}
