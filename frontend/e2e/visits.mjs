// Two visits of one patient with a real mouse: regions taken from a file, both analysed, lesions linked, criteria side by side, both on
// the screen at once; then results sent to an archive and taken away as files, and a cohort of the room's studies.
//
//   node e2e/visits.mjs --url URL --first FOLDER --second FOLDER [--archive NAME] [--gone NAME] [--language en|fr] [--out FOLDER] [--state FILE]
//
// FOLDER is what `hepaflow phantom` writes (dicom/ and rois.nii.gz); --first is the earlier visit. --archive takes the results, --gone is
// an archive of the configuration that does not answer. Analysed studies that the room holds already are taken up.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { album, ledger } from "./ledger.mjs";
import { accessible, api, drawn, importStudy, open, until } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "first", "second", "archive", "gone", "out", "language", "state"].map((name) => [name, { type: "string" }])) });
const out = resolve(given.out ?? "visits");
const french = given.language === "fr";
const { page, browser, context, faults } = await open(given.url, { state: given.state });
const { check, end, wrong } = ledger();
const shot = album(page, out);

async function axe(name) {
  const serious = await accessible(page);
  check(serious.length === 0, `accessible: ${name}${serious.length ? ` ${JSON.stringify(serious)}` : ""}`);
}

const tab = (key) => page.click(`#tab-${key}`);
const all = async () => (await api(page, "GET", "/studies")).body.studies;
const study = async (id) => (await api(page, "GET", `/studies/${id}`)).body;
const home = new URL("/", page.url()).href;

async function opened(id, other) {
  await page.goto(`${home}#/study/${id}${other ? `/with/${other}` : ""}`);
  await drawn(page, other ? 2 : 3);
}

// Imports a study, takes its regions from a file, analyses it.
async function brought(folder) {
  const one = await importStudy(page, join(resolve(folder), "dicom"));
  await opened(one.id);
  await tab("regions");
  await page.click(".from-file summary");
  await page.setInputFiles(".from-file input", [join(resolve(folder), "rois.nii.gz")]);
  await page.click(".from-file button[type=submit]");
  await page.waitForSelector(".alarm");
  await shot("no-names-with-it");
  await page.click(".alarm button");
  await page.setInputFiles(".from-file input", ["rois.nii.gz", "rois.json"].map((name) => join(resolve(folder), name)));
  await page.click(".from-file button[type=submit]");
  await until(page, "regions of the file", async () => (await api(page, "GET", `/studies/${one.id}/regions`)).body.regions.some((region) => region.kind === "lesion"));
  await page.waitForTimeout(1500);
  await shot("regions-from-file");
  const { regions } = (await api(page, "GET", `/studies/${one.id}/regions`)).body;
  check(regions.every((region) => region.origin === "given"), `regions from a file: ${regions.map((region) => region.name).join(", ")}`);
  const asked = await api(page, "POST", `/studies/${one.id}/analyze`, { motion: "none" });
  check(asked.status === 202, "analysis asked");
  await until(page, "the analysis", async () => ["done", "failed"].includes((await study(one.id)).job?.state), 900_000);
  const ended = await study(one.id);
  check(ended.state === "analysed", `analysed ${JSON.stringify(ended.job?.error)}`);
  return ended;
}

if (given.language) await page.click(`.languages button[lang=${given.language}]`);
let visits = (await all()).filter((one) => one.state === "analysed").sort((a, b) => (a.date < b.date ? -1 : 1));
if (visits.length < 2) visits = [await brought(given.first), await brought(given.second)];
const [before, after] = visits;
check(before.patient_key === after.patient_key && before.date < after.date, `two visits of one patient: ${before.date}, ${after.date}`);

// --- lesions linked, criteria side by side ------------------------------------------------------------------------------------------
await opened(after.id);
await tab("results");
await page.waitForSelector("table.lesions tbody tr");
await page.click("[data-act=pairs]");
await page.waitForSelector(".identity li [data-act=confirm]", { timeout: 60_000 });
await shot("pairs");
const pairs = await page.locator(".identity li").count();
for (let n = 0; n < pairs; n += 1) {
  const button = page.locator(".identity li [data-act=confirm]").nth(n);
  if (await button.isDisabled()) continue;
  await button.click();
  await until(page, "the pair", () => button.isDisabled());
}
const linked = (await api(page, "GET", `/studies/${after.id}/regions`)).body.regions.filter((one) => !one.deleted && one.identity?.study === before.id);
check(pairs > 0 && linked.length === pairs, `${linked.length} of ${pairs} pairs confirmed`);
await page.waitForSelector(".criteria table tbody", { timeout: 60_000 });
await page.waitForTimeout(2500);
await page.locator(".criteria").scrollIntoViewIfNeeded();
await shot("criteria");
const rated = await page.locator(".criteria tbody[data-criterion]").count();
const answer = (await api(page, "GET", `/studies/${after.id}/criteria`)).body;
check(rated > 3 && rated === answer.criteria.filter((one) => one.refused === null).length && answer.unlinked.length === 0, `${rated} criteria side by side`);
await axe("criteria");

