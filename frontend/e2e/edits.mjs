// Nothing drawn is ever lost: a server that is away, a reload, another browser that was first. Needs a study with a lesion drawn,
// which grows towards the patient's right with every run.
//
//   node e2e/edits.mjs --url URL --study ID [--lesion lesion-1] [--out FOLDER] [--state FILE]
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { album, ledger } from "./ledger.mjs";
import { api, drawn, open, until as patient } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "study", "lesion", "out", "state"].map((name) => [name, { type: "string" }])) });
const study = given.study;
const name = given.lesion ?? "lesion-1";
const { page, browser, context, faults, home } = await open(given.url, { state: given.state });
const { check, end } = ledger();
const shot = album(page, resolve(given.out ?? "edits"));

const until = (what, ask) =>
  patient(page, what, ask).catch(async (error) => {
    await shot("waiting");
    throw error;
  });

const region = async () => (await api(page, "GET", `/studies/${study}/regions`)).body.regions.find((one) => one.name === name);
const lines = () => page.locator(".unsent strong").count();
const EDITS = `**/api/studies/${study}/regions/${name}`;
const away = (route) => (route.request().method() === "POST" ? route.abort("connectionrefused") : route.continue());

async function enter(at = page) {
  await at.goto(new URL(`/#/study/${study}`, at.url()).href);
  await drawn(at, 3);
  await at.click("#tab-regions");
  await at.click(`ul.regions [data-region=${name}] .name`);
  await at.waitForTimeout(600);
}

// A stroke beside the region's middle, each time somewhere else, so that it changes voxels.
let side = 0;
async function stroke(erase = false) {
  const box = await page.locator(".pane.axial").boundingBox();
  const outline = await page.locator(`.pane.axial path[data-region=${name}]`).first().boundingBox();
  side += 1;
  const angle = side * 2.1;
  const x = outline.x + outline.width / 2 + (Math.cos(angle) * outline.width) / 2;
  const y = outline.y + outline.height / 2 + (Math.sin(angle) * outline.height) / 2;
  if (x < box.x || y < box.y) throw new Error("the lesion is off the pane");
  await page.keyboard.press(erase ? "d" : "b");
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 8, y + 5, { steps: 3 });
  await page.mouse.up();
  await page.keyboard.press("Escape");
}

await enter();

// --- a server that is away, and a reload --------------------------------------------------------------------------------------------
const start = await region();
await page.route(EDITS, away);
await stroke();
await until("the word that it is not saved", lines);
check((await region()).version === start.version, "the server does not have it yet");
await shot("away");
await page.reload();
await enter();
check((await lines()) === 1, "it is there after a reload");
check((await page.locator(".pane.axial .stroke").count()) > 0, "and drawn");
await page.unroute(EDITS);
await page.click(".unsent button");
await until("the edit to arrive", async () => (await region()).version > start.version);
await until("the page to say so", async () => (await lines()) === 0);
check(true, "it arrived once the server was back");

// --- somebody else was first: mine on top -------------------------------------------------------------------------------------------
async function clash() {
  await page.route(EDITS, away);
  await stroke();
  await until("the stroke to wait", lines);
  const now = await region();
  const [k0, k1, j0, j1, i0] = now.box;
  const theirs = { kind: "brush", plane: "axial", index: Math.floor((k0 + k1) / 2), path: [[(j0 + j1) / 2, i0 - 1 - side]], radius_mm: 5, erase: false, ball: false };
  // Asked beside the page, whose own requests do not get through at present.
  const asked = await context.request.post(new URL(`/api/studies/${study}/regions/${name}`, home).href, {
    headers: { "X-Hepaflow": "1", Origin: home, "Sec-Fetch-Site": "same-origin" },
    data: { base: now.version, edit: theirs },
  });
  check(asked.status() === 200, "the other browser's edit was taken");
  const answer = await asked.json();
  await page.unroute(EDITS);
  await page.click(".unsent button").catch(() => undefined);
  await page.waitForSelector(".clash", { timeout: 20_000 });
  return answer.version;
}

let theirs = await clash();
await shot("clash");
check(await page.evaluate(() => document.activeElement?.tagName === "H4"), "the focus goes to the question");
await page.click("[data-act=mine]");
await until("mine on top", async () => (await region()).version > theirs && (await page.locator(".clash").count()) === 0);
check(true, "mine was applied on top of theirs");

// --- somebody else was first: theirs --------------------------------------------------------------------------------------------------
theirs = await clash();
await page.click("[data-act=theirs]");
await until("theirs", async () => (await page.locator(".clash").count()) === 0);
check((await region()).version === theirs, "theirs stands");
const { versions } = (await api(page, "GET", `/studies/${study}/regions/${name}/history`)).body;
check(versions.some((one) => one.lost), "the edit that came second is in the history");
await page.click(`ul.regions [data-region=${name}] .more`);
await page.click("[data-act=history]");
await page.waitForSelector(".history li");
await shot("history");

// --- two pages at once: what one draws, the other shows -------------------------------------------------------------------------------
const other = await context.newPage();
await other.goto(page.url());
await enter(other);
const before = await other.locator(`.pane.axial path[data-region=${name}]`).getAttribute("d");
await page.bringToFront();
await stroke();
await until("the other page to follow", async () => (await other.locator(`.pane.axial path[data-region=${name}]`).getAttribute("d")) !== before);
check(true, "the other page shows what this one drew");

const unexpected = faults.filter((fault) => !/ERR_CONNECTION_REFUSED|409/.test(fault));
check(unexpected.length === 0, `no other fault${unexpected.length ? `: ${unexpected.join(" | ")}` : ""}`);
await browser.close();
end();
