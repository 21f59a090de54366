// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { fitting, usual } from "../../src/panels/splitter";

test("panels are wide enough for their tables where the window allows, and leave room on both sides", () => {
  expect(usual(1600)).toBe(480);
  expect(usual(1280)).toBeGreaterThanOrEqual(384);
  expect(usual(3840)).toBe(600);
  expect(usual(1000)).toBeLessThanOrEqual(400);
  expect(fitting(10, 900)).toBe(280);
  expect(fitting(1200, 900)).toBe(900);
  expect(fitting(500.4, 900)).toBe(500);
});