// --- the edge between pictures and panels -------------------------------------------------------------------------------------------
const width = async () => (await page.locator(".panels").boundingBox()).width;
const usual = await width();
check(usual >= 416, `panels are ${usual} px wide`);
const edge = await page.locator(".splitter").boundingBox();
await page.mouse.move(edge.x + 4, edge.y + 300);
await page.mouse.down();
await page.mouse.move(edge.x - 96, edge.y + 300, { steps: 5 });
await page.mouse.up();
const dragged = await width();
check(Math.abs(dragged - usual - 100) < 8, `dragged to ${dragged} px`);
const pass = await page.locator(".timebar .time").textContent();
await page.locator(".splitter").press("ArrowRight");
check((await width()) < dragged && (await page.locator(".timebar .time").textContent()) === pass, "moved by an arrow, which leaves the pass alone");
const keptAt = await width();
await page.reload();
await drawn(page, 3);
check((await width()) === keptAt, "the browser keeps the width");
await page.locator(".splitter").dblclick();
check((await width()) === usual, "a double click brings the usual width back");

// --- two visits on the screen -------------------------------------------------------------------------------------------------------
await opened(before.id, after.id);
await page.waitForTimeout(2500);
const link = (await api(page, "GET", `/studies/${before.id}/link?other=${after.id}`)).body.links.sort((a, b) => a.distance_mm - b.distance_mm);
const which = (n) => page.locator(".pictures.visits .pane").nth(n).getAttribute("data-shown");
await shot("two-visits");
// Each side shows the slice in which the linked lesion has its middle.
const image = async (id) => (await api(page, "GET", `/studies/${id}/images`)).body;
const [one, two] = [await image(before.id), await image(after.id)];
const index = (images, mm) => (mm[2] - images.planes.axial.to_mm[2][3]) / images.planes.axial.to_mm[2][0];
const shownAt = (text) => Number(text.split("?")[0].split("/").at(-1));
const [left, right] = [shownAt(await which(0)), shownAt(await which(1))];
check(Math.abs(left - index(one, link[0].first_mm)) <= 1 && Math.abs(right - index(two, link[0].second_mm)) <= 1, `both sides show ${link[0].first}: slices ${left}, ${right}`);
await tab("results");
await page.waitForTimeout(1500);
await shot("two-visits-results");
await axe("two visits");

// --- renamed ------------------------------------------------------------------------------------------------------------------------
await opened(after.id);
await tab("regions");
const line = page.locator("ul.regions [data-region=lesion-8]");
// Names of deleted regions stay taken, so every run takes another.
const called = `hilum-${Date.now() % 100_000}`;
if (await line.count()) {
  await line.locator(".more").click();
  await line.getByRole("button", { name: french ? "Renommer" : "Rename", exact: true }).first().click();
  await line.locator(".rename input").fill(called);
  await shot("rename");
  await line.locator(".rename button").click();
  await page.waitForSelector(`ul.regions [data-region=lesion-${called}]`);
  const held = (await api(page, "GET", `/studies/${after.id}/regions`)).body.regions;
  check(held.some((region) => region.name === `lesion-${called}` && !region.deleted) && !held.some((region) => region.name === "lesion-8" && !region.deleted), "renamed");
  await page.waitForTimeout(600);
  await shot("renamed");
  await page.keyboard.press("Control+z");
  await page.waitForSelector("ul.regions [data-region=lesion-8]");
  check(true, "the old name is back by undo");
}

// --- files and archive --------------------------------------------------------------------------------------------------------------
await tab("report");
await page.waitForSelector("a[href$='dicom.zip']");
for (const name of ["results.zip", "dicom.zip"]) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(`a[href$='${name}']`)]);
  const path = join(out, name);
  await download.saveAs(path);
  check(readFileSync(path).subarray(0, 2).toString() === "PK" && statSync(path).size > 10_000, `${name}: ${download.suggestedFilename()}, ${statSync(path).size} bytes`);
}
for (const archive of [given.gone, given.archive].filter(Boolean)) {
  await page.selectOption(".send select", archive);
  const last = (await study(after.id)).job?.id;
  await page.click("[data-act=send]");
  const ended = await until(page, "sending", async () => { const { job } = await study(after.id); return job?.kind === "send" && job.id !== last && !["waiting", "running"].includes(job.state) && job; }, 180_000);
  check(archive === given.gone ? ended.state === "failed" : ended.state === "done", `sent to ${archive}: ${ended.state} ${ended.error?.code ?? ""}`);
  await page.waitForTimeout(500);
  await page.locator(".send").scrollIntoViewIfNeeded();
  await shot(`sent-${archive}`);
  const told = await page.locator(".send p[role=status]").textContent();
  check(archive !== given.gone || told.length > 20, `told: ${told}`);
}
await axe("report");

