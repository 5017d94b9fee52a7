"""The local page: asked over loopback as a browser would, and as someone who should not."""

from __future__ import annotations

import html
import http.client
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import captures
import pytest
from chromium import Chromium, program
from places import SAMPLES

from analyzer.api.filters import Filter
from analyzer.serve.app import Server
from analyzer.serve.pages import Served

FAILURES = SAMPLES / "volte_failures.pcap"


class Site:
    """A server of one capture, and what a client sees of it."""

    def __init__(self, path: Path) -> None:
        capture = captures.read(path)
        self._server = Server(Served(lambda chosen: capture.filter(chosen) if chosen else capture, path.name))
        self.address = self._server.address
        parts = urlsplit(self.address)
        self.host, self.base = parts.netloc, parts.path
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    def close(self) -> None:
        self._server.stop()
        self._thread.join(30)

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and text; the path as it is, dots and all."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, answer.read().decode()
        finally:
            connection.close()

    def page(self, path: str) -> str:
        """A page that must be there."""
        status, _, text = self.ask(f"{self.base}{path}")
        assert status == 200, text
        return text


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site(FAILURES)
    yield made
    made.close()


def numbers(page: str) -> list[int]:
    """The calls in the table of a page, in its order."""
    return [int(number) for number in re.findall(r'/call/(\d+)">\1</a>', page)]


# ---- who may ask -----------------------------------------------------------------------------------------------------


def test_it_listens_on_loopback_and_its_address_has_a_token_of_its_own(site: Site) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{22}/", site.address)
    other = Server(Served(lambda _: captures.read(FAILURES), "b"))
    assert urlsplit(other.address).path != site.base


@pytest.mark.parametrize("path", ["/", "/calls", "/wrong/calls", "/{}x/calls", "//calls", "/%00/calls"])
def test_without_the_token_nothing_is_shown(site: Site, path: str) -> None:
    status, _, text = site.ask(path.format(site.base.strip("/")))
    assert (status, "open the whole address" in text) == (403, True)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "192.0.2.1", "127.0.0.1.evil.example:80", ""])
def test_a_page_of_the_web_whose_name_leads_here_is_refused(site: Site, host: str) -> None:
    status, _, text = site.ask(f"{site.base}calls", headers={"Host": host})
    assert (status, "this machine alone" in text or "Invalid" in text) in ((403, True), (400, True))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_only_shows(site: Site, method: str) -> None:
    status, headers, text = site.ask(f"{site.base}calls", method)
    assert (status, headers["allow"], "only shows" in text) == (405, "GET, HEAD", True)


def test_head_is_get_without_the_page(site: Site) -> None:
    status, headers, text = site.ask(f"{site.base}calls", "HEAD")
    assert (status, int(headers["content-length"]) > 1000, text) == (200, True, "")


def test_a_page_may_load_from_this_server_alone_and_tells_nobody_where_it_was(site: Site) -> None:
    _, headers, text = site.ask(f"{site.base}call/2")
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    assert not re.search(r"(?:src|href)=\"(?!/|#|\?|data:,)", text)


@pytest.mark.parametrize(
    "path",
    [
        *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/calls", "style.css/../../x", "calls/1", "account.csv"),
        *("call/0", "call/99", "call/-1", "call/1e3", "call/%D9%A3", "call/99999999999999999999", "call/x/story"),
        *("message/1", "message/x", "message/9999999999999999999999", "registration/77"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(site: Site, path: str) -> None:
    status, _, text = site.ask(f"{site.base}{path}")
    assert (status, text.startswith("sip-analyzer: "), text.count("\n")) == (404, True, 1)


@pytest.mark.parametrize("query", ["page=x", "page=0", "page=-1", "rows=1000000", "rows=", "page=%D9%A3", "page=1e9"])
def test_a_number_that_is_none_is_told(site: Site, query: str) -> None:
    status, _, text = site.ask(f"{site.base}calls?{query}")
    assert (status, "a number from" in text) == (400, True)


def test_an_endless_address_is_refused(site: Site) -> None:
    assert site.ask(f"{site.base}calls?q={'x' * 9000}")[0] == 414


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"403"),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"403"),
        (b"GET / HTTP/1.0\r\n\r\n", b"403"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\n\r\n", b"400"),
        (b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"400"),
        (b"INVITE sip:a@b SIP/2.0\r\n\r\n", b"400"),
    ],
    ids=str,
)
def test_an_odd_request_is_refused_and_the_next_one_answered(site: Site, request_: bytes, status: bytes) -> None:
    host, _, port = site.host.partition(":")
    with socket.create_connection((host, int(port)), 60) as connection:
        connection.sendall(request_)
        assert connection.recv(100).split(b" ")[1] == status
    assert site.ask(f"{site.base}calls")[0] == 200


# ---- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("", Filter()),
        ("q=status%3D5xx", Filter(status="5xx")),
        ("q=from%3D15552000588", Filter(from_="15552000588")),
        ("q=pdd_s%3E1", Filter(where="pdd_s > 1")),
        ("outcome=server_failure", Filter(outcome="server_failure")),
        ("has=pdd_s", Filter(where="pdd_s is not null")),
    ],
)
def test_a_table_has_the_rows_that_are_asked_for(site: Site, query: str, chosen: Filter) -> None:
    wanted = captures.read(FAILURES).filter(chosen).table("calls")["no"].to_list()
    assert numbers(site.page(f"calls?{query}")) == wanted


