// Checks of the page in a browser against a running server:
//   npm run browser -- --url "http://127.0.0.1:PORT/enter?token=..." [--import FOLDER] [--study ID] [--other ID] [--zip FILE] [--folder FOLDER] [--times] [--memory [ACTIONS]] [--pictures DIR] [--state FILE]
// Takes a picture of every state, and exits 1 when a check fails.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ledger } from "./ledger.mjs";
import { api, drawn, importStudy, open, until } from "./open.mjs";
import { placement } from "./geometry.mjs";
import { list, plays } from "./list.mjs";
import { memory } from "./memory.mjs";
import { times } from "./times.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LIMITS_MS = { "first slice": 2000, slice: 200, "time step": 300 };

function options(argv) {
  const found = { pictures: join(import.meta.dirname, "..", "pictures") };
  for (let n = 0; n < argv.length; n += 1) {
    const name = argv[n].replace(/^--/, "");
    found[name] = argv[n + 1] === undefined || argv[n + 1].startsWith("--") ? true : argv[(n += 1)];
  }
  if (typeof found.url !== "string") throw new Error("--url is needed: the address that hepaflow serve prints");
  return found;
}

const asked = options(process.argv.slice(2));
mkdirSync(asked.pictures, { recursive: true });
const { browser, context, page, faults, home } = await open(asked.url, { state: asked.state });
const { check, wrong: failed } = ledger();
const picture = async (name) => {
  await page.waitForTimeout(350);
  await page.screenshot({ path: join(asked.pictures, `${name}.png`) });
};

// Serious and critical findings of axe, which is put into the page past its content policy by the debugger's protocol.
async function accessible(state) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter((one) => one.impact === "serious" || one.impact === "critical");
  for (const one of violations.filter((other) => !serious.includes(other))) console.log(`     ${one.impact} ${one.id}: ${one.nodes[0].html.slice(0, 120)}`);
  for (const one of serious) console.log(`     ${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  check(serious.length === 0, `axe, ${state}: ${serious.length} serious of ${violations.length} findings`);
}

// A scan that finds nothing must be able to find something.
async function scannerWorks() {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const bad = document.createElement("button");
    document.querySelector("main").append(bad);
    const { violations } = await window.axe.run(document);
    bad.remove();
    return violations.map((one) => one.id);
  });
  check(found.includes("button-name"), "axe finds a button without a name that is put in on purpose");
}

async function chosen() {
  if (typeof asked.import === "string") return (await importStudy(page, asked.import)).id;
  if (typeof asked.study === "string") return asked.study;
  const { studies } = (await api(page, "GET", "/studies")).body;
  const study = studies.find((one) => one.corrected) ?? studies[0];
  if (study === undefined) throw new Error("no study is there: give --import FOLDER");
  return study.id;
}

// Tab goes through every control once and shows where it is.
async function keyboard() {
  await page.evaluate(() => document.body.focus());
  const seen = new Set();
  let dim = 0;
  for (let n = 0; n < 90; n += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const one = document.activeElement;
      if (one === null || one === document.body) return null;
      const style = getComputedStyle(one.closest(".file")?.querySelector(".button") ?? one);
      return { name: one.outerHTML.slice(0, 110), outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 };
    });
    if (at === null || seen.has(at.name)) continue;
    seen.add(at.name);
    if (!at.outlined) dim += 1;
  }
  check(seen.size >= 20 && dim === 0, `keyboard: ${seen.size} controls reached by Tab, ${dim} without a visible focus`);
}

async function look(id) {
  await page.goto(`${home}/#/studies`);
  await page.waitForSelector("table.studies");
  await picture("studies");
  await scannerWorks();
  await accessible("study list");
  await page.click(`tr[data-study="${id}"] .badge-button`);
  await picture("protocol");
  await accessible("protocol dialog");
  await page.keyboard.press("Escape");
  await page.goto(`${home}/#/study/${id}`);
  await drawn(page, 3);
  await picture("planes");
  for (const one of await placement(page)) check(one.best.dx === 0 && one.best.dy === 0 && one.error < 4, `${one.pane}: drawn where it is (${one.best.dx}, ${one.best.dy} pixels off, ${one.error.toFixed(2)} grey values)`);
  await accessible("viewer");
  await keyboard();
  await maps();
  await page.keyboard.press("?");
  await picture("help");
  await accessible("help");
  await page.keyboard.press("Escape");
  await page.click("#tab-analyse");
  await picture("analyse");
  await page.click(".languages button[lang=fr]");
  await page.waitForTimeout(500);
  await picture("planes-fr");
  await accessible("viewer in French");
  const english = await page.evaluate(() => document.querySelector(".toolbar button").getAttribute("aria-label"));
  check(english.startsWith("Réticule"), "French: the tools speak it");
  await page.goto(`${home}/#/studies`);
  await page.waitForSelector("table.studies");
  await picture("studies-fr");
  await page.click(".languages button[lang=en]");
  await page.goto(`${home}/#/audit`);
  await page.waitForSelector("table.audit tbody tr");
  await picture("audit");
  await accessible("audit trail");
}

