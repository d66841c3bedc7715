"""Many sessions on one server: `python -m tests.browser.load` (or `... --wire`, or `... --soak 200`).

Each session is a tab of a headless Chromium on the run page of the packaged example; all brush the pair plot
and move a slider of *What if* while two jobs run. A brush lasts from the release of the mouse until the
page says how many draws are selected; beside it stands what it cost the server's own processor time. Figures
are lines of JSON. With `--wire` the sessions have no browsers, which would take the server's cores: a brush
lasts until the server has answered. The soak opens and closes sessions, and looks at the server's memory.
"""

import argparse
import asyncio
import functools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from playwright.async_api import async_playwright, expect

import dashboard
from inference.requests import Request
from inference.runs import RunStore
from tests.browser.conftest import CHROMIUM, FLAGS, IS_IDLE, ON_SCREEN, PANEL_CDN, serving
from tests.browser.lab import is_listening, wait_until
from tests.browser.wire import Wire, brushed, changed
from tests.faults.inlet import SESSION_VARIABLE

(EXAMPLE,) = (Path(dashboard.__file__).parent / "examples").iterdir()
PATIENCE = 300_000  # ms, for whatever has to be there before a session begins
BOXES = (((15, 20), (75, 80)), ((10, 110), (60, 180)), ((20, 15), (90, 60)))  # in the mosaic's bins
# What a page is told to time by itself, because asking it again and again would take its time.
WATCH = """node => {
  window.answered = new Promise(resolve => {
    let began = null;
    const begin = () => { began ??= performance.now() };
    const first = {capture: true, once: true};
    for (const kind of ["pointerup", "keydown"]) window.addEventListener(kind, begin, first);
    const hear = (_, observer) => {
      if (began === null) return;
      observer.disconnect();
      resolve((performance.now() - began) / 1000);
    };
    const all = {childList: true, characterData: true, subtree: true};
    new MutationObserver(hear).observe(node.getRootNode(), all);
  });
}"""
ANSWERED = "Promise.race([window.answered, new Promise(resolve => setTimeout(resolve, 60000, null))])"
PATHS = (f"/run?id={EXAMPLE.name}", "/home", f"/run?id={EXAMPLE.name}&tab=predictions", "/infer")
AT_ONCE = 4
WARM = 40  # sessions of the soak that fill the caches
FORGET_SECONDS = 75  # until closed sessions have been forgotten
SERVE = ["-m", "tests.faults.inlet", "serve", "--port", "0"]
JOB = {"num_simulations": 10_000_000}  # longer than the measurement; stopped at the end


async def opened(browser, address, problems):
    """A tab of its own browser context, whose errors are noted."""
    context = await browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.extend(told(message)))
    await page.goto(address)
    await page.wait_for_function(IS_IDLE)
    return page


def told(message):
    is_ours = message.type == "error" and PANEL_CDN not in str(message.location.get("url"))
    return [message.text] if is_ours else []


async def answered(page, summary, act):
    """Seconds, by the page's own clock, from the end of what somebody does until the page has its answer."""
    await summary.evaluate(WATCH)
    await act()
    return await page.evaluate(ANSWERED)


async def brush(page, box):
    """Seconds from the release of the mouse until the number of selected draws is another."""
    corners = [await page.evaluate(ON_SCREEN, list(point)) for point in box]
    await page.mouse.move(*corners[0])
    await page.mouse.down()
    await page.mouse.move(*corners[1], steps=3)
    return await answered(page, page.get_by_test_id("mosaic-summary").first, page.mouse.up)


async def slide(page):
    """Seconds from a key on a slider of *What if* until the server has told its answer."""
    slider = page.locator("input[type=range]:not([disabled])").first
    press = functools.partial(slider.press, "ArrowRight")
    return await answered(page, page.get_by_test_id("what-if-summary"), press)


async def session(browser, server, seconds, random, spent, problems):
    """Brush for a while, then slide for a while, as often as the server allows, with a pause in between."""
    address = f"{server.address}/run?id={EXAMPLE.name}"
    page = await opened(browser, address, problems)
    await expect(page.get_by_test_id("mosaic-summary").first).to_contain_text("10 000 draws")
    spent["ready"].append(1)
    while len(spent["ready"]) < spent["sessions"]:
        await asyncio.sleep(0.2)
    for act, tab in ((brush, "Posterior"), (slide, "What if")):
        await page.get_by_role("tab", name=tab).click()
        await page.wait_for_function(IS_IDLE)
        if act is slide:
            await expect(page.get_by_test_id("what-if-summary")).to_contain_text("draws")
        spent.setdefault(f"{act.__name__} began", busy(server))
        ends, k = time.monotonic() + seconds / 2, 0
        while time.monotonic() < ends:
            await asyncio.sleep(random.uniform(0.5, 3.0))  # somebody looks at it
            took = await (brush(page, BOXES[k % len(BOXES)]) if act is brush else slide(page))
            if took is None:
                problems.append(f"no answer to {act.__name__} {k}")
            else:
                spent[act.__name__].append(took)
            k += 1
        spent[f"{act.__name__} ended"] = busy(server)
    await page.context.close()


def nothing_yet(num):
    """What `num` sessions have spent."""
    return {"ready": [], "sessions": num, "brush": [], "slide": []}


async def measure(server, num, seconds):
    """All sessions at once."""
    expect.set_options(timeout=PATIENCE)
    spent, problems = nothing_yet(num), []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        randoms = [np.random.default_rng(k) for k in range(num)]
        outcomes = await asyncio.gather(
            *(session(browser, server, seconds, random, spent, problems) for random in randoms),
            return_exceptions=True,
        )
        await browser.close()
    problems += [repr(outcome)[:200] for outcome in outcomes if outcome is not None]
    return spent, problems


