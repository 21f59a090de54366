/** Every parameter of a lesion's parts, and its ratio on a scale. */

import { useEffect } from "preact/hooks";
import { number, t, written } from "../i18n";
import { nameOf } from "../regions/names";
import { figures as figuresIn, useProtocol } from "../list/protocol";
import { first, language, words } from "../state";
import { fixed, interval, NONE, sided, withSd } from "./format";
import { PART_ORDER, type Ratio, type Row } from "./forms";
import { figures } from "./numbers";
import { partName, quantity } from "./wording";

/** The bar spans 0 to this ratio; what lies beyond ends at its edge with an arrow. */
const WIDEST = 2;

/** A ratio with its interval on a scale with the criterion's cut-off. */
export function Bar({ ratio, threshold, colour }: { ratio: Ratio | null; threshold: number | null; colour: string }) {
  if (ratio === null || ratio.value === null) return null;
  const x = (value: number): number => (100 * Math.min(WIDEST, Math.max(0, value))) / WIDEST;
  const [low, high] = ratio.ci95 ?? [ratio.value, ratio.value];
  const text = `${sided(ratio.value, threshold, language.value)} (${interval([low, high], 2, language.value)})`;
  return (
    <svg class="bar" viewBox="0 0 100 16" preserveAspectRatio="none" role="img" aria-label={text}>
      {threshold !== null && <line class="cut" x1={x(threshold)} x2={x(threshold)} y1={0} y2={16} />}
      <line class="one" x1={x(1)} x2={x(1)} y1={2} y2={14} />
      <rect x={x(low)} y={6} width={Math.max(0.8, x(high) - x(low))} height={4} fill={colour} opacity={0.65} />
      <rect x={x(ratio.value) - 1} y={2} width={2} height={12} fill={colour} />
    </svg>
  );
}

/** What the bars of a column are drawn on: a scale, once, under its head. */
export function Scale({ threshold }: { threshold: number | null }) {
  return (
    <span class="bar-scale" aria-hidden="true">
      {[0, ...(threshold === null ? [] : [threshold]), 1, WIDEST].map((mark) => (
        <span key={mark} ref={(element) => element?.style.setProperty("left", `${(100 * mark) / WIDEST}%`)}>{written(mark)}</span>
      ))}
    </span>
  );
}

/** What the bars and their lines are. */
export function BarKey({ threshold }: { threshold: number | null }) {
  const line = (kind: "cut" | "one") => <svg class="bar" viewBox="0 0 4 16" aria-hidden="true"><line class={kind} x1={2} x2={2} y1={0} y2={16} /></svg>;
  return (
    <p class="bar-key">
      <span>{t("results.key")}</span>
      {threshold !== null && <span>{line("cut")} {t("results.keyCut", { cut: written(threshold) })}</span>}
      <span>{line("one")} {t("results.keyOne")}</span>
    </p>
  );
}

/** A value over its standard deviation: narrow, for many columns. */
export function Spread({ value, sd }: { value?: number | null | undefined; sd?: number | null | undefined }) {
  const [main, spread] = withSd(value, sd, language.value).split(" ± ");
  return <>{main}{spread !== undefined && <small class="under"> ± {spread}</small>}</>;
}

/** A ratio over its interval. */
export function RatioCell({ ratio }: { ratio: Ratio | null }) {
  if (ratio === null) return <>{NONE}</>;
  return <>{fixed(ratio.value, 2, language.value)}<small class="under"> ({interval(ratio.ci95, 2, language.value)})</small></>;
}

/** Every parameter of every part, with its standard deviation. */
export function Parameters({ row }: { row: Row }) {
  const { cursor, series, model } = figures.live.value ?? {};
  useEffect(() => {
    // Rim, core and surround are asked for rows that are open, once a state.
    if (row.live && !row.waits && row.parts.rim === undefined) void figures.parts(row.id);
  }, [row.id, row.waits, cursor, series, model]);
  const parts = PART_ORDER.filter((part) => row.parts[part] !== undefined);
  const keys = [...new Set(parts.flatMap((part) => Object.keys(row.parts[part]!.parameters)))];
  const short = useProtocol(first.id.value ?? "")?.rules.find((rule) => rule.key === "length" && (rule.verdict === "warn" || rule.verdict === "fail"));
  const weak = (key: string): boolean => short !== undefined && words.value?.quantities[key]?.long_study === true;
  return (
    <>
    <div class="scroll" tabIndex={0} role="region" aria-label={t("results.parametersOf", { name: nameOf(row.id) })}>
      <table class={row.waits ? "parameters waits" : "parameters"}>
        <caption>{t("results.parametersOf", { name: nameOf(row.id) })}</caption>
        <thead>
          <tr>
            <th scope="col">{t("results.parameter")}</th>
            <th scope="col">{t("results.wholeRatio")}</th>
            {parts.map((part) => <th scope="col" key={part}>{partName(part)}</th>)}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{t("results.voxels")}</th>
            <td>{NONE}</td>
            {parts.map((part) => <td key={part}>{number(row.parts[part]!.voxels, 0)}</td>)}
          </tr>
          {keys.map((key) => {
            return (
              <tr key={key}>
                <th scope="row" data-weak={weak(key) ? key : undefined}>{quantity(key).name}{weak(key) && "\u00a0†"} <small>{quantity(key).unit}</small></th>
                <td><RatioCell ratio={row.ratios[key] ?? null} /></td>
                {parts.map((part) => <td key={part}><Spread value={row.parts[part]!.parameters[key]?.value} sd={row.parts[part]!.parameters[key]?.sd} /></td>)}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
    {short !== undefined && keys.some(weak) && <p class="note" data-weak-why>† {short.text} {t("results.thisStudy", { measured: figuresIn(String(short.value)) })}</p>}
    </>
  );
}