// Panes that are not drawn where they should be, after time enough for a slow computer to draw.
async function settled(view) {
  let places = [];
  let off = [];
  for (let n = 0; n < 12; n += 1) {
    await view.waitForTimeout(700);
    places = await placement(view);
    off = places.filter((one) => Math.hypot(one.best.dx, one.best.dy) > 1 || one.error > 5);
    if (places.length === 3 && off.length === 0) break;
  }
  return { places, off };
}

// The same on a screen with two pixels to each CSS pixel, and after its window changed size.
async function dense(id) {
  const other = await browser.newContext({ viewport: { width: 1280, height: 720 }, deviceScaleFactor: 2, storageState: await context.storageState() });
  const view = await other.newPage();
  await view.goto(`${home}/#/study/${id}`);
  await drawn(view, 3);
  await view.setViewportSize({ width: 1000, height: 800 });
  const { off } = await settled(view);
  check(off.length === 0, `a dense screen of another size: ${off.length} panes off ${off.map((one) => JSON.stringify(one)).join(" ")}`);
  await view.screenshot({ path: join(asked.pictures, "dense.png"), scale: "css" });
  await other.close();
}

// The way of computers with a GPU, whose look this browser is made to have: Cornerstone draws to the same places.
async function withGpu(id) {
  const other = await browser.newContext({ viewport: { width: 1400, height: 900 }, storageState: await context.storageState() });
  await other.addInitScript(() => {
    const own = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, options) {
      return own.call(this, kind, { ...options, failIfMajorPerformanceCaveat: false });
    };
    const told = WebGL2RenderingContext.prototype.getParameter;
    WebGL2RenderingContext.prototype.getParameter = function (name) {
      return name === 0x9246 ? "A GPU" : told.call(this, name);
    };
  });
  const view = await other.newPage();
  let loaded = false;
  view.on("request", (request) => (loaded ||= /gpu-.*\.js$/.test(request.url())));
  view.on("pageerror", (error) => faults.push(`gpu: ${error.message}`));
  await view.goto(`${home}/#/study/${id}`);
  await drawn(view, 3);
  const { places, off } = await settled(view);
  check(loaded && places.length === 3 && off.length === 0, `with a GPU: Cornerstone loaded (${loaded}), ${off.length} panes off ${off.map((one) => JSON.stringify(one)).join(" ")}`);
  await view.screenshot({ path: join(asked.pictures, "gpu.png") });
  await other.close();
}

async function maps() {
  const select = page.locator(".map-choice select");
  if ((await page.locator(".toolbar [data-tool=layout-maps]:disabled").count()) > 0) return console.log("     no maps: the study is not analysed");
  await page.locator(".pane").first().focus();
  const top = async () => (await page.locator(".pictures").boundingBox()).y;
  const still = await top();
  await select.selectOption("bf");
  await page.waitForTimeout(800);
  check((await top()) === still, "a map switched on moves no image");
  const [from, to] = [page.locator(".bound-field input").first(), page.locator(".bound-field input").last()];
  await to.fill("100");
  await from.fill("40");
  await from.fill("140");
  check((await page.locator(".bound-field [role=alert]").count()) === 1 && (await from.getAttribute("aria-invalid")) === "true", "a lower bound above the upper one is refused in words");
  await to.click();
  check((await from.inputValue()) === "", "and the bound from before it was typed stays");
  await to.fill("");
  await picture("map");
  await page.locator(".mapbar input[type=checkbox]").check();
  await picture("map-faded");
  await page.locator(".pane").first().focus();
  await page.keyboard.press("q");
  await page.waitForTimeout(1200);
  await picture("four-maps");
  await accessible("four maps");
  await page.locator(".pane").first().focus();
  await page.keyboard.press("g");
  await page.keyboard.press("o");
  const shown = (set) => until(page, `the ${set} images`, async () => (await page.locator(".pane.axial").getAttribute("data-shown"))?.includes(`/${set}/`));
  await shown("corrected");
  await page.keyboard.press("m");
  await shown("acquired");
  await page.keyboard.press("m");
  check(await shown("corrected"), "m shows the images before motion correction, and after it again");
}

