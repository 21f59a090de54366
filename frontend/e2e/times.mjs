// How long the reader waits, from the key or wheel to the drawn picture (two frames after Cornerstone says that it drew).
import { median } from "./open.mjs";

// Runs in the page: from the moment of the next key, wheel or press until every pane of the selector shows another slice.
function watch(selector) {
  const panes = [...document.querySelectorAll(selector)];
  const before = panes.map((pane) => pane.dataset.shown);
  let from = 0;
  const start = (event) => (from ||= event.timeStamp);
  const kinds = ["keydown", "wheel", "pointerdown"];
  for (const kind of kinds) window.addEventListener(kind, start, { capture: true, passive: true });
  window.waited = new Promise((resolve, reject) => {
    const stop = () => {
      observer.disconnect();
      clearTimeout(late);
      for (const kind of kinds) window.removeEventListener(kind, start, { capture: true });
    };
    const late = setTimeout(() => (stop(), reject(new Error(`not drawn within 20 s: ${selector}`))), 20000);
    const observer = new MutationObserver(() => {
      if (panes.some((pane, n) => pane.dataset.shown === before[n])) return;
      stop();
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - from)));
    });
    for (const pane of panes) observer.observe(pane, { attributes: true, attributeFilter: ["data-shown"] });
  });
}

async function timed(page, selector, act) {
  await page.evaluate(watch, selector);
  await act();
  return page.evaluate(() => window.waited);
}

const round = (values) => ({ median: Math.round(median(values)), worst: Math.round(Math.max(...values)), n: values.length });

// First slice from the address, then slices by wheel in each plane (unseen slices: nothing prefetched yet), then passes by key.
export async function times(page, home, study, { steps = 25 } = {}) {
  const first = [];
  for (let n = 0; n < 3; n += 1) {
    await page.goto("about:blank");
    const from = Date.now();
    await page.goto(`${home}/#/study/${study}`);
    await page.waitForSelector(".pane.axial[data-shown]");
    first.push(Date.now() - from);
    await page.waitForFunction(() => document.querySelectorAll(".pane[data-shown]").length >= 3);
  }
  const answer = { "first slice": round(first) };
  for (const plane of ["axial", "coronal", "sagittal"]) {
    const box = await page.locator(`.pane.${plane}`).boundingBox();
    await page.mouse.move(box.x + box.width / 3, box.y + box.height / 3);
    const far = [];
    const near = [];
    for (let n = 0; n < steps; n += 1) {
      near.push(await timed(page, `.pane.${plane}`, () => page.mouse.wheel(0, n < steps / 2 ? 100 : -100)));
    }
    await page.locator(`.pane.${plane}`).focus();
    // A short stack has no thirty slices to one side; there and back then, the second time from the cache.
    const count = Number((await page.locator(`.pane.${plane}`).getAttribute("aria-label")).match(/\d+$/)[0]);
    for (let n = 0; n < 6; n += 1) far.push(await timed(page, `.pane.${plane}`, () => page.keyboard.press((count < 64 ? n % 2 === 0 : n < 3) ? "PageUp" : "PageDown")));
    answer[`slice ${plane}`] = round(near);
    answer[`ten slices ${plane}`] = round(far);
  }
  const passes = [];
  for (let n = 0; n < steps; n += 1) passes.push(await timed(page, ".pane", () => page.keyboard.press("ArrowRight")));
  answer["time step, three planes"] = round(passes);
  await page.waitForTimeout(1500);
  const again = [];
  for (let n = 0; n < steps; n += 1) again.push(await timed(page, ".pane", () => page.keyboard.press("ArrowRight")));
  answer["time step, fetched ahead"] = round(again);
  return answer;
}
