// @vitest-environment happy-dom
import { beforeEach, expect, it } from "vitest";
import { choose, chosen, drawnFirst, drawnSecond } from "../../src/regions/desk";
import type { Identity, Region } from "../../src/regions/types";
import { first, second, selected } from "../../src/state";
import { closeVisit } from "../../src/view/visit";

const region = (name: string, identity: Identity | null = null) => ({ name, kind: name.split("-")[0], identity, deleted: false }) as unknown as Region;

beforeEach(() => {
  [first.id.value, second.id.value] = ["after", "before"];
  drawnFirst.list.value = [region("aorta"), region("lesion-1", { study: "before", lesion: "lesion-2" }), region("lesion-3")];
  drawnSecond.list.value = [region("aorta"), region("lesion-1"), region("lesion-2"), region("lesion-3")];
  selected.value = null;
});

it("a lesion selected in one visit is in the other the one it is linked to, whichever visit holds the link", () => {
  choose(first, "lesion-1");
  expect([chosen(first), chosen(second)]).toEqual(["lesion-1", "lesion-2"]);
  choose(second, "lesion-2");
  expect([chosen(first), chosen(second)]).toEqual(["lesion-1", "lesion-2"]);
});

it("a lesion that is linked to none selects nothing in the other visit, though it has one of that name", () => {
  choose(second, "lesion-1");
  expect([chosen(first), chosen(second)]).toEqual([null, "lesion-1"]);
  choose(first, "lesion-3");
  expect([chosen(first), chosen(second)]).toEqual(["lesion-3", null]);
});

it("a vessel is the same in both, and a visit that closes takes its selection along", () => {
  choose(second, "aorta");
  expect([chosen(first), chosen(second)]).toEqual(["aorta", "aorta"]);
  closeVisit(second);
  expect([chosen(first), selected.value]).toEqual([null, null]);
});
