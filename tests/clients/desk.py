"""The page of a team in a real browser.

usage: desk.py ADDRESS KEY [FOLDER]

The test behind it does what this script asks for on stdout, a line each, and answers with a line. With a folder the page
is photographed on the way.
"""

import os
import sys
import tempfile
import time

os.environ |= {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

address, key = sys.argv[1:3]
folder = sys.argv[3] if len(sys.argv) > 3 else None


def ask(what):
    print(what, flush=True)
    assert sys.stdin.readline() == "done\n", what


def browser(profile):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--lang=fr", "--window-size=1500,1250",
        # A card that fades in has no visible text yet.
        "--force-prefers-reduced-motion", f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": "fr-FR,fr"})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


def wait(condition, seconds=10.0):
    # What a page held is gone while another one loads.
    fleeting = [NoSuchElementException, StaleElementReferenceException]
    waiting = WebDriverWait(driver, seconds, poll_frequency=0.02, ignored_exceptions=fleeting)
    return waiting.until(lambda _: condition())


def cards(place):
    return driver.find_elements(By.CSS_SELECTOR, f"#{place} .card")


def text(selector, inside=None):
    return (inside or driver).find_element(By.CSS_SELECTOR, selector).text


def photograph(name):
    if folder:
        driver.save_screenshot(os.path.join(folder, name))


def sign_in():
    driver.get(f"{address}/desk/live?route=facturation")
    assert "/desk/sign-in?route=facturation" in driver.current_url, driver.current_url
    assert driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == "fr"
    photograph("sign-in.png")
    for shown in ("not-the-key", key):
        driver.find_element(By.ID, "key").send_keys(shown)
        driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        if shown != key:
            wait(lambda: "n'ouvre pas" in text("[role=alert]"))
    wait(lambda: driver.current_url.endswith("/desk/live?route=facturation"))
    [cookie] = driver.get_cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict"), cookie
    assert driver.execute_script("return document.cookie") == ""
    wait(lambda: text("#connection") == "En direct")


def a_call_comes():
    assert "Personne n'attend" in text(".empty")
    began = time.monotonic()
    ask("hand over")
    card = wait(lambda: cards("waiting"))[0]
    took = time.monotonic() - began
    assert took < 1.0, f"{took:.3f} s until the call was shown"
    assert text(".name", card) == "Camille Exemple", text(".name", card)
    assert text(".intent .label", card) == "Contester une facture"
    assert "93" in text(".percent", card)
    assert "beaucoup trop élevée" in text("blockquote", card)
    assert "F-2026-03-7788" in text(".document", card) and "40127788" in text(".customer", card)
    steps = [item.text for item in card.find_elements(By.CSS_SELECTOR, ".markdown ol > li")]
    assert len(steps) == 3 and text(".markdown strong", card) == "Comparer", steps
    lines = card.find_elements(By.CSS_SELECTOR, ".lines li")
    assert len(lines) == 2 and "Allo, service client" in lines[0].text, [line.text for line in lines]
    assert "Nouvel appel : Camille Exemple" in driver.find_element(By.ID, "news").get_attribute("textContent")
    before = text(".timer time", card)
    wait(lambda: text(".timer time", card) != before, 3.0)
    return card


def words_grow(card):
    ask("partial")
    wait(lambda: "et je voudrais" in text(".lines", card))
    assert card.find_elements(By.CSS_SELECTOR, ".lines .partial")
    ask("final")
    wait(lambda: "et je voudrais un avoir." in text(".lines", card))
    assert not card.find_elements(By.CSS_SELECTOR, ".lines .partial")


def hostile_words_are_text():
    ask("hostile")
    wait(lambda: len(cards("waiting")) == 2)
    top = cards("waiting")[0]
    assert text("blockquote", top).startswith("<script>window.taken=1</script><img src=x"), text("blockquote", top)
    assert text(".name", top) == "<b>Zoé</b>"
    assert "<script>" in text(".markdown", top)
    assert not driver.find_elements(By.CSS_SELECTOR, "#calls script, #calls img, #calls b, #calls iframe")
    links = [link.get_attribute("href") for link in top.find_elements(By.TAG_NAME, "a")]
    assert links == ["https://intranet.example.com/avoirs"], links
    assert driver.execute_script("return window.taken ?? null") is None
    photograph("waiting.png")


def another_team_sees_its_own():
    ask("other team")
    ask("final")  # Whatever follows comes after it: it would be there by now.
    wait(lambda: len(driver.find_elements(By.CSS_SELECTOR, ".lines li")) > 3)
    assert len(cards("waiting")) == 2


def a_call_is_taken_and_ends():
    ask("take")
    wait(lambda: len(cards("current")) == 1 and len(cards("waiting")) == 1, 2.0)
    assert text("#count-current") == "1"
    photograph("current.png")
    ask("end")
    wait(lambda: not cards("current"), 2.0)
    assert text("#count-current") == "0"


def it_is_there_again_after_a_reload_in_other_languages():
    driver.get(f"{address}/desk/live?route=facturation&lang=nl")
    wait(lambda: len(cards("waiting")) == 1)
    assert text("#waiting-title").lower() == "in de wacht"
    driver.get(f"{address}/desk/live?lang=en")
    wait(lambda: len(cards("waiting")) == 2)
    assert text("h1").endswith("All teams")


def signing_out_closes_the_door():
    driver.find_element(By.CSS_SELECTOR, ".bar form button").click()
    wait(lambda: "/desk/sign-in" in driver.current_url)
    driver.get(f"{address}/v1/desk/events")
    assert "invalid_api_key" in driver.page_source


def any_page_follows_a_call_with_its_key_as_a_subprotocol():
    script = """
        const [address, key, done] = arguments;
        const follow = ({ calls }) => {
            const path = `/v1/calls/${calls[0].id}/events`;
            const socket = new WebSocket(address.replace("http", "ws") + path, ["token", key]);
            socket.onmessage = (message) => done([socket.protocol, JSON.parse(message.data).type]);
            socket.onerror = () => done(["refused", path]);
        };
        fetch(`${address}/v1/calls`, { headers: { authorization: `Bearer ${key}` } })
            .then((answer) => answer.json()).then(follow).catch((error) => done(["failed", String(error)]));
    """
    assert (told := driver.execute_async_script(script, address, key)) == ["token", "call.started"], told


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    driver = browser(profile)
    try:
        sign_in()
        card = a_call_comes()
        words_grow(card)
        hostile_words_are_text()
        another_team_sees_its_own()
        if folder:
            for scheme in ("dark", "light"):
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
                photograph(f"{scheme}.png")
        a_call_is_taken_and_ends()
        # What the policy of the page forbids, and what failed in its script, is in the browser's log. A wrong key is a 401.
        logged = [entry for entry in driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]
        logged = [entry for entry in logged if "401" not in entry["message"]]
        assert not logged, logged
        it_is_there_again_after_a_reload_in_other_languages()
        signing_out_closes_the_door()
        any_page_follows_a_call_with_its_key_as_a_subprotocol()
    finally:
        driver.quit()
