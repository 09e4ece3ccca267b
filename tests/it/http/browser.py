#!/usr/bin/env python3
"""Drives a real Chromium through the console: `browser.py mouse|keyboard|ways|cancel|begin|remedy|rollouts|agents|areas URL`.

With HOLDPOINT_SCREENSHOTS=FOLDER, `areas`, `begin`, `remedy` and `rollouts` leave a picture of every area there: light and dark,
wide and narrow.
"""

import json
import os
import pathlib
import shutil
import sys
import urllib.request

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, expect, sync_playwright

WAY, URL = sys.argv[1], sys.argv[2]
TOKEN, VIEWER = os.environ["TOKEN"], os.environ["VIEWER"]
SHOTS = os.environ.get("HOLDPOINT_SCREENSHOTS")
TICKET = os.environ.get("TICKET", "1234")
ID = f"{TICKET}@1"
LONG = 60_000

AREAS = {
    "now": "/",
    "releases": "/releases?archived=yes",
    "release": f"/releases/{ID}",
    "log": f"/releases/{ID}/log",
    "resume": f"/releases/{ID}/do/resume",
    "rollback": f"/releases/{ID}/do/rollback",
    "revert": f"/releases/{ID}/do/revert",
    "cancel": f"/releases/{ID}/do/cancel",
    "incidents": "/incidents",
    "incident": None,
    "playbooks": f"/playbooks?ticket={TICKET}",
    "playbook": "/playbooks/release-unhealthy",
    "audit": "/audit",
    "audit-log": f"/audit/{TICKET}",
    "missing": "/releases/404@1",
}


def begin():
    """Begins the release as a script would."""
    head = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{URL}/api/releases/{TICKET}/run", b"{}", head)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert json.load(opener.open(asked))["deploymentId"] == ID


class Hand:
    """Acts with the mouse."""

    def __init__(self, page):
        self.page = page

    def go(self, selector):
        self.page.click(selector)

    def write(self, selector, text):
        self.page.click(selector)
        self.page.keyboard.type(text)

    def tick(self, selector):
        self.page.check(selector)


class Keys(Hand):
    """Acts with the keyboard alone."""

    def reach(self, selector):
        self.page.wait_for_load_state()
        for _ in range(300):
            if self.page.evaluate("s => !!document.activeElement && document.activeElement.matches(s)", selector):
                style = "s => getComputedStyle(document.activeElement).outlineStyle"
                assert self.page.evaluate(style, selector) != "none", f"{selector} has focus and does not show it"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no Tab leads to {selector} on {self.page.url}")

    def go(self, selector):
        self.reach(selector)
        at = self.page.evaluate("performance.timeOrigin")
        self.page.keyboard.press("Enter")
        # Another page comes, by the same address or another one.
        for _ in range(600):
            try:
                if self.page.evaluate("performance.timeOrigin") != at:
                    break
            except Error:
                pass
            self.page.wait_for_timeout(100)

    def write(self, selector, text):
        self.reach(selector)
        self.page.keyboard.type(text)

    def tick(self, selector):
        self.reach(selector)
        self.page.keyboard.press("Space")


def sign_in(page, hand, token=TOKEN, to="/"):
    page.goto(URL + to)
    hand.write("#token", token)
    hand.go("main button[type=submit]")
    page.wait_for_selector("form.who")


def confirmed(page, hand, verb):
    """From a release to its plan, and back to the release that it began."""
    hand.go(f"#w-{verb}")
    page.wait_for_selector("#confirm")
    assert page.locator("ol.steps li").count() > 0, "the plan is shown"
    hand.write("#confirm", TICKET)
    hand.go("#go-button")
    expect(page.locator("main")).to_contain_text("nothing was done")
    page.go_back()
    page.wait_for_selector("#confirm")
    page.fill("#confirm", "")
    hand.write("#reason", f"{verb} in the test")
    hand.write("#confirm", ID)
    hand.go("#go-button")
    expect(page.locator("h1")).to_have_text(ID)