async function beside(id, other) {
  await page.goto(`${home}/#/study/${id}/with/${other}`);
  await drawn(page, 2);
  await page.waitForTimeout(800);
  await picture("two-visits");
  const whose = await page.locator(".whose").evaluateAll((all) => all.map((one) => one.dataset.study));
  check(whose.length === 2 && whose.includes(id) && whose.includes(other), "two visits: each says whose it is");
  const before = await page.locator(".pane").nth(1).getAttribute("data-shown");
  const box = await page.locator(".pane").first().boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  for (let n = 0; n < 4; n += 1) await page.mouse.wheel(0, 100);
  await page.waitForTimeout(1000);
  check((await page.locator(".pane").nth(1).getAttribute("data-shown")) !== before, "two visits: scrolling one scrolls the other");
  await accessible("two visits");
}

// More pages than a browser opens connections to one server: each shows its pictures.
async function manyPages(id) {
  const others = [];
  for (let n = 0; n < 7; n += 1) {
    const one = await context.newPage();
    others.push(one);
    await one.goto(`${home}/#/study/${id}`);
    await drawn(one, 3, 30_000).catch(() => undefined);
  }
  const showing = await Promise.all(others.map((one) => one.locator(".pane[data-shown]").count()));
  check(showing.every((panes) => panes === 3), `seven pages more: panes drawn ${showing.join(", ")}`);
  for (const one of others) await one.close();
}

try {
  await page.waitForSelector("main h1");
  const id = await chosen();
  await look(id);
  await plays(page, { home, check, study: id });
  if (asked.zip || asked.folder) {
    const before = faults.length;
    await list(page, { home, check, picture, zip: asked.zip, folder: asked.folder });
    // The refused path is a fault that the browser tells and that is meant.
    for (const one of faults.splice(before)) if (!one.includes("422")) faults.push(one);
  }
  await dense(id);
  await withGpu(id);
  await manyPages(id);
  const { studies } = (await api(page, "GET", "/studies")).body;
  const other = typeof asked.other === "string" ? asked.other : studies.find((one) => one.id !== id && one.passes)?.id;
  if (other !== undefined) await beside(id, other);
  if (asked.times) {
    const found = await times(page, home, id);
    for (const [what, { median, worst, n }] of Object.entries(found)) {
      const limit = Object.entries(LIMITS_MS).find(([start]) => what.startsWith(start))?.[1];
      check(limit === undefined || median < limit, `${what}: ${median} ms median, ${worst} worst of ${n}${limit ? `, limit ${limit}` : ""}`);
    }
  }
  if (asked.memory) {
    await page.goto(`${home}/#/study/${id}`);
    await drawn(page, 3);
    const { readings, growth } = await memory(page, context, asked.memory === true ? {} : { count: Number(asked.memory) });
    for (const one of readings) console.log(`     after ${one.after}: heap ${one.heap_mb.toFixed(2)} MB, buffers ${one.buffers_mb.toFixed(0)} MB, ${one.nodes} nodes, ${one.listeners} listeners`);
    check(growth < 0.1, `memory: heap ${(growth * 100).toFixed(1)} % after ${readings.at(-1).after} actions`);
  }
  check(faults.length === 0, `no fault told by the browser, no outside request (${faults.length})`);
  for (const one of faults.slice(0, 10)) console.log(`     ${one}`);
} catch (failure) {
  failed.push(String(failure));
  console.error(failure);
  for (const one of faults.slice(0, 10)) console.log(`     ${one}`);
  await picture("failure").catch(() => undefined);
} finally {
  await browser.close();
}
process.exitCode = failed.length === 0 ? 0 : 1;
