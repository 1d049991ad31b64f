"""Two browsers for all tests of the page: starting one costs more than most tests."""

import pytest

from tests.build.review.browser import chromium


@pytest.fixture(scope="session")
def browsers(tmp_path_factory):
    made = [chromium(tmp_path_factory.mktemp("profile")) for _ in range(2)]
    yield made
    for driver in made:
        driver.quit()


@pytest.fixture
def browser(browsers):
    return browsers[0]
