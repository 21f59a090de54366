// Pictures of the page for the documentation: a phantom's later visit read as a reader does, its earlier visit beside it, a cohort.
//
//   npm run pictures -- --url URL --study FOLDER --earlier FOLDER "--at=X,Y,Z X,Y,Z ..." --to FOLDER [--language en|fr]
//
// FOLDERs are what `hepaflow phantom` writes; --at are the middles of the lesions to click, in LPS mm. The server must hold no study yet.
// Writes NAME.png of each state and figures.json with the numbers that the page showed.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { take } from "./hand.mjs";
import { api, drawn, importStudy, open, until } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "study", "earlier", "at", "to", "language"].map((name) => [name, { type: "string" }])) });
const to = resolve(given.to);
const lesions = given.at.split(" ").map((one) => one.split(",").map(Number));
mkdirSync(to, { recursive: true });
const { page, browser, faults, home } = await open(given.url, { width: 1440, height: 900 });
const figures = {};

// Nothing is fetched any more and nothing on the page changed for a while.
const asking = new Set();
page.on("request", (request) => request.url().endsWith("/events") || asking.add(request));
for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => asking.delete(request));
async function settled(quiet_ms = 900) {
  let last = "";
  let since = Date.now();
  for (const start = Date.now(); Date.now() - since < quiet_ms && Date.now() - start < 30_000; await page.waitForTimeout(100)) {
    const now = await page.evaluate(() => document.body.innerText + [...document.querySelectorAll(".pane")].map((pane) => pane.dataset.shown).join(" "));
    if (now !== last || asking.size > 0) since = Date.now();
    last = now;
  }
}

async function shot(name) {
  await settled();
  await page.screenshot({ path: join(to, `${name}.png`) });
  console.log(name);
}

const key = async (...keys) => {
  await page.locator(".pane").first().focus();
  for (const one of keys) await page.keyboard.press(one);
};
// Scrolls the panel only: the page itself must not move.
const scrollTo = (selector) =>
  page.locator(selector).evaluate((one) => {
    const panel = one.closest("#panel");
    panel.scrollTop += one.getBoundingClientRect().top - panel.getBoundingClientRect().top;
  });
const chooseMap = (name) => page.locator(".mapbar select").last().selectOption(name);

// With rigid motion correction, which is quick.
async function analysed({ tab, analyse }) {
  await tab("analyse");
  await page.locator("input[name=motion]").nth(1).check();
  const job = await analyse({ button: ".analyse button.main" });
  if (job.state !== "done") throw new Error(`analysis: ${JSON.stringify(job.error)}`);
}

