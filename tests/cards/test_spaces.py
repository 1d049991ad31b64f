"""The Spaces: whole as folders, started as the Hub starts them, and used in a real browser."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from cards.publisher import Publisher
from cards.spaces import stage_demo, stage_metric
from tests.cards.rendered import broken, front_and_body

ROOT = Path(__file__).parents[2]
HUB = Publisher(repository="ORG/space", version="1.0.0", changes="# Changelog\n\n## 1.0.0\n\n- the first\n")


@contextlib.contextmanager
def running(folder):
    """The page of a Space: started in its folder, with nothing of the checkout on the path; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    said = folder.with_name(f"{folder.name}.txt")
    with said.open("w") as file:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=folder, env=environment, stdout=file, stderr=file)
    try:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
                break
            time.sleep(0.2)
        assert process.poll() is None, said.read_text()
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


def demo_space(model, folder):
    shutil.copytree(model[0], folder / "models" / "oiellm-tiny-demo")
    stage_demo(folder / "spaces" / "try-it", "../../models/oiellm-tiny-demo", Publisher(repository="try-it"))
    return folder / "spaces" / "try-it"


def test_its_card_is_what_the_hub_wants(tmp_path):
    stage_demo(tmp_path / "demo", "ORG/model", HUB)
    card = (tmp_path / "demo" / "README.md").read_text()
    front = yaml.safe_load(front_and_body(card)[0])
    assert (front["sdk"], front["sdk_version"]) == ("gradio", version("gradio")), "the one that the tests run"
    assert f"gradio=={front['sdk_version']}\n" in (ROOT / "constraints.txt").read_text()
    assert front["models"] == ["ORG/model"] and front["app_file"] == "app.py" and len(front["short_description"]) <= 60
    assert "Not affiliated" in card and "### 1.0.0" in card and card.count("Changelog") == 1
    assert broken(card, tmp_path / "demo") == []


def test_it_asks_for_the_packages_that_the_kit_asks_for():
    kit = (ROOT / "setup.cfg").read_text()
    for line in (ROOT / "cards" / "spaces" / "demo" / "requirements.txt").read_text().split():
        assert f"    {line}\n" in kit, "the same oldest version"


def test_what_it_runs_is_in_its_folder(model, tmp_path):
    folder = demo_space(model, tmp_path)
    named = "('oiellm', 'mmm_dataset', 'mmm_f1', 'cards', 'build')"
    files = f"{{m.__file__ for name, m in sys.modules.items() if name.split('.')[0] in {named}}}"
    code = f"import app, sys; print(*{files}, sep='\\n'); print('MADE', len(app.page().blocks))"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *files, made = done.stdout.splitlines()
    assert made.startswith("MADE") and len(files) > 10
    assert all(Path(file).is_relative_to(folder) for file in files)


def ask(browser, wait, start):
    """Take the sample that begins so, ask the model, and look at what the page shows."""
    from selenium.webdriver.common.by import By

    def value(name):
        return browser.find_element(By.CSS_SELECTOR, f"#{name} textarea, #{name} input").get_attribute("value")

    next(row for row in browser.find_elements(By.CSS_SELECTOR, "table tr") if start in row.text).click()
    wait.until(lambda _: value("text").startswith(start))
    browser.find_element(By.ID, "ask").click()
    # Highlights stand apart from the rest of the text.
    wait.until(lambda _: start in "".join(browser.find_element(By.ID, "entities").text.split()))
    assert value("label") and value("raw").startswith(f"{value('label')}/")


@pytest.mark.slow
def test_a_text_in_each_language_in_a_browser(model, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    from tests.build.review.browser import chromium

    folder = demo_space(model, tmp_path)
    with running(folder) as address:
        browser = chromium(tmp_path / "profile")
        try:
            browser.get(address)
            wait = WebDriverWait(browser, 120)
            wait.until(lambda _: browser.find_elements(By.ID, "ask"))
            assert "A demonstration, not OIELLM" in browser.find_element(By.TAG_NAME, "body").text

            for text in ("Kazan", "小津安二郎", "侯孝贤"):
                ask(browser, wait, text)
            assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        finally:
            browser.quit()


def test_the_metric_loads_from_its_space_and_its_card_names_it(tmp_path):
    import evaluate

    folder = tmp_path / "mmm_f1"
    stage_metric(folder, Publisher(repository="ORG/mmm_f1", version="1.0.0", changes=HUB.changes))
    card = (folder / "README.md").read_text()
    assert 'evaluate.load("ORG/mmm_f1")' in card and "metrics/mmm_f1" not in card and "### 1.0.0" in card
    assert broken(card, folder) == []
    gold = ["Literature/NER/:Person;Kazan:Person;Spiegel", "Science/NER/"]
    found = evaluate.load(str(folder)).compute(
        predictions=["Literature/NER/:Person;Kazan", "Science/NER/"], references=gold
    )
    assert (found["tl"], round(found["wl"], 3), found["all"]) == (1.0, 0.667, 0.5)


@pytest.mark.slow
def test_the_page_of_the_metric_scores(tmp_path):
    from gradio_client import Client

    folder = tmp_path / "mmm_f1"
    stage_metric(folder, Publisher())
    assert 'evaluate.load("mmm_f1")  # from the folder that holds mmm_f1/' in (folder / "README.md").read_text()
    with running(folder) as address:
        client = Client(address, verbose=False, analytics_enabled=False)
        figures, everything = client.predict(
            "文芸/NER/:作品;春\nA/NER/", "文芸/NER/:作品;春\nB/NER/", "default", "set", api_name="/score"
        )
        assert everything["tl"] == 0.5 and everything["wl"] == 1.0
        assert [row[:2] for row in figures["data"]] == [["TL", "50.00"], ["WL", "100.00"], ["ALL", "50.00"]]
        with pytest.raises(Exception, match="2 predictions, but 1 references"):
            client.predict("A/NER/\nB/NER/", "A/NER/", "default", "set", api_name="/score")
