// Opens the page in a headless Chromium without GPU, and keeps every fault that the browser tells.
import { readFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking", "--js-flags=--expose-gc", "--enable-precise-memory-info"];

// `state`: a file that keeps the session from one script to the next, as an address with a token works once. `insecure` takes a certificate that nobody vouches for, `login` is an account.
export async function open(url, { executable = process.env.CHROMIUM ?? "/usr/bin/chromium", width = 1600, height = 950, state, insecure = false, login } = {}) {
  const browser = await chromium.launch({ executablePath: executable, args: FLAGS, headless: true });
  const context = await browser.newContext({ viewport: { width, height }, locale: "en-GB", ignoreHTTPSErrors: insecure, ...(state && existsSync(state) ? { storageState: state } : {}) });
  const page = await context.newPage();
  const faults = [];
  const home = new URL(url).origin;
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()} ${message.location().url ?? ""}`);
  });
  page.on("pageerror", (error) => faults.push(`page: ${error.stack ?? error.message}`));
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(home) && !address.startsWith("blob:") && !address.startsWith("data:")) faults.push(`outside request: ${address}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 500) faults.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(url);
  if (login) {
    await page.fill("input[name=name]", login.name);
    await page.fill("input[name=password]", login.password);
    await page.press("input[name=password]", "Enter");
  }
  await page.waitForSelector("main");
  if (state) await context.storageState({ path: state });
  return { browser, context, page, faults, home };
}

// The API as the page asks it, from within the page.
export function api(page, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const init = method === "GET" ? {} : { method, headers: { "X-Hepaflow": "1", "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) };
      const answer = await fetch(`/api${path}`, init);
      const text = await answer.text();
      return { status: answer.status, body: text ? JSON.parse(text) : null };
    },
    [method, path, body],
  );
}

// Imports a folder through the page's form unless a study of this label is there already; waits until it is ready.
export async function importStudy(page, path, patience_ms = 240_000) {
  await page.goto(new URL("/#/studies", page.url()).href);
  const before = new Set((await api(page, "GET", "/studies")).body.studies.map((one) => one.id));
  await page.fill("input[name=path]", path);
  await page.click(".add form:first-of-type button[type=submit]");
  const until = Date.now() + patience_ms;
  while (Date.now() < until) {
    const { studies } = (await api(page, "GET", "/studies")).body;
    const mine = studies.find((one) => !before.has(one.id));
    if (mine?.state === "imported" || mine?.state === "analysed") return mine;
    if (mine?.state === "failed") throw new Error(`import failed: ${JSON.stringify(mine.job?.error)}`);
    await page.waitForTimeout(300);
  }
  throw new Error("the import did not end");
}

// Every visible pane has drawn what the state asks for.
export async function drawn(page, panes = 1, patience_ms = 20_000) {
  await page.waitForFunction((n) => document.querySelectorAll(".pane[data-shown]").length >= n, panes, { timeout: patience_ms });
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

// What axe finds serious or worse on the page as it stands.
export async function accessible(page) {
  await page.evaluate(`${readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")};0`);
  const found = await page.evaluate(async () => (await window.axe.run(document)).violations.map((one) => ({ id: one.id, impact: one.impact, where: one.nodes.slice(0, 3).map((node) => node.target.join(" ")) })));
  return found.filter((one) => one.impact === "serious" || one.impact === "critical");
}

// Asks again and again until there is an answer.
export async function until(page, what, ask, patience_ms = 30_000) {
  const end = Date.now() + patience_ms;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await page.waitForTimeout(120);
  }
}