try {
  // --- the earlier visit: regions from a file, analysed at once ------------------------------------------------------------------------
  if (given.language) await page.click(`.languages button[lang=${given.language}]`);
  const earlier = await importStudy(page, resolve(given.earlier, "dicom"));
  const before = await take(page, earlier.id);
  await before.tab("regions");
  await page.click(".from-file summary");
  await page.setInputFiles(".from-file input", ["rois.nii.gz", "rois.json"].map((name) => resolve(given.earlier, name)));
  await page.click(".from-file button[type=submit]");
  await until(page, "regions of the file", async () => (await before.regions()).some((one) => one.kind === "lesion"));
  await analysed(before);

  // --- the study as it comes in --------------------------------------------------------------------------------------------------------
  const study = await importStudy(page, resolve(given.study, "dicom"));
  await page.click(`tr[data-study="${study.id}"] .badge-button`);
  await shot("protocol");
  await page.keyboard.press("Escape");
  const here = await take(page, study.id);
  const { reach, tab, regions, region } = here;
  await tab("regions");
  const first = await reach("axial", lesions[1]);
  await page.mouse.click(...first.at(0, 0));
  await shot("viewer");
  await key("?");
  await shot("help");
  await page.keyboard.press("Escape");

  // --- motion corrected, vessels and liver found ---------------------------------------------------------------------------------------
  await analysed(here);
  await page.goto(`${home}/#/studies`);
  await take(page, study.id);
  await tab("regions");
  await settled();
  if (!(await region("aorta"))) await page.click("[data-act=propose]");
  await until(page, "vessels and liver", async () => (await region("aorta")) && (await region("healthy")), 120_000);

  // --- lesions by a click, one corrected -------------------------------------------------------------------------------------------------
  await tab("regions");
  for (const [n, at_mm] of lesions.entries()) {
    const spot = await reach("axial", at_mm);
    await page.click("[data-act=new-lesion]");
    if (n === 0) await page.keyboard.press("n");
    await page.mouse.click(...spot.at(0, 0));
    await until(page, "the lesion", async () => (await regions()).filter((one) => one.kind === "lesion" && one.voxels > 0).length > n);
    await settled();
  }
  await page.click("ul.regions [data-region=lesion-2] .name");
  const spot = await reach("axial", lesions[1]);
  await page.mouse.move(...spot.at(40, 40));
  await shot("regions");
  await tab("results");
  await shot("results");
  const live = async () => (await api(page, "POST", `/studies/${study.id}/numbers`, {})).body.lesions.map(({ id, volume_ml, ratio }) => ({ id, volume_ml, ratio: ratio.bf }));
  figures.clicked = await live();
  // The eraser goes around the border, in three slices and their neighbours.
  await tab("regions");
  await page.click("ul.regions [data-region=lesion-2] .name");
  await page.locator(".crosshair-tools input[type=checkbox]").check();
  await page.keyboard.press("d");
  const radius_mm = Math.cbrt((3 * (await region("lesion-2")).volume_ml * 1000) / (4 * Math.PI));
  const [x, y, z] = lesions[1];
  for (const off_mm of [-10, 10, 0]) {
    const { version } = await region("lesion-2");
    const there = await reach("axial", [x, y, z + off_mm]);
    const path_mm = Math.sqrt(radius_mm ** 2 - off_mm ** 2) + 3;
    const ring = Array.from({ length: 37 }, (_, n) => there.at(path_mm * Math.cos((n * Math.PI) / 18), path_mm * Math.sin((n * Math.PI) / 18)));
    await page.mouse.move(...ring[0]);
    await page.mouse.down();
    for (const point of ring) await page.mouse.move(...point);
    await page.mouse.up();
    await until(page, "the stroke", async () => (await region("lesion-2")).version > version);
    await settled();
  }
  await tab("results");
  await page.waitForSelector(".stale");
  await shot("correction");
  figures.corrected = await live();

  // --- analysed with the lesions, looked at --------------------------------------------------------------------------------------------
  await analysed(here);
  // Opened again, as the wait beside the numbers is else that of an analysis that was at work.
  await page.goto(`${home}/#/studies`);
  await take(page, study.id);
  await tab("regions");
  await page.click("ul.regions [data-region=lesion-2] .name");
  await tab("results");
  await key("Escape");
  await chooseMap("bf");
  await shot("map");
  await key("q");
  await shot("four-maps");
  await key("g");
  await chooseMap("");
  await drawn(page, 3);
  for (let n = 0; n < 9; n += 1) await key("ArrowRight");
  await shot("motion-after");
  await key("m");
  await shot("motion-before");
  await key("m");
  await tab("curves");
  await shot("curves");
  await tab("results");
  await page.click("[data-act=pairs]");
  const pairs = page.locator(".identity li [data-act=confirm]:enabled");
  await pairs.first().waitFor();
  for (let left = await pairs.count(); left > 0; left = await pairs.count()) {
    await pairs.first().click();
    await until(page, "the pair", async () => (await pairs.count()) < left);
  }
  await scrollTo(".criteria");
  await shot("criteria");
  await tab("regions");
  await page.click("ul.regions [data-region=lesion-2] .name");
  await tab("results");
  await page.click(`tr[data-lesion="lesion-2"] .more`);
  await page.click("[data-act=compare]");
  await page.waitForSelector(".compare table", { timeout: 120_000 });
  await scrollTo(".compare");
  await shot("models");

  // --- signed ---------------------------------------------------------------------------------------------------------------------------------
  await tab("report");
  await page.fill("input[name=reader]", "Dr A. Martin");
  await page.fill("textarea[name=statement]", given.language === "fr" ? "Lésion 2 : réponse majeure. Lésions 1 et 3 : réponse mineure." : "Lesion 2: major response. Lesions 1 and 3: minor response.");
  await page.check("input[name=agreed]");
  await shot("report");
  await page.click("[data-act=sign]");
  await page.waitForSelector("[data-signed]", { timeout: 60_000 });
  await shot("signed");
  figures.lesions = (await api(page, "GET", `/studies/${study.id}/results`)).body;

  // --- both visits, the list, a cohort ----------------------------------------------------------------------------------------------------------
  await page.goto(`${home}/#/study/${study.id}/with/${earlier.id}`);
  await drawn(page, 2);
  await settled();
  await tab("results");
  await chooseMap("bf");
  await shot("two-visits");
  await page.goto(`${home}/#/studies`);
  await page.waitForSelector("table.studies");
  await shot("studies");
  await page.goto(`${home}/#/cohorts`);
  await page.click("[data-act=example]");
  await page.waitForSelector("svg.roc, .roc svg", { timeout: 300_000 });
  await shot("cohort");
  writeFileSync(join(to, "figures.json"), JSON.stringify(figures, null, 1));
} catch (failure) {
  faults.push(String(failure.stack ?? failure));
  await page.screenshot({ path: join(to, "failure.png") });
} finally {
  await browser.close();
}
if (faults.length > 0) console.error(faults.join("\n"));
process.exitCode = faults.length === 0 ? 0 : 1;
