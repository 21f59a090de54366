// A reader's hand in an open study: turns panes to a place in mm, drags, opens tabs, asks for an analysis and waits for it.
import { api, drawn, until } from "./open.mjs";

export function inverse(m) {
  const [[a, b, c, p], [d, e, f, q], [g, h, i, r]] = m;
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const rows = [
    [(e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det],
    [(f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det],
    [(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det],
  ];
  return rows.map((row) => [...row, -(row[0] * p + row[1] * q + row[2] * r)]);
}

export const apply = (m, [x, y, z]) => m.slice(0, 3).map((row) => row[0] * x + row[1] * y + row[2] * z + row[3]);

// Opens the study; every function of the answer acts on it with the real mouse.
export async function take(page, id) {
  await page.goto(new URL(`/#/study/${id}`, page.url()).href);
  await drawn(page, 3);
  const images = (await api(page, "GET", `/studies/${id}/images`)).body;
  const regions = async () => (await api(page, "GET", `/studies/${id}/regions`)).body.regions;
  const state = async () => (await api(page, "GET", `/studies/${id}`)).body;
  return {
    images,
    regions,
    region: async (name) => (await regions()).find((one) => one.name === name && !one.deleted),
    state,
    tab: (key) => page.click(`#tab-${key}`),

    // Turns a pane to a slice with the wheel, as a hand does, and says where on the screen a place in mm lies.
    async reach(name, place_mm) {
      const plane = images.planes[name];
      const [index, row, column] = apply(inverse(plane.to_mm), place_mm);
      const pane = page.locator(`.pane.${name}`);
      const box = await pane.boundingBox();
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      const shown = async () => Number((await pane.getAttribute("data-shown")).split("?")[0].split("/").at(-1));
      for (let tries = 0; tries < 200; tries += 1) {
        const now = await shown();
        if (now === Math.round(index)) break;
        await page.mouse.wheel(0, Math.sign(Math.round(index) - now) * 100);
        // What is drawn lags behind the wheel; the next turn before that would go too far.
        for (let waits = 0; waits < 50 && (await shown()) === now; waits += 1) await page.waitForTimeout(30);
      }
      const scale = Math.min(box.width / (plane.columns * plane.column_mm), box.height / (plane.rows * plane.row_mm));
      const at = (dx_mm, dy_mm) => [
        box.x + box.width / 2 + ((column - (plane.columns - 1) / 2) * plane.column_mm + dx_mm) * scale,
        box.y + box.height / 2 + ((row - (plane.rows - 1) / 2) * plane.row_mm + dy_mm) * scale,
      ];
      return { at, index: Math.round(index) };
    },

    async drag(from, to, steps = 10) {
      await page.mouse.move(...from);
      await page.mouse.down();
      for (let n = 1; n <= steps; n += 1) await page.mouse.move(from[0] + ((to[0] - from[0]) * n) / steps, from[1] + ((to[1] - from[1]) * n) / steps);
      await page.mouse.up();
    },

    // The analysis that a button of the open panel asks for; its job once it ended.
    async analyse({ button = "[data-act=analyse]", patience_ms = 900_000 } = {}) {
      const last = (await state()).job?.id;
      await page.click(button);
      const end = await until(page, "the analysis", async () => { const { job } = await state(); return job.id !== last && !["waiting", "running"].includes(job.state) && job; }, patience_ms);
      await page.waitForTimeout(800);
      return end;
    },
  };
}