def test_rows_are_sorted_and_come_in_pages(site: Site) -> None:
    assert numbers(site.page("calls?sort=-no")) == [3, 2, 1]
    # What is missing comes last either way.
    assert numbers(site.page("calls?sort=-pdd_s"))[0] == numbers(site.page("calls?sort=pdd_s"))[0] == 1
    assert [numbers(site.page(f"calls?rows=2&page={page}")) for page in (1, 2, 3)] == [[1, 2], [3], [3]]


def test_a_search_that_cannot_be_understood_is_told_on_the_page(site: Site) -> None:
    assert "neither a filter" in site.page("calls?q=nonsense%3E3")


@pytest.mark.slow  # asks for every page there is
def test_every_link_leads_somewhere(site: Site) -> None:
    found = [f"{site.base}calls"]
    for path in found:
        status, _, text = site.ask(path)
        assert status == 200, (path, text)
        links = {html.unescape(link).partition("#")[0] for link in re.findall(r'(?:href|data-load)="([^"]+)"', text)}
        whole = [link if link.startswith("/") else path.partition("?")[0] + link for link in links if link[:1] in "/?"]
        # A way to sort or filter by each column of each table is one like the others; so is each message.
        kinds = {re.sub(r"(?<=message/).*|\?.*", "", known) for known in found}
        found += [link for link in sorted(whole) if re.sub(r"(?<=message/).*|\?.*", "", link) not in kinds][:60]
    assert {f"{site.base}call/3", f"{site.base}call/3/story", f"{site.base}overview", f"{site.base}nodes"} <= set(found)


def test_a_call_has_its_verdict_its_ladder_and_its_messages(site: Site) -> None:
    page = site.page("call/2")
    call = captures.read(FAILURES).call(2)
    events = call.ladder().timeline.events
    assert "P-CSCF 10.1.0.1:5060 refused the call after 0.118 s: 503 Service Unavailable" in page
    assert page.count('class="row"') == len(events) == len(re.findall(r'<tr id="m\d+"', page))
    message = site.page(f"message/{events[0].message}")
    assert "INVITE tel:+15552000602 SIP/2.0" in message
    assert "RFC 3261 §20.42" in message


def test_the_overview_is_that_of_the_report(site: Site) -> None:
    page = site.page("overview")
    assert "3 calls" in page
    assert f'href="{site.base}calls?outcome=server_failure' in page


def test_text_of_the_wire_is_never_markup(tmp_path: Path) -> None:
    hostile = Site(SAMPLES / "hostile.pcap")
    try:
        pages = [
            hostile.page(path) for path in ("calls", "overview", "messages?rows=1000&columns=all", "call/1", "nodes")
        ]
    finally:
        hostile.close()
    for page in pages:
        assert set(re.findall(r"<script[^>]*>", page)) == {f'<script src="{hostile.base}page.js" defer>'}
        assert not re.search(r"<[^>]*\son\w+=|javascript:|<(?:img|iframe|object|embed)\b", page)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


# ---- in a browser ----------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.slow  # starts a browser
def test_a_message_comes_beside_its_ladder_and_the_verdict_into_the_page(site: Site) -> None:
    with Chromium(program()) as browser:
        page = browser.open(f"{site.address}calls")
        page.wait("[data-loaded=done] .verdict")
        assert any("503 Service Unavailable" in text for text in page.texts(".verdict li"))
        page.close()
        page = browser.open(f"{site.address}call/2")
        click = "new MouseEvent('click', {bubbles: true, cancelable: true})"
        page.js(f"document.querySelector('.picture a.row').dispatchEvent({click})")
        page.wait(".text:not([hidden]) pre")
        assert page.texts(".text pre")[0].startswith("INVITE tel:+15552000602 SIP/2.0")
        assert page.js("location.hash") == ""
        page.js("document.querySelector('details[data-load]').open = true")
        page.wait("details[data-loaded=done] pre")
        asked = {event["request"]["url"] for event in page.happened("Network.requestWillBeSent")}
        assert all(url.startswith((site.address, "data:,")) for url in asked)
        assert not page.happened("Log.entryAdded", "Runtime.exceptionThrown")
        page.close()
        page = browser.open(f"{site.address}call/2", size=(390, 800))
        assert page.js("document.documentElement.scrollWidth") <= 390
        page.close()


# ---- plots -----------------------------------------------------------------------------------------------------------


def figures_in(page: str) -> list[str]:
    """What each figure of a page says to those who cannot see it."""
    return re.findall(r'<figure role="img" aria-label="([^"]*)"><svg ', page)


def test_the_plots_of_the_report_are_drawn_when_they_are_asked_for(site: Site) -> None:
    assert f'data-load="{site.base}figures?' in site.page("plots")
    told = figures_in(site.page("figures"))
    assert [title.partition(".")[0] for title in told] == [
        "Call attempts",
        "Calls at the same time",
        "Final responses by class",
    ]
    assert "3 calls" in told[0]


def test_plots_of_what_a_filter_picks(site: Site) -> None:
    # One of the three calls was refused by an AS, whose address is 10.1.0.6; the P-CSCF refused another.
    assert "2 calls" in figures_in(site.page("figures?q=status%3D503"))[0]


def test_plots_are_not_of_texts_and_say_so(site: Site) -> None:
    assert "status=4xx" in site.page("plots?q=%3Cb%3E")
    status, _, text = site.ask(f"{site.base}figures?q=alice")
    assert (status, "status=4xx" in text) == (400, True)
    assert "<b>" not in site.page("plots?q=%3Cb%3E")


def test_a_capture_without_sip_has_no_plots() -> None:
    empty = Site(SAMPLES / "ipsec_encrypted.pcap")
    try:
        assert figures_in(empty.page("figures")) == []
    finally:
        empty.close()
