/** Box plots as SVG; every lesion's point opens its study, by mouse and by keyboard. */

import { number, t } from "../i18n";
import { language } from "../state";
import { COLOURS, five, lesionOf, marks, spread, type Boxes, type Cohort } from "./forms";

export function BoxPlot({ boxes, cohort }: { boxes: Boxes; cohort: Cohort }) {
  const all = boxes.groups.flatMap((group) => group.values.map((one) => one.value));
  if (all.length === 0) return null;
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const pad = (high - low || Math.abs(high) || 1) * 0.06;
  const y = (value: number): number => 14 + (1 - (value - low + pad) / (high - low + 2 * pad)) * 240;
  const wide = 250 / Math.max(1, boxes.groups.length);
  const title = boxes.label[language.value];
  const digits = high - low < 5 ? 2 : high - low < 50 ? 1 : 0;
  return (
    <figure class="boxes">
      <figcaption>{title}{boxes.unit ? `, ${boxes.unit}` : ""}</figcaption>
      <svg viewBox="0 0 320 290" role="group" aria-label={title}>
        {marks(low, high).map((mark) => (
          <g key={mark}>
            <line class="grid" x1={50} x2={310} y1={y(mark)} y2={y(mark)} />
            <text x={45} y={y(mark) + 4} text-anchor="end">{number(mark, digits)}</text>
          </g>
        ))}
        {boxes.groups.map((group, n) => {
          const values = group.values.map((one) => one.value);
          const box = five(values);
          const middle = 55 + (n + 0.5) * wide;
          const half = Math.min(45, wide * 0.32);
          const sides = spread(values, (high - low) * 0.03);
          return (
            <g key={group.name.en} class="group">
              {box !== null && (
                <>
                  <line class="whisker" x1={middle} x2={middle} y1={y(box.low)} y2={y(box.q1)} />
                  <line class="whisker" x1={middle} x2={middle} y1={y(box.q3)} y2={y(box.high)} />
                  <rect class="box" x={middle - half} width={2 * half} y={y(box.q3)} height={Math.max(1, y(box.q1) - y(box.q3))} stroke={COLOURS[n % COLOURS.length]} />
                  <line class="median" x1={middle - half} x2={middle + half} y1={y(box.median)} y2={y(box.median)} stroke={COLOURS[n % COLOURS.length]} />
                </>
              )}
              {group.values.map((one, m) => {
                const study = one.row === null ? null : (cohort.table[one.row]?.study ?? null);
                const label = t("pair", { what: `${lesionOf(cohort, one.row)} ${group.name[language.value]}`.trim(), value: number(one.value, 2) });
                const point = <circle cx={middle + sides[m]! * half} cy={y(one.value)} r={3.4} fill={COLOURS[n % COLOURS.length]}><title>{label}</title></circle>;
                return study === null ? <g key={m}>{point}</g> : <a key={m} href={`#/study/${study}`} aria-label={t("cohort.openStudy", { name: label })}>{point}</a>;
              })}
              <text x={middle} y={282} text-anchor="middle">{`${group.name[language.value]} (n = ${values.length})`}</text>
            </g>
          );
        })}
      </svg>
    </figure>
  );
}
