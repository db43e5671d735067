# SPDX-License-Identifier: Apache-2.0
"""The live page in a real browser: headless Chromium, driven through its WebDriver."""
import os
import shutil
import unittest

import redis
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from server import Server, wait_for
from test_append_log import free_port

# Where screenshots are kept, if anybody wants to see them.
PICTURES = os.environ.get("MEMD_PICTURES")
PLOTS = 12


@unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
class LivePageTests(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.server = Server(
            "--metrics-port", str(self.port), "--slowlog-log-slower-than", "0",
            "--slowlog-max-len", "5")
        self.client = redis.Redis(port=self.server.port)
        options = Options()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu",
                         "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.browser = webdriver.Chrome(
            service=Service(shutil.which("chromedriver")), options=options)
        self.browser.set_page_load_timeout(60)

    def tearDown(self):
        self.browser.quit()
        self.client.close()
        self.server.stop()

    def open(self, width, height, scheme="light"):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.browser.get(f"http://127.0.0.1:{self.port}/")
        wait_for(lambda: self.text("#state") == "live", 30)

    def text(self, selector):
        return self.browser.execute_script(
            "return document.querySelector(arguments[0]).textContent", selector)

    def load(self):
        """A second's work or so."""
        pipeline = self.client.pipeline(transaction=False)
        for index in range(2000):
            pipeline.set(f"key:{index}", "value", px=50 + index)
            pipeline.get(f"key:{index + 1}")
        pipeline.execute()

    def plotted(self):
        """How many points of each plot are neither background nor grid."""
        return self.browser.execute_script("""
            return [...document.querySelectorAll("canvas")].map(canvas => {
              const pixels = canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height).data;
              let count = 0;
              for (let at = 0; at < pixels.length; at += 4) {
                const spread = Math.max(pixels[at], pixels[at + 1], pixels[at + 2])
                  - Math.min(pixels[at], pixels[at + 1], pixels[at + 2]);
                if (pixels[at + 3] > 128 && spread > 60) count += 1;
              }
              return count;
            })""")

    def keep(self, name):
        if PICTURES:
            self.browser.save_screenshot(os.path.join(PICTURES, name + ".png"))

    def test_plots_move_with_the_load_and_the_console_is_silent(self):
        self.open(1280, 1000)
        self.assertEqual(len(self.plotted()), PLOTS)

        def moves():
            self.load()
            return sum(count > 3 for count in self.plotted()) >= PLOTS - 1

        wait_for(moves, 60)
        self.assertNotIn("\u2013", self.text(".plot output b"))
        self.assertIn("set", self.text("#commands"))
        self.assertIn("key:", self.text("#slow"))
        self.keep("live")
        # Looking at plots as this test does is slow, says the browser.
        messages = [entry for entry in self.browser.get_log("browser")
                    if "willReadFrequently" not in entry["message"]]
        self.assertEqual(messages, [])

    def test_it_is_readable_in_the_dark_and_on_a_phone(self):
        self.open(390, 844, "dark")
        self.load()
        widths = self.browser.execute_script(
            "return [document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(widths[0], widths[1])
        colours = self.browser.execute_script("""
            return [getComputedStyle(document.body).color,
              getComputedStyle(document.body).backgroundColor].map(
                text => text.match(/[0-9]+/g).slice(0, 3).map(Number)
                  .reduce((sum, part) => sum + part) / 3)""")
        self.assertGreater(colours[0] - colours[1], 150)
        self.keep("live-phone")

    def test_what_clients_send_stays_text(self):
        self.client.execute_command("SET", "<img src=x onerror=document.title='bad'>", "1")
        self.open(1280, 1000)
        wait_for(lambda: "<img" in self.text("#slow"), 30)
        self.assertEqual(self.browser.title, "memd")

    def rows(self, table):
        return self.browser.execute_script(
            "return [...document.getElementById(arguments[0]).tBodies[0].rows].map("
            "row => [...row.cells].map(cell => cell.textContent))", table)

    def test_it_shows_where_memory_is_and_what_is_hot(self):
        self.client.config_set("prefix-accounting", "user: *")
        self.client.config_set("census-period", 1)
        self.client.config_set("commandlog-request-larger-than", 5000)
        self.client.config_set("commandlog-reply-larger-than", 5000)
        self.client.execute_command("HOTKEYS", "START", "METRICS", "2", "CPU", "NET")
        hostile = "<img src=x onerror=document.title='bad'>"
        self.client.set("user:1", "x" * 1000)
        self.client.set(f"{hostile}:1", "x" * 50_000)
        self.client.set(b"\xff\x00:", "v")
        self.client.rpush("list", *range(3000))
        self.client.lrange("list", 0, -1)
        self.open(1280, 2600)
        wait_for(lambda: len(self.rows("largest")) == 4, 30)
        self.assertEqual({row[0] for row in self.rows("types")}, {"string", "list"})
        names = [row[0] for row in self.rows("prefixes")]
        self.assertEqual(names, [f"{hostile}:", "user:", "\\xff\\x00:", "all others"])
        self.assertEqual(self.rows("largest")[0][0], f"{hostile}:1")
        self.assertEqual(self.rows("longest")[0][:2], ["list", "list"])
        self.assertEqual(len(self.rows("hot-time")[0]), 3)
        self.assertIn(f"{hostile}:1", [row[0] for row in self.rows("hot-bytes")])
        self.assertIn("SET", self.rows("large-request")[-1][2])
        self.assertIn("lrange", self.rows("large-reply")[0][2].lower())
        self.assertEqual(self.browser.title, "memd")

        def has_rates():
            for _ in range(200):
                self.client.get("user:1")
            row = next(row for row in self.rows("prefixes") if row[0] == "user:")
            return row[4] not in ("0", "0.00") and row[6] == "100%"

        wait_for(has_rates, 30)
        shares = self.browser.execute_script(
            "return [...document.querySelectorAll('#types td.bar')].map("
            "cell => parseFloat(cell.style.getPropertyValue('--share')))")
        self.assertAlmostEqual(sum(shares), 100, delta=1)
        self.keep("live-keys")
        self.open(390, 2600, "dark")
        widths = self.browser.execute_script(
            "return [document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(widths[0], widths[1])
        self.keep("live-keys-phone")
        messages = [entry for entry in self.browser.get_log("browser")
                    if "willReadFrequently" not in entry["message"]]
        self.assertEqual(messages, [])

    def test_it_tells_that_the_server_has_gone_and_is_back(self):
        self.open(1280, 1000)
        self.client.config_set("metrics-port", 0)
        wait_for(lambda: self.text("#state") == "no answer from the server", 30)
        self.client.config_set("metrics-port", self.port)
        wait_for(lambda: self.text("#state") == "live", 30)


if __name__ == "__main__":
    unittest.main()
