/** All models on one lesion's curve, side by side. */

import { useEffect, useState } from "preact/hooks";
import { send } from "../api";
import { number, t } from "../i18n";
import { attempt } from "../regions/desk";
import { first, language, words } from "../state";
import { NONE, percent } from "./format";
import type { Ratio } from "./forms";
import { RatioCell, Spread } from "./parameters";
import { atFirstVisit, quantity, sideOf } from "./wording";

interface CurveComparison {
  readonly curve: string;
  readonly sentence?: string;
  readonly ranking: readonly { model: string; aic: number | null; aic_weight: number | null }[];
  readonly models?: Readonly<Record<string, { bf?: { value: number | null; sd: number | null }; ratio?: { bf?: Ratio | null }; category?: string | null; probability_major?: number | null; fit?: { r2: number | null } }>>;
}

function ComparisonTable({ found }: { found: CurveComparison }) {
  const order = [...found.ranking.map((one) => one.model), ...Object.keys(found.models ?? {}).filter((key) => !found.ranking.some((one) => one.model === key))];
  return (
    <>
      {found.sentence !== undefined && <p>{found.sentence}</p>}
      <p class="note">{t("compare.which")}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("compare.title")}>
        <table>
          <caption class="hidden">{t("compare.title")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("compare.model")}</th><th scope="col">{t("compare.weight")}</th><th scope="col">{quantity("bf").name} <small>{quantity("bf").unit} ± {t("results.sd")}</small></th>
              <th scope="col">{t("results.ratio")}</th><th scope="col">{t(atFirstVisit() ? "results.cutOff" : "results.response")}</th><th scope="col">R²</th>
            </tr>
          </thead>
          <tbody>
            {order.map((model) => {
              const values = found.models?.[model];
              const ratio = values?.ratio?.bf ?? null;
              return (
                <tr key={model}>
                  <th scope="row">{words.value?.models[model]?.brief ?? model}</th>
                  <td>{percent(found.ranking.find((one) => one.model === model)?.aic_weight, language.value)}</td>
                  <td><Spread value={values?.bf?.value} sd={values?.bf?.sd} /></td>
                  <td><RatioCell ratio={ratio} /></td>
                  <td>
                    {values?.category === "major" || values?.category === "minor" ? (atFirstVisit() ? sideOf(values.category) : t(`response.${values.category}`)) : (values?.category ?? NONE)}
                    {values?.probability_major != null && <small class="p" data-p-major={values.probability_major}>{t(atFirstVisit() ? "results.below" : "results.major")} {percent(values.probability_major, language.value)}</small>}
                  </td>
                  <td>{number(values?.fit?.r2, 3)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** All models on one lesion's curve, fitted when asked. */
export function Compare({ lesion }: { lesion: string }) {
  const [found, setFound] = useState<CurveComparison | null>(null);
  const [busy, setBusy] = useState(false);
  const spoken = language.value;
  useEffect(() => setFound(null), [spoken]);
  const ask = async (): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      const { curves } = await send<{ curves: CurveComparison[] }>("POST", `/studies/${first.id.value}/numbers/compare?language=${spoken}`, { region: lesion, part: "whole" });
      setFound(curves.find((one) => one.curve === lesion) ?? null);
    });
    setBusy(false);
  };
  return (
    <div class="compare">
      <button type="button" data-act="compare" disabled={busy} onClick={() => void ask()}>{busy ? t("compare.busy") : t("compare.ask")}</button>
      {found !== null && <ComparisonTable found={found} />}
    </div>
  );
}
