// Does the page keep what it should forget? Thousands of a reader's actions in a loop; the JavaScript heap after garbage collection must stay flat.

const ACTIONS = [
  ["scroll", async (page, box) => page.mouse.wheel(0, box.n % 40 < 20 ? 100 : -100)],
  ["pass", async (page) => page.keyboard.press("ArrowRight")],
  ["slice", async (page, box) => page.keyboard.press(box.n % 30 < 15 ? "ArrowDown" : "ArrowUp")],
  ["window", async (page, box) => drag(page, box, "right", 30, box.n % 2 ? 20 : -20)],
  ["point", async (page, box) => page.mouse.click(box.x + box.width * (0.3 + (box.n % 7) * 0.05), box.y + box.height * (0.3 + (box.n % 5) * 0.08))],
  ["zoom", async (page, box) => page.keyboard.press(box.n % 2 ? "+" : "-")],
  ["pan", async (page, box) => drag(page, box, "middle", box.n % 2 ? 25 : -25, box.n % 2 ? 10 : -10)],
  ["preset", async (page, box) => page.keyboard.press(String((box.n % 5) + 1))],
  ["map", async (page) => page.keyboard.press("o")],
  ["layout", async (page, box) => page.keyboard.press(["g", "f", "q", "g"][box.n % 4])],
  ["motion", async (page) => page.keyboard.press("m")],
  ["tab", async (page, box) => page.locator(`[role=tab] >> nth=${box.n % (await page.locator("[role=tab]").count())}`).click()],
];

async function drag(page, box, button, dx, dy) {
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down({ button });
  await page.mouse.move(x + dx, y + dy, { steps: 2 });
  await page.mouse.up({ button });
}

async function heap(session) {
  for (let n = 0; n < 3; n += 1) await session.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await session.send("Runtime.getHeapUsage");
  const counters = await session.send("Memory.getDOMCounters");
  return { heap_mb: usedSize / 2 ** 20, buffers_mb: (backingStorageSize ?? 0) / 2 ** 20, nodes: counters.nodes, listeners: counters.jsEventListeners };
}

// `warm` actions first, in which caches fill; then `count` more with a reading after each of `parts`.
export async function memory(page, context, { count = 2000, warm = 600, parts = 8 } = {}) {
  const session = await context.newCDPSession(page);
  const readings = [];
  let n = 0;
  const found = await page.locator(".pane").first().boundingBox();
  const act = async () => {
    const box = { ...found, n: Math.floor(n / ACTIONS.length) };
    await ACTIONS[n % ACTIONS.length][1](page, box);
    n += 1;
  };
  const rest = async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("Escape");
    await page.waitForTimeout(1200);
  };
  await page.locator(".pane").first().focus();
  while (n < warm) await act();
  await rest();
  readings.push({ after: 0, ...(await heap(session)) });
  for (let part = 1; part <= parts; part += 1) {
    while (n < warm + (count * part) / parts) await act();
    await rest();
    readings.push({ after: n - warm, ...(await heap(session)) });
  }
  const values = readings.map((one) => one.heap_mb);
  return { readings, growth: values.at(-1) / values[0] - 1, spread: Math.max(...values) / Math.min(...values) - 1 };
}