async def wired(server, seconds, random, spent):
    """What `session` does, without a browser: brush one page, then slide another."""
    address = f"/run?id={EXAMPLE.name}"
    async with (
        Wire(server.address, address) as posterior,
        Wire(server.address, f"{address}&tab=what_if") as what_if,
    ):
        figure, slider = (
            posterior.find("Figure", "selectiongeometry"),
            what_if.find("EditableFloatSlider", "rest mean"),
        )
        ends = what_if.models[slider]["attributes"]
        await what_if.told(" draws")  # it answers for the observation
        spent["ready"].append(1)
        while len(spent["ready"]) < spent["sessions"]:
            await asyncio.sleep(0.2)
        for act in ("brush", "slide"):
            await asyncio.sleep(random.uniform(0.0, 3.0))
            spent.setdefault(f"{act} began", busy(server))
            stop, k = time.monotonic() + seconds / 2, 0
            while time.monotonic() < stop:
                await asyncio.sleep(random.uniform(0.5, 3.0))
                if act == "brush":
                    change = brushed(figure, *BOXES[k % len(BOXES)])
                    took = await posterior.answered(change, "mosaic-summary")
                else:
                    place = ends["start"] + (k % 7 + 1) / 8 * (ends["end"] - ends["start"])
                    # The picture; the summary may stay as it was, to the millisecond.
                    took = await what_if.answered(changed(slider, "value", place), '"image"')
                spent[act].append(took)
                k += 1
            spent[f"{act} ended"] = busy(server)


async def measure_wires(server, num, seconds):
    """All sessions at once, without browsers."""
    spent = nothing_yet(num)
    sessions = (wired(server, seconds, np.random.default_rng(k), spent) for k in range(num))
    outcomes = await asyncio.gather(*sessions, return_exceptions=True)
    return spent, [repr(outcome)[:200] for outcome in outcomes if outcome is not None]


async def soak(server, num):
    """Open and close sessions; the server's memory in MB after those that fill the caches, and at the end.

    A session is a page that was asked for and the websocket that its script would open, without a browser, of
    which this machine could not start so many: what the server keeps is the same.
    """
    memory = []
    for done in range(AT_ONCE, WARM + num + AT_ONCE, AT_ONCE):
        await asyncio.gather(*(visit(server, PATHS[(done + k) % len(PATHS)]) for k in range(AT_ONCE)))
        if is_due := done in (WARM, WARM + num):
            await asyncio.sleep(FORGET_SECONDS)
            memory.append(resident(server))
        if is_due or done % 40 == 0:
            tell({"event": "memory", "sessions": done, "forgotten": is_due, "MB": resident(server)})
    return memory


async def visit(server, path):
    """One session: the page, its websocket, the document, and away."""
    async with Wire(server.address, path):
        pass


def resident(server):
    """MB of the server's own process, not of its workers."""
    return round(psutil.Process(server.process.pid).memory_info().rss / 1e6)


def busy(server):
    """Seconds of processor time that the server itself has taken."""
    times = psutil.Process(server.process.pid).cpu_times()
    return times.user + times.system


def tell(line):
    sys.stdout.write(json.dumps(line | {"load": round(os.getloadavg()[0], 1)}) + "\n")
    sys.stdout.flush()


def costs(spent, act):
    """What one act took of the server's processor time, everything else that went on included."""
    if not spent[act]:
        return {}
    return {"server_cpu_ms": round(1e3 * (spent[f"{act} ended"] - spent[f"{act} began"]) / len(spent[act]))}


def quantiles(seconds):
    if not seconds:
        return {"num": 0}
    median, high = np.percentile(seconds, [50, 95])
    return {"num": len(seconds), "median_ms": round(1e3 * median), "p95_ms": round(1e3 * high)}


def main():
    parser = argparse.ArgumentParser(description="Many browser sessions on one server.")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=2, help="runs that go on meanwhile")
    parser.add_argument("--wire", action="store_true", help="sessions without browsers")
    words = f"open and close so many sessions instead, {AT_ONCE} at a time"
    parser.add_argument("--soak", type=int, default=0, help=words)
    asked = parser.parse_args()
    if asked.soak % AT_ONCE:
        parser.error(f"--soak takes a multiple of {AT_ONCE}; got {asked.soak}.")
    if asked.soak:
        os.environ[SESSION_VARIABLE] = "5000"  # of the server, which inherits it
    with tempfile.TemporaryDirectory() as folder, serving(SERVE, Path(folder)) as server:
        wait_until(lambda: is_listening(server))
        inlet, store = server.root / "inlet", RunStore(server.root)
        inlet.mkdir(parents=True, exist_ok=True)
        if asked.soak:
            memory = asyncio.run(soak(server, asked.soak))
            tell({"sessions": asked.soak, "before_MB": memory[0], "after_MB": memory[-1]})
            return
        jobs = [store.create(Request("hodgkin_huxley", "snpe", JOB, seed=k)) for k in range(asked.jobs)]
        for job in jobs:
            (inlet / job.id).touch()
        measured = measure_wires if asked.wire else measure
        spent, problems = asyncio.run(measured(server, asked.sessions, asked.seconds))
        line = {"sessions": asked.sessions, "browsers": not asked.wire, "jobs": [job.state for job in jobs]}
        line |= {act: quantiles(spent[act]) | costs(spent, act) for act in ("brush", "slide")}
        tell(line | {"server_MB": resident(server), "errors": problems})


if __name__ == "__main__":
    main()
