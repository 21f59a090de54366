/** Which map lies over the images, how strongly, between which values; and its colours with their unit. */
import { useEffect, useRef } from "preact/hooks";
import { number, t } from "../i18n";
import { bigPlane, bounds, fade, first, fourMaps, layout, map, NO_BOUNDS, opacity, palettes, windowing, words, type Bounds } from "../state";
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
    <label>
      <span>{label}</span>
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

function Bound({ of, side, label }: { of: string; side: keyof Bounds; label: string }) {
  const within = bounds.value[of] ?? NO_BOUNDS;
  return (
    <label>
      <span>{label}</span>
      <input
        type="number"
        step="any"
        value={within[side] ?? ""}
        placeholder="–"
        onInput={(event) => {
          const value = event.currentTarget.valueAsNumber;
          bounds.value = { ...bounds.value, [of]: { ...within, [side]: Number.isFinite(value) ? value : null } };
        }}
      />
    </label>
  );
}

function Windows() {
  const images = first.images.value;
  const now = windowing.value;
  if (images === null) return null;
  const current = images.windows.find((one) => one.level === now.level && one.width === now.width);
  return (
    <label>
      <span>{t("view.window")}</span>
      <select
        value={current?.key ?? ""}
        onChange={(event) => {
          const found = images.windows.find((one) => one.key === event.currentTarget.value);
          if (found) windowing.value = { level: found.level, width: found.width };
        }}
      >
        {!current && <option value="">{t("view.window.own")}</option>}
        {images.windows.map((one, n) => (
          <option key={one.key} value={one.key}>
            {n + 1} · {words.value?.windows?.[one.key] ?? one.key} {one.level}/{one.width}
          </option>
        ))}
      </select>
    </label>
  );
}

export function MapBar() {
  const four = layout.value === "maps";
  const shown = four ? fourMaps.value.some((key) => key !== null) : map.value !== null;
  return (
    <div class="mapbar" role="group" aria-label={t("map.label")}>
      <Windows />
      {layout.value !== "planes" && (
        <label>
          <span>{t("view.plane")}</span>
          <select value={bigPlane.value} onChange={(event) => (bigPlane.value = event.currentTarget.value as typeof bigPlane.value)}>
            {(["axial", "coronal", "sagittal"] as const).map((one) => (
              <option key={one} value={one}>
                {t(`plane.${one}`)}
              </option>
            ))}
          </select>
        </label>
      )}
      {first.maps.value !== null && !four && <MapSelect value={map.value} label={t("map")} onChange={(key) => (map.value = key)} />}
      {shown && (
        <>
          <label>
            <span>{t("map.opacity")}</span>
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
              <Bound of={map.value} side="lower" label={t("map.lower")} />
              <Bound of={map.value} side="upper" label={t("map.upper")} />
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
