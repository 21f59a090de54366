import { describe, expect, it } from "vitest";
import { Slices } from "../src/view/slices";

/** A server that answers when told. */
function server() {
  const asked: { path: string; answer: () => void; stopped: boolean }[] = [];
  const fetcher = (path: string, signal: AbortSignal): Promise<ArrayBuffer> =>
    new Promise((resolve, reject) => {
      const one = { path, answer: () => resolve(new ArrayBuffer(100)), stopped: false };
      signal.addEventListener("abort", () => {
        one.stopped = true;
        reject(new DOMException("stopped", "AbortError"));
      });
      asked.push(one);
    });
  return { asked, fetcher };
}

const settle = () => new Promise((resolve) => setTimeout(resolve));

describe("slices", () => {
  it("are fetched once for all panes that want one", async () => {
    const { asked, fetcher } = server();
    const slices = new Slices(1000, fetcher);
    const both = Promise.all([slices.want("a"), slices.want("a")]);
    expect(asked).toHaveLength(1);
    asked[0]!.answer();
    const [one, other] = await both;
    expect(one).toBe(other);
    expect(slices.peek("a")).toBe(one);
  });

  it("never pass the bound, and go in the order of their last use", async () => {
    const { asked, fetcher } = server();
    const slices = new Slices(300, fetcher);
    for (const path of ["a", "b", "c"]) {
      const wanted = slices.want(path);
      asked.at(-1)!.answer();
      await wanted;
    }
    slices.peek("a");
    const wanted = slices.want("d");
    asked.at(-1)!.answer();
    await wanted;
    expect(slices.size).toBe(300);
    expect(slices.peek("b")).toBeNull();
    expect(slices.peek("a")).not.toBeNull();
  });

  it("that may be wanted next wait for those that are", async () => {
    const { asked, fetcher } = server();
    const slices = new Slices(1000, fetcher);
    void slices.want("now");
    slices.guess(["next", "later", "latest"]);
    expect(asked.map((one) => one.path)).toEqual(["now"]);
    asked[0]!.answer();
    await settle();
    expect(asked.map((one) => one.path)).toEqual(["now", "next", "later"]);
  });

  it("scrolled past are given up, and can be wanted again", async () => {
    const { asked, fetcher } = server();
    const slices = new Slices(1000, fetcher);
    const gone = slices.want("a");
    slices.drop("a");
    await expect(gone).rejects.toMatchObject({ name: "AbortError" });
    const again = slices.want("a");
    asked.at(-1)!.answer();
    expect((await again).byteLength).toBe(100);
    expect(asked).toHaveLength(2);
  });
});
