"""A real headless Chromium on the review page."""

import shutil

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
)
_POINTS = """
const [element, start, end] = arguments;
const unit = (point) => [...element.textContent].slice(0, point).join("").length;
const at = (units) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (units < node.length) return [node, units];
    units -= node.length;
  }
};
return [start, end - 1].map((point, side) => {
  const range = document.createRange();
  const [node, begin] = at(unit(point));
  range.setStart(node, begin);
  range.setEnd(node, begin + (unit(point + 1) - unit(point)));
  const box = range.getBoundingClientRect();
  return [side ? box.right - 0.5 : box.left + 0.5, box.top + box.height / 2];
});
"""
"""Where to press and release the mouse to select these code points of an element's text."""


def chromium(profile):
    """Start a browser with a fresh profile; fails in one line where there is none."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.fail("no Chromium here: apt-get install -y chromium chromium-driver", pytrace=False)
    options = Options()
    options.binary_location = programs[0]
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(programs[1]))


class Page:
    """The page as a person uses it: keys, mouse, and what can be read."""

    def __init__(self, driver, url):
        self.driver = driver
        self.errors()  # those of the test before are told once, and not here
        self.open(url)

    def open(self, url):
        self.driver.get("about:blank")  # else another address behind the # would load nothing
        self.driver.get(url)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        """Text content of an element, empty if there is none; asked in one go, because the page draws anew at any time."""
        return self.driver.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def until(self, condition, what):
        WebDriverWait(self.driver, 20, poll_frequency=0.03).until(lambda _: condition(), what)

    def until_row(self, id):
        script = "return [...document.querySelectorAll('#meta bdi')].some((one) => one.textContent === arguments[0])"
        self.until(lambda: self.driver.execute_script(script, id), f"row {id}")

    def until_mine(self, count):
        self.until(lambda: self.text("#progress").startswith(f"{count} of "), f"{count} decided")

    def until_said(self, words):
        self.until(lambda: words in self.text("#problem"), words)

    def keys(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def control(self, key):
        """A key with Ctrl held down."""
        ActionChains(self.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()

    def rewrite(self, text):
        """Put a text in place of that of the field that has the focus."""
        self.control("a")
        self.keys(text)

    def select_text(self, start, end):
        """Drag the mouse over code points start to end of the text under review."""
        box = self.find("#target .text")
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
        (x1, y1), (x2, y2) = self.driver.execute_script(_POINTS, box, start, end)
        mouse = ActionChains(self.driver, duration=30).w3c_actions
        mouse.pointer_action.move_to_location(int(x1 + 0.5), int(y1))
        mouse.pointer_action.pointer_down()
        mouse.pointer_action.move_to_location(int(x2), int(y2))
        mouse.pointer_action.pointer_up()
        mouse.perform()
        return self.driver.execute_script("return getSelection().toString()")

    def choose(self, item, span=0):
        self.find(f'#target button[data-place="{item} {span}"]').click()

    def set_label(self, name, value):
        Select(self.find(f'#target [aria-label="{name}"]')).select_by_visible_text(value)

    def errors(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


__all__ = ["Keys", "Page", "Select", "chromium"]