// --- cohorts ------------------------------------------------------------------------------------------------------------------------
async function cohort(name) {
  await page.waitForSelector(".cohorts .cohort-table, .cohorts strong.warn", { timeout: 180_000 });
  await page.waitForTimeout(400);
  await shot(`cohort-${name}`);
  await axe(`cohort ${name}`);
}
await page.goto(`${home}#/cohorts`);
await page.click("[data-act=from-studies]");
await cohort("from-studies");
const id = page.url().split("/").at(-1);
const table = (await api(page, "GET", `/cohorts/${id}`)).body;
// The signed copy of a study, where there is one, stands for it.
check(table.table.length > before.lesions && table.table.every((row) => row.study), `a table of ${table.table.length} lesions of the room's studies`);
// The reader's outcomes in it: given back as a table, with the first configuration that the page offers.
const rows = readLesions(await (await context.request.get(`${home}api/cohorts/${id}/files/lesions.csv`)).text());
await page.goto(`${home}#/cohorts`);
await page.setInputFiles(".new-cohort input[type=file][accept*=csv]", { name: "mine.csv", mimeType: "text/csv", buffer: Buffer.from(rows) });
await page.fill(".new-cohort input[required]", "Mine");
await shot("cohort-new");
await page.click(".new-cohort button[type=submit]");
await cohort("from-csv");
const made = await page.locator(".cohorts .boxes circle").count();
check(made > 0 && (await page.locator(".cohorts .roc path.curve").count()) > 0, `ROC and ${made} points in boxes`);
// A threshold of the ROC curve: the mouse and the keys say it in the study's own numbers, and it leads to the case whose value it is.
const judged = (await api(page, "GET", `/cohorts/${page.url().split("/").at(-1)}`)).body;
const { curve } = judged.results.roc[judged.roc[0].column];
const thresholds = page.locator(".cohorts .roc .point");
check((await thresholds.count()) === curve.length - 1, `a point for each of ${curve.length - 1} thresholds`);
await thresholds.first().focus();
await page.keyboard.press("End");
await page.keyboard.press("ArrowLeft");
const [{ rows: whose }, told] = [curve.at(-2), page.locator(".cohorts .threshold")];
const listed = whose.map((row) => judged.table.find((one) => one.row === row));
const words = await told.textContent();
check(listed.every((one) => words.includes(`${one.patient}, ${one.lesion} (${one.response})`)), `the threshold before the last: ${words}`);
await shot("cohort-threshold");
await axe("a threshold");
await page.locator(".cohorts .roc .point.shown .mark").hover();
check((await told.textContent()) === words, "the mouse says the same");
await page.keyboard.press("Enter");
if (listed.length > 1) await page.keyboard.press("Enter");
await drawn(page, 3);
check(page.url().endsWith(`/${listed.find((one) => one.study).study}`), `a threshold leads to its case: ${page.url()}`);
await page.goBack();
await page.waitForSelector(".cohorts .boxes a");
const point = page.locator(".cohorts .boxes a").first();
const leads = await point.getAttribute("href");
await point.locator("circle").click();
await drawn(page, 3);
check(leads !== null && page.url().endsWith(leads) && [before.id, after.id].some((one) => leads.endsWith(one)), `a point leads to its case: ${leads}`);
await page.goto(`${home}#/cohorts`);

// The column response filled in: the better half by blood flow responded, one of each side by hand, so that the curve is no step.
function readLesions(text) {
  const [head, ...lines] = text.trim().split(/\r?\n/);
  // Cells as they stand, quotes included: a comma between quotes parts nothing.
  const split = (line) => [...`,${line}`.matchAll(/,("(?:[^"]|"")*"|[^,]*)/g)].map((found) => found[1]);
  const names = split(head);
  const [response, ratio] = [names.indexOf("response"), names.indexOf("bf_ratio")];
  const cells = lines.map(split);
  const sorted = cells.map((one) => Number(one[ratio])).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return [head, ...cells.map((one, n) => one.map((cell, m) => (m === response ? ((Number(one[ratio]) < middle) !== (n % 5 === 0) ? "major" : "minor") : cell)).join(","))].join("\n") + "\n";
}

// A file that is not there was asked for on purpose; numbers of a lesion can be asked just before it is renamed, and are asked again.
const unexpected = faults.filter((fault) => !fault.includes("/regions/import") && !(fault.includes("404") && fault.includes("/numbers")));
check(unexpected.length === 0, `the browser told no fault${unexpected.length ? `: ${unexpected.slice(0, 5).join(" | ")}` : ""}`);
writeFileSync(join(out, "figures.json"), JSON.stringify({ wrong }, null, 1));
await browser.close();
end();
