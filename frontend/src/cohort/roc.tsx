/** ROC curves as SVG. The points of the chosen one are its thresholds: each says its rates and the lesions whose value it is, and opens their study. */

import { useRef, useState } from "preact/hooks";
import { number, t, written } from "../i18n";
import { language } from "../state";
import { COLOURS, lesionOf, type Cohort, type Roc, type RocPoint } from "./forms";

const DASHES = ["", "6 3", "2 3", "9 3 2 3", "12 4", "4 4"];
const SIZE = 300;
const x = (value: number): number => 44 + value * SIZE;
const y = (value: number): number => 12 + (1 - value) * SIZE;

function areaText(roc: Roc): string {
  const ci = roc.ci === null ? "" : ` (${number(roc.ci[0], 2)}–${number(roc.ci[1], 2)})`;
  const p = roc.p === null ? "" : `, ${t("cohort.p", { p: roc.p < 0.001 ? `< ${number(0.001, 3)}` : `= ${number(roc.p, 3)}` })}`;
  return t("pair", { what: roc.label[language.value], value: `${number(roc.area, 2)}${ci}${p}` });
}

function cutText(roc: Roc, point: RocPoint): string {
  if (point.cut === null) return t("cohort.allPositive");
  return t(roc.lower ? "cohort.positiveBelow" : "cohort.positiveAbove", { cut: written(point.cut) });
}

/** The cut-off that the study found best. */
function bestText(roc: Roc): string | null {
  if (roc.best === null) return null;
  return t("cohort.best", { cut: t(roc.lower ? "cohort.below" : "cohort.above", { cut: written(roc.best) }) });
}

function ratesText(point: RocPoint): string {
  return `${t("cohort.truePositive")} ${number(point.sensitivity, 2)}, ${t("cohort.specificity")} ${number(1 - point.falsePositive, 2)}`;
}

function valueText(point: RocPoint): string {
  return t(point.rows.length === 1 ? "cohort.valueOf" : "cohort.valueOfSeveral", { value: written(Number(point.value?.toPrecision(4))), n: point.rows.length });
}

/** Patient, lesion and what its outcome was. */
function judgedLesion(cohort: Cohort, row: number): string {
  const outcome = cohort.outcome === null ? null : cohort.table[row]?.[cohort.outcome];
  return `${lesionOf(cohort, row)}${outcome ? ` (${outcome})` : ""}`;
}

function studyOf(cohort: Cohort, row: number): string | null {
  return cohort.table[row]?.study ?? null;
}

const STEPS: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowRight: (at) => at + 1,
  ArrowUp: (at) => at + 1,
  ArrowLeft: (at) => at - 1,
  ArrowDown: (at) => at - 1,
  Home: () => 0,
  End: (_, last) => last,
};

interface PointsProps {
  readonly cohort: Cohort;
  readonly roc: Roc;
  readonly points: readonly RocPoint[];
  readonly colour: string;
  readonly at: number | null;
  readonly show: (at: number) => void;
  /** Leads on to the list of lesions. */
  readonly list: () => void;
}

/** One stop of the Tab key; the arrows go along the curve. A lesion alone is a link, several lead to their list. */
function Points({ cohort, roc, points, colour, at, show, list }: PointsProps) {
  const group = useRef<SVGGElement>(null);
  const keys = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(points.length - 1, step(at ?? 0, points.length - 1)));
    group.current?.querySelectorAll<SVGElement>(".point")[next]?.focus();
  };
  return (
    <g ref={group} role="group" aria-label={t("cohort.pointsOf", { name: roc.label[language.value] })} onKeyDown={keys}>
      {points.map((point, n) => {
        const linked = point.rows.filter((row) => studyOf(cohort, row) !== null);
        const label = `${cutText(roc, point)}. ${ratesText(point)}. ${valueText(point)} ${point.rows.map((row) => judgedLesion(cohort, row)).join("; ")}`;
        const shared = {
          class: n === at ? "point shown" : "point",
          tabindex: n === (at ?? 0) ? 0 : -1,
          "aria-label": label,
          onFocus: () => show(n),
          onPointerEnter: () => show(n),
        };
        const [cx, cy] = [x(point.falsePositive), y(point.sensitivity)];
        const mark = (
          <>
            <circle class="reach" cx={cx} cy={cy} r={6} />
            {point.rows.length === 1 ? <circle class="mark" cx={cx} cy={cy} r={3} stroke={colour} /> : <rect class="mark" x={cx - 4} y={cy - 4} width={8} height={8} stroke={colour} />}
          </>
        );
        if (linked.length === 0) return <g key={n} {...shared} role="img">{mark}</g>;
        if (point.rows.length === 1) return <a key={n} {...shared} href={`#/study/${studyOf(cohort, linked[0]!)}`}>{mark}</a>;
        const press = (event: KeyboardEvent): void => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          list();
        };
        const choose = (): void => {
          show(n);
          list();
        };
        return <g key={n} {...shared} role="button" onClick={choose} onKeyDown={press}>{mark}</g>;
      })}
    </g>
  );
}

