// From an edit of a region to the new numbers, on an analysed study with lesions:
//   npm run numbers -- --url "http://127.0.0.1:PORT/enter?token=..." [--study ID] [--state FILE]
// Edits with a brush as the page sends them, asks for the numbers, and exits 1 when the median of one lesion's is beyond a second.
import { parseArgs } from "node:util";
import { api, median, open } from "./open.mjs";

const LIMIT_MS = 1000;
const EDITS = 9;
const { values: given } = parseArgs({ options: Object.fromEntries(["url", "study", "state"].map((name) => [name, { type: "string" }])) });
const { browser, page } = await open(given.url, { state: given.state });
const study = given.study ?? (await api(page, "GET", "/studies")).body.studies[0].id;
const regions = async () => (await api(page, "GET", `/studies/${study}/regions`)).body.regions.filter((one) => !one.deleted);
const every = (await regions()).filter((one) => one.kind === "lesion").map((one) => one.name);
await api(page, "POST", `/studies/${study}/numbers`, {}); // what the first request loads is not counted

async function timed(name, n, asked) {
  const region = (await regions()).find((one) => one.name === name);
  const [k0, k1, j0, j1, i0] = region.box;
  const brush = { kind: "brush", plane: "axial", index: (k0 + k1) >> 1, path: [[(j0 + j1) >> 1, i0 - n]], radius_mm: 2 + 0.3 * n, erase: false, ball: false };
  return page.evaluate(async ([at, name, edit, asked]) => {
    const post = (path, body) => fetch(`/api/studies/${at}/${path}`, { method: "POST", headers: { "X-Hepaflow": "1", "Content-Type": "application/json" }, body: JSON.stringify(body) }).then((answer) => answer.json());
    const start = performance.now();
    await post(`regions/${name}`, edit);
    const found = await post("numbers", asked);
    if (!(found.lesions[0].ratio.bf.value > 0)) throw new Error("no ratio came");
    return performance.now() - start;
  }, [study, name, { base: region.version, edit: brush }, asked]);
}

let late = 0;
for (const [name, lesions] of [[every[0], [every[0]]], ["aorta", [every[0]]], ["healthy", [every[0]]], ["aorta", every]]) {
  const waits = [];
  for (let n = 0; n < EDITS; n += 1) waits.push(await timed(name, n, { lesions, parts: ["whole"] }));
  const middle = median(waits);
  late += lesions.length === 1 && middle > LIMIT_MS ? 1 : 0;
  console.log(`${name} to the numbers of ${lesions.length} lesion${lesions.length > 1 ? "s" : ""}: median ${Math.round(middle)} ms, worst ${Math.round(Math.max(...waits))} ms`);
}
await browser.close();
process.exit(late > 0 ? 1 : 0);
