// From the lifted brush to the new numbers on the page, on a study with its regions (eight lesions in the full-size phantom):
//   npm run numbers -- --url "http://127.0.0.1:PORT/enter?token=..." [--study ID] [--edits N] [--out FOLDER] [--state FILE]
// Paints at the border of a lesion, the aorta, the portal vein and the healthy region with a real mouse, and exits 1 when the median to the
// first lesion's numbers is beyond a second. With a folder, takes a picture while some rows still wait.
import { parseArgs } from "node:util";
import { take } from "./hand.mjs";
import { album, ledger } from "./ledger.mjs";
import { api, median, open, until } from "./open.mjs";

const LIMIT_MS = 1000;
const { values: given } = parseArgs({ options: { url: { type: "string" }, study: { type: "string" }, edits: { type: "string", default: "11" }, out: { type: "string" }, state: { type: "string" } } });
const { browser, page, faults } = await open(given.url, { state: given.state });
const { check, end } = ledger();
const shot = given.out === undefined ? async () => undefined : album(page, given.out);
const study = given.study ?? (await api(page, "GET", "/studies")).body.studies[0].id;
const { images, region, regions, reach, drag, tab } = await take(page, study);
const lesions = (await regions()).filter((one) => one.kind === "lesion" && !one.deleted).map((one) => one.name);

// Runs in the page: when, after the next lifted button, the first row of the table stands on the new state, and when all do.
function watch() {
  let lifted = 0;
  let began = false;
  let first = 0;
  const lift = (event) => (lifted = event.timeStamp);
  window.addEventListener("pointerup", lift, { capture: true, once: true });
  window.waited = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("no new numbers within 5 minutes")), 300_000);
    const observer = new MutationObserver(() => {
      const busy = [...document.querySelectorAll("tr[data-lesion]")].map((row) => row.getAttribute("aria-busy") === "true");
      began ||= lifted > 0 && busy.some(Boolean);
      if (!began) return;
      if (first === 0 && busy.some((one) => !one)) first = performance.now() - lifted;
      if (busy.some(Boolean)) return;
      observer.disconnect();
      clearTimeout(late);
      resolve({ first, all: performance.now() - lifted });
    });
    observer.observe(document.querySelector("#panel"), { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-busy"] });
  });
}

const idle = () => page.waitForFunction(() => document.querySelector(".results-panel[aria-busy=false] tr[data-lesion]") && !document.querySelector("tr[data-lesion][aria-busy=true]"), null, { timeout: 600_000 });

await page.keyboard.press("b");
for (const name of [lesions[0], "aorta", "portal_vein", "healthy"]) {
  await tab("regions");
  await page.click(`ul.regions [data-region="${name}"] .name`);
  await tab("results");
  await idle();
  const { box: [k0, k1, j0, j1, i0, i1] } = await region(name);
  const middle = [(k0 + k1 - 1) >> 1, (j0 + j1) / 2, (i0 + i1) / 2];
  const place = images.grid.affine.slice(0, 3).map((row) => row[3] + row[0] * middle[0] + row[1] * middle[1] + row[2] * middle[2]);
  const { at } = await reach("axial", place);
  const waits = [];
  for (let n = 0; n < Number(given.edits); n += 1) {
    // Each stroke on another side and a little further out, so that every one adds voxels.
    const angle = 2.4 * n;
    const reach_mm = ((i1 - i0) / 2) * images.grid.spacing_mm[2] + 0.4 * n;
    const spot = at(reach_mm * Math.cos(angle), reach_mm * Math.sin(angle));
    const { version } = await region(name);
    await page.evaluate(watch);
    await drag(spot, [spot[0] + 4, spot[1] + 3], 2);
    if (n === 0 && name === "aorta" && given.out !== undefined) {
      // A quick computer has all rows at once; then there is nothing to take a picture of.
      const some = page.waitForFunction(() => { const busy = [...document.querySelectorAll("tr[data-lesion]")].map((row) => row.getAttribute("aria-busy")); return busy.includes("true") && busy.includes("false"); }, null, { polling: 20, timeout: 20_000 });
      await some.then(() => shot("some-rows-wait"), () => console.log("     no row was seen to wait for another"));
    }
    waits.push(await page.evaluate(() => window.waited));
    await until(page, "the stroke", async () => (await region(name)).version > version);
    await idle();
  }
  const [first, all] = ["first", "all"].map((key) => waits.map((one) => Math.round(one[key])));
  check(median(first) < LIMIT_MS, `${name} to the numbers of the first lesion: median ${median(first)} ms, worst ${Math.max(...first)} ms; of all ${lesions.length}: median ${median(all)} ms, worst ${Math.max(...all)} ms (${waits.length} edits)`);
}
check(faults.length === 0, `no fault in the browser ${faults.join("; ")}`);
await browser.close();
end();
