/** Which map lies over the images, how strongly, between which values; and its colours with their unit. */
import { useEffect, useRef, useState } from "preact/hooks";
import { number, t } from "../i18n";
import { bounds, fade, first, fourMaps, layout, map, NO_BOUNDS, opacity, palettes, type Bounds } from "../state";
import { place, scaleOf } from "./overlay";

/** The colour bar of a map, with its unit and three values. */
export function UnitBar({ of }: { of: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scale = scaleOf(of);
  const within = bounds.value[of] ?? NO_BOUNDS;
  useEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const picture = context.createImageData(256, 1);
    for (let n = 0; n < 256; n += 1) picture.data.set([...scale.colours[n]!, 255], n * 4);
    context.putImageData(picture, 0, 0);
  }, [scale.colours, palettes.value]);
  const digits = scale.high - scale.low >= 10 ? 0 : scale.decimals;
  const middle = scale.log ? Math.sqrt(scale.low * scale.high) : (scale.low + scale.high) / 2;
  const bound = (value: number | null, side: string) =>
    value === null ? null : <i class={`bound ${side}`} style={{ left: `${(place(value, scale) / 255) * 100}%` }} />;
  return (
    <div class="unitbar" aria-label={t("map.bar", { name: scale.name, low: number(scale.low, digits), high: number(scale.high, digits), unit: scale.unit })} role="img">
      <div class="unit">
        {scale.symbol} <span>{scale.unit}</span>
      </div>
      <div class="colours">
        <canvas ref={canvas} width={256} height={1} />
        {bound(within.lower, "lower")}
        {bound(within.upper, "upper")}
      </div>
      <div class="values">
        <span>{number(scale.low, digits)}</span>
        <span>{number(middle, digits)}</span>
        <span>{number(scale.high, digits)}</span>
      </div>
    </div>
  );
}

export function MapSelect({ value, label, onChange }: { value: string | null; label: string; onChange: (key: string | null) => void }) {
  return (
    <label class="map-choice">
      <span class="aside">{label}</span>
      <select value={value ?? ""} onChange={(event) => onChange(event.currentTarget.value || null)}>
        <option value="">{t("map.none")}</option>
        {(first.maps.value?.maps ?? []).map((one) => (
          <option key={one.key} value={one.key}>
            {scaleOf(one.key).name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What a reader typed as a number, decimals behind a point or a comma: null for nothing, NaN for no number. */
export function typed(text: string): number | null {
  const plain = text.trim().replace(",", ".").replace("−", "-");
  return plain === "" ? null : /^-?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : NaN;
}

/** Why a bound cannot be taken beside the other one; null where it can. */
export function refusal(within: Bounds, side: keyof Bounds, value: number | null): "map.number" | "map.crossed" | null {
  if (value === null) return null;
  if (Number.isNaN(value)) return "map.number";
  const { lower, upper }: Bounds = side === "lower" ? { ...within, lower: value } : { ...within, upper: value };
  return lower !== null && upper !== null && lower > upper ? "map.crossed" : null;
}

/** One end of the values shown. It follows the typing; what cannot be is said, and the bound from before stays. */
function Bound({ of, side, label }: { of: string; side: keyof Bounds; label: string }) {
  const within = bounds.value[of] ?? NO_BOUNDS;
  const [draft, setDraft] = useState<string | null>(null);
  const before = useRef<number | null>(null);
  const now = within[side];
  const why = draft === null ? null : refusal(within, side, typed(draft));
  const take = (value: number | null): void => {
    bounds.value = { ...bounds.value, [of]: { ...within, [side]: value } };
  };
  return (
    <label class="bound-field">
      <span>{label}</span>
      <input
        inputMode="decimal"
        autocomplete="off"
        value={draft ?? (now === null ? "" : String(now).replace(".", t("number.point")))}
        placeholder="–"
        aria-invalid={why !== null}
        onFocus={(event) => ((before.current = now), event.currentTarget.select())}
        onInput={(event) => {
          const text = event.currentTarget.value;
          const value = typed(text);
          setDraft(text);
          take(refusal(within, side, value) === null ? value : before.current);
        }}
        onBlur={() => setDraft(null)}
      />
      {why !== null && (
        <span class="fault" role="alert">
          {t(why)}
        </span>
      )}
    </label>
  );
}

export function MapBar() {
  const four = layout.value === "maps";
  // The bar is there, and as high, whether a map is shown or not: switching one on moves no image.
  if (first.maps.value === null) return null;
  const shown = four ? fourMaps.value.some((key) => key !== null) : map.value !== null;
  return (
    <div class="mapbar" role="group" aria-label={t("map.label")}>
      {!four && <MapSelect value={map.value} label={t("map")} onChange={(key) => (map.value = key)} />}
      {shown && (
        <>
          <label title={t("map.opacity")}>
            <span class="aside">{t("map.opacity")}</span>
            <input
              type="range"
              min={0}
              max={1}
              step={0.05}
              value={opacity.value}
              aria-valuetext={`${Math.round(opacity.value * 100)} %`}
              onInput={(event) => (opacity.value = event.currentTarget.valueAsNumber)}
            />
          </label>
          {!four && map.value !== null && (
            <>
              <Bound key={`lower ${map.value}`} of={map.value} side="lower" label={t("map.lower")} />
              <Bound key={`upper ${map.value}`} of={map.value} side="upper" label={t("map.upper")} />
            </>
          )}
          <label class="check" title={t("map.fade.how")}>
            <input type="checkbox" checked={fade.value} onChange={(event) => (fade.value = event.currentTarget.checked)} />
            <span>{t("map.fade")}</span>
          </label>
          {!four && map.value !== null && <UnitBar of={map.value} />}
        </>
      )}
    </div>
  );
}