def journey(page, hand):
    page.goto(URL)
    hand.write("#token", "holdpoint_wrong")
    hand.go("main button[type=submit]")
    expect(page.locator("[role=alert]")).to_contain_text("this token is not good")
    hand.write("#token", TOKEN)
    hand.go("main button[type=submit]")
    page.wait_for_url(URL + "/")
    begin()
    hand.go(".top nav a[href='/releases']")
    hand.go(f"main a[href='/releases/{ID}']")
    badge = page.locator("#part-head .title .badge, #part-head > .badge").first
    expect(badge).to_contain_text("running")
    # Nobody touches anything: the page itself tells.
    expect(badge).to_contain_text("failed", timeout=LONG)
    expect(page.locator("#live")).to_contain_text("failed")
    expect(page.locator("#part-failure")).to_contain_text("no index")
    assert page.locator("svg.timeline .bar.failed").count() == 1
    hand.go("#b-diagnose")
    expect(page.locator("h1")).to_contain_text("Diagnosis")
    expect(page.locator("main")).to_contain_text("Recommended")
    expect(page.locator("main")).to_contain_text("no index")
    pathlib.Path(os.environ["MENDED"]).touch()
    hand.go(f"main a.button[href='/releases/{ID}']")
    page.wait_for_url(f"{URL}/releases/{ID}")
    confirmed(page, hand, "resume")
    expect(badge).to_contain_text("succeeded", timeout=LONG)
    confirmed(page, hand, "revert")
    expect(badge).to_contain_text("reverted", timeout=LONG)
    hand.go("form.who button")
    page.wait_for_selector("#token")
    page.goto(f"{URL}/releases/{ID}")
    page.wait_for_selector("#token")


def ways(page, hand):
    """Each way on and back is confirmed once: 1202 failed after 1201 and was mended."""

    def at(text, attempt="1202@1"):
        expect(page.locator("h1")).to_have_text(attempt, timeout=LONG)
        expect(page.locator("#part-head .badge").first).to_contain_text(text, timeout=LONG)

    def settled(attempt):
        """Nobody is at work any more: what the page then shows is what can be confirmed."""
        for _ in range(600):
            page.goto(f"{URL}/releases/{attempt}")
            if "is at work on it" not in page.locator("#part-head").inner_text():
                return
            page.wait_for_timeout(100)
        raise AssertionError(f"somebody is still at work on {attempt}")

    def take(attempt, verb, chosen=(), reason=""):
        settled(attempt)
        hand.go(f"#w-{verb}")
        page.wait_for_selector("main")
        for selector in chosen:
            hand.tick(selector)
        if chosen:
            hand.go("#show-plan")
        page.wait_for_selector("#confirm")
        if verb in ("retry", "redeploy", "rollback"):
            assert page.locator("ol.steps li").count() > 0, f"the plan of {verb} is shown"
        hand.write("#reason", reason or f"{verb} in the test")
        hand.write("#confirm", attempt)
        hand.go("#go-button")

    sign_in(page, hand)
    page.goto(f"{URL}/releases/1202@1")
    at("failed")
    take("1202@1", "retry", ["#o-accept_untrusted"])
    at("succeeded", "1202@2")
    take("1202@2", "redeploy", ["#o-accept_untrusted"])
    at("succeeded", "1202@3")
    take("1202@3", "rollback", ["#c-1", "#o-accept_untrusted"])
    at("succeeded", "1202@4")
    expect(page.locator("#part-kept")).to_contain_text("rollback")
    take("1202@1", "archive")
    expect(page.locator("h1")).to_have_text("1202@1", timeout=LONG)
    page.goto(URL + "/releases")
    assert page.locator("a[href='/releases/1202@1']").count() == 0, "it is out of the list"
    page.goto(URL + "/releases?archived=yes")
    expect(page.locator("tr", has=page.locator("a[href='/releases/1202@1']"))).to_contain_text("archived")


