/** The slider through the passes with play, and the switch between images as acquired and after motion correction. */
import { number, t } from "../i18n";
import { first, playing, rate } from "../state";
import { setPass, stepPass } from "./time";
import { otherSet, toggleSet } from "./visit";

/** Kinds of marks under the slider. */
const KEY = ["baseline", "reference", "excluded"] as const;

export function TimeBar() {
  const images = first.images.value;
  if (images === null) return null;
  const pass = first.pass.value;
  const time = images.times_s[pass] ?? 0;
  const mark = (n: number): string =>
    [n < (images.baseline_passes ?? 0) && "baseline", images.excluded.includes(n) && "excluded", images.reference === n && "reference"].filter(Boolean).join(" ");
  return (
    <div class="timebar" role="group" aria-label={t("time.label")}>
      <button type="button" aria-label={t("time.back")} onClick={() => stepPass(first, -1)}>
        ◂
      </button>
      <button type="button" class="play" aria-pressed={playing.value} onClick={() => (playing.value = !playing.value)}>
        {playing.value ? t("time.pause") : t("time.play")}
      </button>
      <button type="button" aria-label={t("time.on")} onClick={() => stepPass(first, 1)}>
        ▸
      </button>
      <div class="passes">
        <input
          type="range"
          min={0}
          max={images.passes - 1}
          step={1}
          value={pass}
          aria-label={t("time.pass")}
          aria-valuetext={t("time.value", { n: pass + 1, of: images.passes, s: number(time, 1) })}
          onInput={(event) => setPass(first, event.currentTarget.valueAsNumber)}
        />
        <div class="marks" aria-hidden="true">
          {images.times_s.map((_, n) => (
            <i key={n} class={mark(n)} />
          ))}
        </div>
        <p class="marks-key">
          {KEY.filter((one) => images.times_s.some((_, n) => mark(n).includes(one))).map((one) => (
            <span key={one}>
              <i class={one} aria-hidden="true" /> {t(`time.${one}`)}
            </span>
          ))}
        </p>
      </div>
      <output class="time">
        {pass + 1}/{images.passes} · {number(time, 1)} s
      </output>
      <label>
        <span>{t("time.rate")}</span>
        <select value={rate.value} onChange={(event) => (rate.value = Number(event.currentTarget.value))}>
          {[1, 2, 5, 10, 15].map((one) => (
            <option key={one} value={one}>
              {t("time.rate.value", { n: one })}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="set" aria-pressed={first.set.value === "corrected"} disabled={otherSet(first) === null} aria-keyshortcuts="m" onClick={() => toggleSet(first)}>
        {/* As wide as the longer word, so that the slider beside it stays when they change. */}
        {(["corrected", "acquired"] as const).map((one) => <span key={one} class={first.set.value === one ? "" : "unseen"}>{t(`set.${one}`)}</span>)}
      </button>
    </div>
  );
}