export function RocPlot({ cohort }: { cohort: Cohort }) {
  const [chosen, setChosen] = useState(0);
  const [at, setAt] = useState<number | null>(null);
  const figure = useRef<HTMLElement>(null);
  const said = useRef<HTMLDivElement>(null);
  const list = cohort.roc;
  const roc = list[chosen];
  if (roc === undefined) return null;
  const points = roc.points.filter((point) => point.rows.length > 0);
  const point = at === null ? undefined : points[at];
  const colour = (n: number): string => COLOURS[n % COLOURS.length]!;
  const curve = (n: number) => ({ class: n === chosen ? "curve chosen" : "curve", stroke: colour(n), "stroke-dasharray": DASHES[n % DASHES.length]! });
  const choose = (n: number): void => {
    setChosen(n);
    setAt(null);
  };
  // While the reader is in the list of lesions, the mouse on its way there changes nothing.
  const show = (next: number): void => {
    if (!said.current?.contains(document.activeElement)) setAt(next);
  };
  const back = (event: KeyboardEvent): void => {
    if (event.key === "Escape") figure.current?.querySelector<SVGElement>(".point.shown")?.focus();
  };
  return (
    <figure class="roc" ref={figure}>
      <figcaption>{t("cohort.roc")}</figcaption>
      <svg viewBox="0 0 360 360" role="group" aria-label={`${t("cohort.roc")}. ${list.map(areaText).join("; ")}`}>
        {[0, 0.25, 0.5, 0.75, 1].map((mark) => (
          <g key={mark}>
            <line class="grid" x1={x(mark)} x2={x(mark)} y1={y(0)} y2={y(1)} />
            <line class="grid" x1={x(0)} x2={x(1)} y1={y(mark)} y2={y(mark)} />
            <text x={x(mark)} y={y(0) + 16} text-anchor="middle">{number(mark, 2)}</text>
            <text x={x(0) - 5} y={y(mark) + 4} text-anchor="end">{number(mark, 2)}</text>
          </g>
        ))}
        <line class="chance" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
        {list.map((one, n) => (
          <path key={one.column} {...curve(n)} d={`M${one.points.map((to) => `${x(to.falsePositive)} ${y(to.sensitivity)}`).join("L")}`} />
        ))}
        <text x={x(0.5)} y={352} text-anchor="middle">{t("cohort.falsePositive")}</text>
        <text transform={`translate(11 ${y(0.5)}) rotate(-90)`} text-anchor="middle">{t("cohort.truePositive")}</text>
        {points.length > 0 && (
          <Points key={roc.column} cohort={cohort} roc={roc} points={points} colour={colour(chosen)} at={at} show={show} list={() => said.current?.querySelector("a")?.focus()} />
        )}
      </svg>
      <ul class="legend">
        {list.map((one, n) => {
          const line = <svg viewBox="0 0 30 6" aria-hidden="true"><path {...curve(n)} d="M0 3H30" /></svg>;
          return (
            <li key={one.column}>
              {list.length === 1 ? <>{line} {areaText(one)}</> : <label><input type="radio" name="roc-curve" checked={n === chosen} onChange={() => choose(n)} /> {line} {areaText(one)}</label>}
              {bestText(one) !== null && <small class="best">{bestText(one)}</small>}
            </li>
          );
        })}
      </ul>
      {points.length > 0 && (
        <div class="threshold" ref={said} onKeyDown={back}>
          {point === undefined ? <p class="note">{t("cohort.pointsHint")}</p> : (
            <>
              <p><strong>{cutText(roc, point)}</strong><br />{ratesText(point)}<br />{valueText(point)}</p>
              <ul>
                {point.rows.map((row) => {
                  const study = studyOf(cohort, row);
                  const text = judgedLesion(cohort, row);
                  return <li key={row}>{study === null ? text : <a href={`#/study/${study}`} aria-label={t("cohort.openStudy", { name: text })}>{text}</a>}</li>;
                })}
              </ul>
            </>
          )}
        </div>
      )}
    </figure>
  );
}