def cancel(page, hand):
    """A release that waits in its script is asked to stop in order; somebody lets the script go meanwhile."""
    sign_in(page, hand)
    page.goto(f"{URL}/releases/{ID}")
    badge = page.locator("#part-head .badge").first
    expect(badge).to_contain_text("running")
    hand.go("#w-cancel")
    page.wait_for_selector("#confirm")
    expect(page.locator("main")).to_contain_text("asked to stop in order")
    hand.write("#reason", "the wrong one")
    hand.write("#confirm", ID)
    hand.go("#go-button")
    expect(badge).to_contain_text("canceled", timeout=LONG)


def look(browser, name, path):
    """Looks at a page in every way that it may be seen; what is wrong with it."""
    bad = []
    for scheme in ("light", "dark"):
        for width in (1440, 390):
            other = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            shown = other.new_page()
            sign_in(shown, Hand(shown), TOKEN, path)
            bad += looked(shown, name, scheme, width)
            other.close()
    return bad


def unscripted(browser, path, *selectors):
    """A page has these without a script, too."""
    plain = browser.new_context(java_script_enabled=False)
    page = plain.new_page()
    sign_in(page, Hand(page), TOKEN, path)
    for selector in selectors:
        page.wait_for_selector(selector)
    plain.close()


def refused(page, hand, wrong, right, reason):
    """Types what is not the name: nothing is done; then types it."""
    hand.write("#confirm", wrong)
    hand.go("#go-button")
    expect(page.locator("main")).to_contain_text("nothing was done")
    page.go_back()
    page.wait_for_selector("#confirm")
    page.fill("#confirm", "")
    hand.write("#reason", reason)
    hand.write("#confirm", right)
    hand.go("#go-button")


def begins(page, hand):
    """A release that nobody began yet is begun: its plan, its ticket, and the plan that somebody else made old."""
    browser = page.context.browser
    asked = f"/begin?ticket={TICKET}"
    sign_in(page, hand)
    hand.go(".top nav a[href='/releases']")
    hand.go("#b-begin")
    hand.write("#ticket", TICKET)
    hand.go("#show-plan")
    page.wait_for_selector("#confirm")
    expect(page.locator("ol.steps").first).to_contain_text("wikijs")
    unscripted(browser, asked, "ol.steps li", "#confirm")
    bad = look(browser, "begin", asked)
    stale = page.context.new_page()
    stale.goto(URL + asked)
    refused(page, hand, "12345", TICKET, "begun in the test")
    expect(page.locator("h1")).to_have_text(ID)
    badge = page.locator("#part-head .badge").first
    expect(badge).to_contain_text("succeeded", timeout=LONG)
    stale.fill("#confirm", TICKET)
    stale.click("#go-button")
    expect(stale.locator("main .notice, main .card").first).to_be_visible()
    stale.close()
    page.goto(f"{URL}/releases?archived=yes")
    assert page.locator("tbody tr").count() == 1, "nothing was begun a second time"
    page.goto(URL + asked)
    expect(page.locator("main")).to_contain_text("was begun here before")
    assert page.locator("#confirm").count() == 0, "there is nothing to confirm"
    assert not bad, "\n".join(bad)


def remedy(page, hand):
    """A playbook is led to from the failure that it fits, shows what it would run, and runs that."""
    browser, book = page.context.browser, "release-theme-missing"
    asked = f"/playbooks/{book}/run?ticket={TICKET}"
    sign_in(page, hand)
    page.goto(f"{URL}/releases/{ID}")
    hand.go(f"#part-failure a[href^='/playbooks/{book}']")
    hand.go("#b-run")
    page.wait_for_selector("#confirm")
    expect(page.locator("#is-it")).to_contain_text("confirmed")
    commands = page.locator("#commands li")
    assert [one.strip() for one in commands.all_inner_texts()] == ["touch themes", "sh -c 'exit 9'", "touch later"]
    unscripted(browser, asked, "#commands li", "#confirm")
    bad = look(browser, "remedy", asked)
    refused(page, hand, TICKET, book, "tried in the test")
    expect(page.locator("main")).to_contain_text("exited 9", timeout=LONG)
    expect(page.locator("main")).to_contain_text("the cause is still open")
    assert not bad, "\n".join(bad)


