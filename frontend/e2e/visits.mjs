// Two visits of one patient with a real mouse: regions taken from a file, both analysed, lesions linked, criteria side by side, both on
// the screen at once; then results sent to an archive and taken away as files, and a cohort of the room's studies.
//
//   node e2e/visits.mjs --url URL --first FOLDER --second FOLDER [--archive NAME] [--gone NAME] [--language en|fr] [--out FOLDER]
//
// FOLDER is what `hepaflow phantom` writes (dicom/ and rois.nii.gz); --first is the earlier visit. --archive takes the results, --gone is
// an archive of the configuration that does not answer. Analysed studies that the room holds already are taken up.
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { accessible, api, drawn, importStudy, open, until } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "first", "second", "archive", "gone", "out", "language", "state"].map((name) => [name, { type: "string" }])) });
const out = resolve(given.out ?? "visits");
const french = given.language === "fr";
mkdirSync(out, { recursive: true });
const { page, browser, context, faults } = await open(given.url, { state: given.state });
const wrong = [];
let shots = 0;

function check(good, text) {
  console.log(`${good ? "ok  " : "FAIL"} ${text}`);
  if (!good) wrong.push(text);
}

async function shot(name) {
  shots += 1;
  await page.screenshot({ path: join(out, `${String(shots).padStart(2, "0")}-${name}.png`) });
}

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
  await page.fill(".from-file input", join(resolve(folder), "nothing.nii.gz"));
  await page.click(".from-file button[type=submit]");
  await page.waitForSelector(".alarm");
  await shot("no-such-file");
  await page.click(".alarm button");
  await page.fill(".from-file input", join(resolve(folder), "rois.nii.gz"));
  await page.click(".from-file button[type=submit]");
  await until(page, "regions of the file", async () => (await api(page, "GET", `/studies/${one.id}/regions`)).body.regions.some((region) => region.kind === "lesion"));
  await page.waitForTimeout(1500);
  await shot("regions-from-file");
  const { regions } = (await api(page, "GET", `/studies/${one.id}/regions`)).body;
  check(regions.every((region) => region.origin === "given"), `regions from a file: ${regions.map((region) => region.name).join(", ")}`);
  const asked = await api(page, "POST", `/studies/${one.id}/analyze`, { motion: "none" });
  check(asked.status === 202, "analysis asked");
  await until(page, "the analysis", async () => ["done", "failed"].includes((await study(one.id)).job?.state), 300_000);
  const ended = await study(one.id);
  check(ended.state === "analysed", `analysed ${JSON.stringify(ended.job?.error)}`);
  return ended;
}

if (given.language) await page.click(`.languages button[lang=${given.language}]`);
let visits = (await all()).filter((one) => one.state === "analysed").sort((a, b) => (a.date < b.date ? -1 : 1));
if (visits.length < 2) visits = [await brought(given.first), await brought(given.second)];
if (given.state) await context.storageState({ path: given.state });
const [before, after] = visits;
check(before.patient_key === after.patient_key && before.date < after.date, `two visits of one patient: ${before.date}, ${after.date}`);
writeFileSync(join(out, "figures.json"), JSON.stringify({ wrong }, null, 1));
await browser.close(); if (wrong.length || faults.length) { console.log(wrong, faults); process.exitCode = 1; }
