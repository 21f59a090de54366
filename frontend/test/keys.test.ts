// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keys } from "../src/keys";

let stops: (() => void)[] = [];
let pressed: string[] = [];
let open = true;

beforeEach(() => {
  pressed = [];
  open = true;
  document.body.innerHTML = "";
  stops = ["space", "ArrowLeft", "Ctrl+z", "Ctrl+Shift+z", "m", "Shift+ArrowLeft"].map((combo) => keys.register({ combo, title: () => combo, action: () => pressed.push(combo) }));
  stops.push(keys.register({ combo: "?", title: () => "?", action: () => pressed.push("?"), where: "everywhere" }), keys.listen(() => open));
});
afterEach(() => stops.forEach((stop) => stop()));

function press(key: string, on: EventTarget = document.body, more: KeyboardEventInit = {}): void {
  on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
}

describe("shortcuts", () => {
  it("know their modifiers", () => {
    press(" ");
    press("ArrowLeft");
    press("ArrowLeft", document.body, { shiftKey: true });
    press("z", document.body, { ctrlKey: true });
    press("Z", document.body, { ctrlKey: true, shiftKey: true });
    press("?", document.body, { shiftKey: true });
    expect(pressed).toEqual(["space", "ArrowLeft", "Shift+ArrowLeft", "Ctrl+z", "Ctrl+Shift+z", "?"]);
  });

  it("leave typed text, sliders, buttons and tab lists alone", () => {
    document.body.innerHTML = `<input id="text"><input id="slider" type="range"><button id="button">x</button><div role="tablist"><button id="tab" role="tab">x</button></div><select id="select"></select>`;
    const at = (id: string) => document.getElementById(id)!;
    press("m", at("text"));
    press("ArrowLeft", at("slider"));
    press(" ", at("button"));
    press("ArrowLeft", at("tab"));
    press("m", at("select"));
    expect(pressed).toEqual([]);
    press("m", at("slider"));
    press("ArrowLeft", at("button"));
    expect(pressed).toEqual(["m", "ArrowLeft"]);
  });

  it("of a study rest in the list and behind a dialog", () => {
    open = false;
    press("m");
    press("?");
    open = true;
    document.body.innerHTML = "<dialog open></dialog>";
    press("m");
    expect(pressed).toEqual(["?"]);
  });

  it("are found on keyboards that write brackets with AltGr, or digits behind Shift", () => {
    stops.push(...["[", "1", "-"].map((combo) => keys.register({ combo, title: () => combo, action: () => pressed.push(combo) })));
    press("[", document.body, { code: "Digit5", ctrlKey: true, altKey: true, modifierAltGraph: true });
    press("&", document.body, { code: "Digit1" });
    press("Dead", document.body, { code: "BracketLeft" });
    // A sign that has a meaning of its own keeps it, and Ctrl with a digit is the browser's.
    press("-", document.body, { code: "Digit6" });
    press("&", document.body, { code: "Digit1", ctrlKey: true });
    expect(pressed).toEqual(["[", "1", "[", "-"]);
  });
});