def rollouts(page, hand):
    """A rollout waits for a person, does harm, and is taken back; every page of it is looked at on the way."""
    browser, badge = page.context.browser, page.locator("#part-head .badge").first
    bad = []

    def act(verb, typed=None, reason=None):
        hand.go(f"#w-{verb}")
        page.wait_for_selector("#go-button")
        if reason:
            hand.write("#reason", reason)
        if typed:
            hand.write("#confirm", typed)
        hand.go("#go-button")

    sign_in(page, hand)
    hand.go(".top nav a[href='/rollouts']")
    hand.go("#part-plans a")
    plan = page.locator("h1").inner_text()
    expect(badge).to_contain_text("draft")
    expect(page.locator("#part-head")).to_contain_text("web 2 <b>everywhere</b>")
    act("start")
    # Nobody touches anything: the page itself tells.
    expect(page.locator("#part-why")).to_contain_text("stage canary waits for a person's approval", timeout=LONG)
    expect(page.locator(".stage.current .cell")).to_contain_text("active")
    expect(page.locator(".stage.current .gates")).to_contain_text("hosts-verified")
    stale = page.context.new_page()
    stale.goto(f"{URL}/rollouts/{plan}/do/approve")
    act("approve", reason="canary looked at")
    expect(badge).to_contain_text("paused", timeout=LONG)
    expect(page.locator("#live")).to_contain_text("paused")
    expect(page.locator("#part-why")).to_contain_text("1 failed, 0 may: web3")
    expect(page.locator("#part-why .tree .it")).to_contain_text("rollback")
    expect(page.locator(".cell.bad")).to_contain_text("web3 failed")
    expect(page.locator("#part-hosts")).to_contain_text("web3")
    stale.fill("#reason", "too late")
    stale.click("#go-button")
    expect(stale.locator("main")).to_contain_text("nothing was done")
    stale.close()
    bad += look(browser, "rollouts", "/rollouts")
    bad += look(browser, "rollout", f"/rollouts/{plan}")
    bad += look(browser, "rollout-back", f"/rollouts/{plan}/do/rollback")
    other = browser.new_context()
    shown = other.new_page()
    sign_in(shown, Hand(shown), VIEWER, f"/rollouts/{plan}")
    assert shown.locator("main form, main a[href*='/do/']").count() == 0, "a viewer sees no action"
    shown.goto(f"{URL}/rollouts")
    assert shown.locator("main form").count() == 0, "a viewer sees no action"
    other.close()
    act("rollback", "web1", "one too many")
    expect(page.locator("main")).to_contain_text("nothing was done")
    page.goto(f"{URL}/rollouts/{plan}")
    act("rollback", plan, "one too many")
    expect(badge).to_contain_text("rolled back", timeout=LONG)
    expect(page.locator("#part-audit")).to_contain_text("one too many")
    page.goto(f"{URL}/rollouts")
    page.select_option("#out-host", "web4")
    page.fill("#out-until", "2d")
    page.fill("#out-reason", "new disk")
    page.click("#b-out")
    expect(page.locator("#part-hosts tr", has_text="web4")).to_contain_text("new disk")
    page.fill("form:has(.b-back) [name=reason]", "it is back")
    page.click(".b-back")
    expect(page.locator("#part-hosts tr", has_text="web4")).not_to_contain_text("new disk")
    page.fill("#line-reason", "the registry is down")
    page.click("#b-line")
    expect(page.locator("#part-stuck")).to_contain_text("The line is stopped")
    page.fill("#line-reason", "it is back")
    page.click("#b-line")
    expect(page.locator("#part-stuck")).to_be_hidden()
    assert not bad, "\n".join(bad)


def agents(page, hand):
    """A host whose agent is away is waited for; the page says so, and goes on by itself once it comes."""
    host = lambda name: page.locator("#part-hosts tr", has_text=name)
    sign_in(page, hand)
    hand.go(".top nav a[href='/rollouts']")
    expect(host("web1")).to_contain_text("agent at ")
    expect(host("web2")).to_contain_text("agent, not connected")
    hand.go("#part-plans a")
    hand.go("#w-start")
    hand.go("#go-button")
    expect(page.locator("#part-why")).to_contain_text("web2", timeout=LONG)
    expect(page.locator(".cell", has_text="web1")).to_contain_text("active")
    expect(page.locator(".cell", has_text="web2")).to_contain_text("unreachable")
    pathlib.Path(os.environ["MENDED"]).touch()
    # Nobody touches anything: the page itself tells.
    expect(page.locator("#part-head .badge").first).to_contain_text("completed", timeout=LONG)
    expect(page.locator(".cell", has_text="web2")).to_contain_text("active")
    hand.go(".top nav a[href='/rollouts']")
    expect(host("web2")).to_contain_text("agent at ")


WAYS = {"mouse": journey, "keyboard": journey, "ways": ways, "cancel": cancel, "begin": begins, "remedy": remedy,
        "rollouts": rollouts, "agents": agents}
BY_KEYBOARD = ("keyboard", "begin", "remedy", "rollouts")


def areas(browser):
    bad = []
    for scheme in ("light", "dark"):
        for width in (1440, 390):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page = context.new_page()
            page.goto(URL)
            bad += looked(page, "sign-in", scheme, width)
            sign_in(page, Hand(page))
            for name, path in AREAS.items():
                if path is None:
                    page.goto(URL + "/incidents")
                    page.click("tbody a")
                    page.wait_for_selector("#conditions")
                else:
                    page.goto(URL + path)
                bad += looked(page, name, scheme, width)
            page.goto(f"{URL}/releases/{ID}")
            page.click("#b-diagnose")
            page.wait_for_selector("#cause")
            bad += looked(page, "diagnosis", scheme, width)
            context.close()
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, Hand(page), VIEWER, f"/releases/{ID}")
    assert page.locator("main form, main a[href*='/do/']").count() == 0, "a viewer sees no action"
    page.goto(URL + "/releases")
    assert page.locator("#b-begin").count() == 0, "a viewer sees no action"
    page.goto(URL + AREAS["playbook"])
    assert page.locator("#b-run").count() == 0, "a viewer sees no action"
    unscripted(browser, f"/releases/{ID}/do/revert", "#show-plan")
    assert not bad, "\n".join(bad)


def looked(page, name, scheme, width):
    where = f"{name}, {scheme}, {width} px"
    bad = []
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        bad.append(f"{where}: {wide} px are needed")
    # axe is injected past the pages' own policy, which lets no script in but ours.
    found = Axe().run(page).response["violations"]
    for one in found:
        if one["impact"] in ("serious", "critical", "moderate"):
            targets = "; ".join(node["html"][:160] for node in one["nodes"][:3])
            bad.append(f"{where}: {one['impact']} {one['id']}: {targets}")
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}-{scheme}-{width}.png", full_page=width > 400)
    return bad


def main():
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        complaints = []
        if WAY == "areas":
            areas(browser)
        else:
            page = browser.new_context().new_page()
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.set_default_timeout(LONG)
            try:
                WAYS[WAY](page, (Keys if WAY in BY_KEYBOARD else Hand)(page))
            except Exception:
                print(f"--- at the end: {page.url}\n{page.content()}")
                raise
        browser.close()
    # A form that is refused is told of by its status, too.
    complaints = [one for one in complaints if "the server responded with a status of 4" not in one]
    assert not complaints, complaints
    print("all of it was seen")


main()
