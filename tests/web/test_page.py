"""The page in a real browser, against a stand-in for the gateway: what people see and do, and what they never lose."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from kit.browser import command
from kit.web_double import WebDouble
from selenium.webdriver.common.keys import Keys
from web.tab import Tab

pytestmark = pytest.mark.browser


def test_joining_takes_a_name_and_then_the_password(tab: Tab) -> None:
    assert tab.focus == "name"
    tab.type(f"zoe{Keys.ENTER}")
    tab.until(lambda: tab.text("#answer") == "Somebody has that name.")
    assert tab.js("return [name.value, $('name').selectionEnd]".replace("[name", "[$('name')")) == ["zoe2", 4]
    tab.type(f"ana{Keys.ENTER}")
    tab.until(lambda: tab.focus == "password")
    assert tab.text("#answer") == "Username valid!"
    assert tab.js("return $('chosen').value") == "ana"
    tab.type(f"tulip{Keys.ENTER}")
    tab.until(lambda: tab.text("#answer") == "That is not the room's password.")
    assert tab.focus == "password"
    tab.type(f"tulip-harbor{Keys.ENTER}")
    tab.until(lambda: tab.shows("#room"))
    tab.until(lambda: tab.focus == "text")
    assert tab.title == "kitchen"
    assert tab.js("return $('password').value") == "", "a password does not stay in a page"
    assert tab.js("return JSON.stringify([{...localStorage}, {...sessionStorage}])").count("tulip") == 0


def test_another_name_can_be_chosen_before_the_password(tab: Tab, gateway: WebDouble) -> None:
    tab.type(f"ana{Keys.ENTER}")
    tab.until(lambda: tab.focus == "password")
    tab.find("#other").click()
    assert tab.focus == "name"
    tab.join("ani")
    assert [*gateway.members.values()] == ["ani"]


def test_whoever_did_not_hear_the_answer_asks_again_and_is_the_same_member(tab: Tab, gateway: WebDouble) -> None:
    tab.expects_network_errors = True
    page = tab.js("return tab.page")
    assert re.fullmatch(r"[\w-]{16,32}", page, re.ASCII)
    tab.open()
    assert tab.js("return tab.page") == page
    tab.type(f"ana{Keys.ENTER}")
    tab.until(lambda: tab.focus == "password")
    gateway.loses_joins = True
    tab.type(f"tulip-harbor{Keys.ENTER}")
    tab.until(lambda: tab.text("#answer").startswith("no contact since "))
    gateway.loses_joins = False
    tab.type(Keys.ENTER)
    tab.until(lambda: tab.shows("#room") and tab.js("return isCaughtUp"))
    assert [*gateway.members.values()] == ["ana"]
    assert tab.lines == ["ana joined"]
    assert {each["page"] for each in gateway.posts if each["path"] == "join"} == {page}


def test_a_room_that_is_slow_to_answer_is_waited_for_in_words(tab: Tab, gateway: WebDouble) -> None:
    gateway.answers_joins.clear()
    tab.type(f"ana{Keys.ENTER}")
    tab.until(lambda: tab.text("#answer") == "Waiting for the room…")
    tab.type(Keys.ENTER)
    gateway.answers_joins.set()
    tab.until(lambda: tab.focus == "password")
    assert tab.text("#answer") == "Username valid!"
    assert len(gateway.posts) == 1, "it was asked already"


def test_people_talk(tab: Tab, gateway: WebDouble) -> None:
    gateway.say("budi", "soup at one")
    tab.join()
    tab.say("coming")
    tab.wait_for("ana coming")
    gateway.say("budi", "dances", action=True)
    tab.wait_for("budi soup at one", "ana joined", "ana coming", "* budi dances")
    assert tab.pending == []
    assert gateway.posts[-1] | {"page": ""} == {
        "path": "say", "page": "", "n": 1, "text": "coming", "action": False, "to": "",
    }  # fmt: skip


def test_a_line_is_dim_until_it_is_stored_and_then_stands_in_its_place(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.stores = False
    tab.say("first")
    tab.say("second")
    tab.until(lambda: len(gateway.unstored) == 2)
    gateway.say("budi", "meanwhile")
    tab.wait_for("budi meanwhile")
    assert [row[6:] for row in tab.pending] == ["ana first (not stored yet)…", "ana second (not stored yet)…"]
    colours = (
        "return ['#pending .text', '#lines time'].map((each) => getComputedStyle(document.querySelector(each)).color)"
    )
    assert len({*tab.js(colours)}) == 1, "as dim as a time"
    gateway.store()
    tab.wait_for("budi meanwhile", "ana first", "ana second")
    assert tab.pending == []


def test_a_reload_keeps_the_place_the_name_and_what_is_on_the_way(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.stores = False
    tab.say("taken by the gateway")
    tab.until(lambda: len(gateway.unstored) == 1)
    gateway.refuses["say"] = (503, {"error": "full", "sentence": "no", "wait": 0.1})
    tab.say("not taken yet")
    tab.open()
    tab.until(lambda: len(tab.pending) == 2)
    del gateway.refuses["say"]
    tab.until(lambda: len(gateway.unstored) == 2)
    gateway.store()
    tab.wait_for("ana joined", "ana taken by the gateway", "ana not taken yet")
    assert tab.pending == []
    assert len(gateway.taken) == 2, "each once"


def test_an_answer_that_is_lost_makes_no_line_twice(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.loses_answers = True
    tab.expects_network_errors = True
    tab.say("once")
    tab.wait_for("ana once")
    gateway.loses_answers = False
    tab.say("and again")
    tab.wait_for("ana once", "ana and again")
    assert tab.pending == []
    assert len([each for each in gateway.entries if each["type"] == "message"]) == 2


@pytest.mark.parametrize("reloads", [False, True])
def test_a_line_that_the_gateway_has_lost_is_given_back_unless_it_is_in_the_log(
    tab: Tab, gateway: WebDouble, reloads: bool
) -> None:
    tab.expects_network_errors = True
    tab.join()
    gateway.stores = False
    tab.say("lost")
    tab.say("/msg budi stored")
    tab.until(lambda: len(gateway.unstored) == 2)
    gateway.deaf_to = {"events"}
    gateway.cut()
    gateway.unstored.clear()  # as a power failure does
    gateway.taken.clear()
    gateway.append("private", to="budi", text="stored", own=False, mine=True, key="", line=None, **{"from": "ana"})
    if reloads:
        tab.open()
    assert len(tab.pending) == (0 if reloads else 2)
    gateway.deaf_to = set()
    tab.wait_for("ana → budi private stored", "not sent: it was lost on the way\nlost")
    assert tab.pending == []
    assert tab.js("return $('text').value") == "lost", "it is said again by nobody but the person"
    assert len([each for each in gateway.posts if each["path"] == "say"]) == 2
    gateway.stores = True
    tab.say("")
    tab.wait_for("ana lost")
    tab.open()
    tab.until(lambda: tab.js("return isCaughtUp"))
    assert tab.lines == ["ana joined", "ana → budi private stored", "ana lost"]


def test_out_of_contact_and_back_nothing_is_missed_and_nothing_comes_twice(tab: Tab, gateway: WebDouble) -> None:
    tab.expects_network_errors = True
    tab.join()
    gateway.say("budi", "before")
    tab.wait_for("budi before")
    gateway.deaf = True
    gateway.cut()
    tab.until(lambda: tab.text("#contact").startswith("no contact since "))
    since = datetime.strptime(tab.text("#contact").removeprefix("no contact since ")[:5], "%H:%M")
    assert (datetime.now() - since).seconds < 120
    tab.say("kept here")
    assert len(tab.pending) == 1
    for number in range(150):
        gateway.say("budi", f"meanwhile {number}")
    gateway.deaf = False
    tab.until(lambda: tab.text("#contact") == "", 15)
    tab.wait_for("budi meanwhile 149", "ana kept here")
    assert tab.lines[1:] == ["budi before", *(f"budi meanwhile {number}" for number in range(150)), "ana kept here"]


def test_a_room_that_is_silent_is_said_in_the_same_place(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.notice("contact_lost", since="2026-11-28T09:30:00.000Z", reason="silence")
    tab.until(lambda: tab.text("#contact").startswith("no contact since "))
    local = datetime(2026, 11, 28, 9, 30, tzinfo=UTC).astimezone()
    assert f"{local:%H:%M}" in tab.text("#contact")
    gateway.notice("back")
    tab.until(lambda: tab.text("#contact") == "")
    gateway.notice("delayed", sentence="too fast for this room; sending continues in 3 s", wait=3)
    tab.until(lambda: "too fast" in tab.text("#contact"))
    tab.say("at last")
    tab.until(lambda: tab.text("#contact") == "")


def test_a_stream_without_pings_is_given_up_for_another(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    before = gateway.followed
    tab.js("heardAt -= 60_000; watch()")
    tab.until(lambda: gateway.followed == before + 1)
    tab.until(lambda: tab.text("#contact") == "")
    gateway.say("budi", "there you are")
    tab.wait_for("ana joined", "budi there you are")


def test_a_stream_that_is_refused_says_why_and_is_tried_again(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.refuses["events"] = (502, {"error": "no_server", "sentence": "The room does not answer."})
    gateway.cut()
    tab.until(lambda: tab.text("#contact").startswith("no contact since "))
    tab.until(lambda: tab.text("#contact").endswith(" · The room does not answer."))
    gateway.say("budi", "meanwhile")
    time.sleep(1)
    del gateway.refuses["events"]
    tab.until(lambda: tab.text("#contact") == "")
    tab.wait_for("ana joined", "budi meanwhile")


def test_what_comes_while_the_tab_is_hidden_is_headed_and_counted(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.say("budi", "seen")
    tab.wait_for("budi seen")
    tab.hide()
    gateway.say("budi", "unseen")
    gateway.append("left", name="citra", sentence="citra left")
    gateway.say("budi", "also")
    tab.until(lambda: "(2) kitchen" in tab.titles)
    tab.look()
    tab.wait_for("budi seen", "new", "budi unseen", "citra left", "budi also")
    assert tab.title == "kitchen"
    tab.hide()
    gateway.say("budi", "later")
    tab.until(lambda: "(1) kitchen" in tab.titles)
    tab.look()
    tab.wait_for("budi unseen", "citra left", "budi also", "new", "budi later")
    assert tab.count("#unread") == 1


def test_the_title_counts_what_comes_while_the_tab_is_hidden(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    tab.hide()
    gateway.say("budi", "one")
    gateway.append("left", name="citra", sentence="citra left")
    gateway.say("budi", "two")
    tab.until(lambda: "(2) kitchen" in tab.titles)
    tab.look()
    tab.until(lambda: tab.title == "kitchen")


def test_who_comes_back_finds_where_reading_ended_and_nothing_missing(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    for number in range(30):
        gateway.say("budi", f"read {number}")
    tab.wait_for("budi read 29")
    tab.driver.get("about:blank")
    gateway.say("budi", "news")
    tab.open()
    tab.wait_for("budi read 29", "new", "budi news")
    tab.driver.get("about:blank")
    for number in range(250):
        gateway.say("budi", f"more {number}")
    tab.open()
    tab.until(lambda: tab.js("return isCaughtUp"))
    context = [*(f"budi read {number}" for number in range(11, 30)), "budi news"]
    assert tab.lines == [*context, "new", *(f"budi more {number}" for number in range(250))]


def test_days_are_headed(tab: Tab, gateway: WebDouble) -> None:
    gateway.say("budi", "long ago", at="2026-01-02T12:00:00.000Z")
    gateway.say("budi", "the same day", at="2026-01-02T12:01:00.000Z")
    tab.join()
    tab.until(lambda: len(tab.lines) == 5)
    today = datetime.now()
    assert [line.replace(",", "") for line in tab.lines] == [
        "Friday 2 January 2026", "budi long ago", "budi the same day",
        f"{today:%A} {today.day} {today:%B %Y}", "ana joined",
    ]  # fmt: skip


def test_a_long_log_loses_its_oldest_entries_and_days_and_news_keep_their_lines(tab: Tab, gateway: WebDouble) -> None:
    for day, count in ((2, 2), (3, 3)):
        for number in range(count):
            gateway.say("budi", f"{day}-{number}", at=f"2026-01-0{day}T12:00:00.000Z")
    tab.join()
    most = 2_000
    for number in range(most - tab.count("#lines > li") + 4):
        gateway.say("budi", f"today {number}")
    tab.wait_for(f"budi today {number}")
    assert tab.count("#lines > li") == most
    assert [line.replace(",", "") for line in tab.lines[:3]] == ["Saturday 3 January 2026", "budi 3-1", "budi 3-2"]
    tab.hide()
    for number in range(most + 50):
        gateway.say("budi", f"unread {number}")
    tab.until(lambda: f"({number + 1}) kitchen" in tab.titles)
    tab.look()
    tab.wait_for(f"budi unread {number}")
    today = datetime.now()
    assert tab.lines[0].replace(",", "") == f"{today:%A} {today.day} {today:%B %Y}"
    assert tab.lines[1:3] == ["new", f"budi unread {number - most + 3}"]
    assert tab.count("#lines > li") == most


def test_a_mention_is_bold_and_said_in_words(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.say("budi", "ana: soup?", mention=True)
    gateway.say("admin", "the kitchen closes at ten", official=True)
    tab.wait_for("budi ana: soup? (mentions you)", "the admin says admin the kitchen closes at ten")
    weights = tab.js(
        "return [...document.querySelectorAll('#lines .text')].map((each) => getComputedStyle(each).fontWeight)"
    )
    assert weights == ["700", "700"]


def test_private_lines(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.append(
        "private", to="ana", text="psst", own=False, mine=False, key="", line=None, **{"from": "budi"}
    )  # fmt: skip
    tab.say("/msg budi what is it?")
    tab.wait_for("budi → you private psst", "ana → budi private what is it?")
    assert gateway.posts[-1]["to"] == "budi"


def test_who_is_here_is_asked_and_a_private_line_begun_with_the_keyboard_alone(tab: Tab, gateway: WebDouble) -> None:
    gateway.members["x"] = "budi"
    tab.join()
    assert tab.text("#who") == "2 here"
    gateway.send({"type": "here", "here": 3, "sentence": "3 people are here."})
    tab.until(lambda: tab.text("#who") == "3 here")
    tab.find("#who").send_keys(Keys.ENTER)
    tab.until(lambda: tab.shows("#people"))
    assert tab.js("return [...document.querySelectorAll('#people li')].map((each) => each.textContent)") == [
        "budi (web)", "ana (web)",
    ]  # fmt: skip
    tab.type(Keys.ESCAPE)
    tab.until(lambda: not tab.shows("#people"))
    assert tab.focus == "who", "where it was before"
    tab.say("/who")
    tab.until(lambda: tab.shows("#people"))
    tab.find("#people button").send_keys(Keys.ENTER)
    assert tab.js("return [$('text').value, document.activeElement.id]") == ["/msg budi ", "text"]


def test_who_has_left_comes_back_with_the_name_alone(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    tab.say("/leave")
    tab.until(lambda: tab.shows("#leaving"))
    tab.find("#leaving [value=leave]").click()
    tab.until(lambda: tab.shows("#ask-name") and tab.text("#answer") == "You have left.")
    assert gateway.members == {}
    assert tab.js("return [$('name').value, document.activeElement.id]") == ["ana", "name"]
    tab.open()
    tab.until(lambda: tab.focus == "name")
    assert gateway.members == {}, "a reload is no return"
    tab.type(Keys.ENTER)
    tab.until(lambda: tab.shows("#room") and tab.js("return isCaughtUp"))
    assert [*gateway.members.values()] == ["ana"]
    tab.say("here again")
    tab.until(lambda: tab.lines[-1] == "ana here again")


def test_who_joins_is_greeted_below_the_history_once(tab: Tab, gateway: WebDouble) -> None:
    gateway.say("budi", "before")
    tab.join()
    assert tab.text("#lines > li:last-child") == "Berhasil bergabung! /help lists the commands."
    tab.open()
    tab.until(lambda: tab.js("return isCaughtUp"))
    assert tab.count("#lines > .note") == 0


def test_a_draft_survives_a_reload_and_several_lines_are_pasted_as_one(tab: Tab) -> None:
    tab.join()
    pasted = "one\n\ttwo 👍\n\nfour"
    command(tab.driver, "Input.insertText", text=pasted)
    height = tab.find("#text").size["height"]
    tab.open()
    tab.until(lambda: tab.js("return isCaughtUp"))
    assert tab.js("return [$('text').value, document.activeElement.id]") == [pasted, "text"]
    assert tab.find("#text").size["height"] == height
    tab.type(Keys.ARROW_UP)
    assert tab.js("return $('text').value") == pasted, "an arrow moves in the text"
    tab.type(Keys.ENTER)
    tab.until(lambda: tab.lines[-1] == f"ana {pasted}")
    tab.open()
    tab.until(lambda: tab.js("return isCaughtUp"))
    assert tab.js("return $('text').value") == ""
    tab.type(Keys.ARROW_UP)
    assert tab.js("return $('text').value") == "", "and brings no line back that could be sent again by mistake"


STUB: Final = """
    rung = [];
    window.Notification = class {
        static permission = "default";
        static requestPermission() { Notification.permission = arguments[0] ?? "granted"; }
        constructor(title, more) { rung.push([title, more.body]); }
    };
    Object.defineProperty(document, "hidden", { get: () => window.away });
    window.away = false;
    rings();
"""


def test_the_bell_asks_when_clicked_and_tells_of_mentions_and_private_lines(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    assert not tab.shows("#bell"), "over plain HTTP a browser allows no notifications"
    tab.js(STUB)
    assert tab.shows("#bell")
    private: dict[str, Any] = {"to": "ana", "own": False, "key": "", "line": None, "from": "citra"}

    def hear() -> None:
        gateway.say("budi", "ana: soup?", mention=True)
        gateway.append("private", text="psst", **private)
        gateway.say("budi", "nothing for ana")

    tab.js("window.away = true")
    hear()
    tab.until(lambda: tab.title == "(3) kitchen")
    assert tab.js("return rung") == [], "nobody has asked for it"
    tab.js("window.away = false")
    tab.find("#bell").send_keys(Keys.ENTER)
    tab.until(lambda: tab.js("return bell.ariaPressed") == "true")
    hear()
    tab.until(lambda: tab.count("#lines > .message") == 4)
    tab.js("window.away = true")
    hear()
    tab.until(lambda: tab.title == "(6) kitchen")
    assert tab.js("return rung") == [["budi · kitchen", "ana: soup?"], ["citra · kitchen", "psst"]]
    tab.find("#bell").send_keys(Keys.ENTER)
    tab.until(lambda: tab.js("return bell.ariaPressed") == "false")
    hear()
    tab.until(lambda: tab.title == "(9) kitchen")
    assert len(tab.js("return rung")) == 2
    tab.js("Notification.permission = 'denied'; rings()")
    assert not tab.shows("#bell")


def test_leaving_is_asked_about_and_may_forget_this_browser(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    tab.find("#leave").send_keys(Keys.ENTER)
    tab.until(lambda: tab.shows("#leaving"))
    tab.type(Keys.ENTER)
    tab.until(lambda: not tab.shows("#leaving"))
    assert gateway.members, "the first answer is to stay"
    tab.say("/leave")
    tab.until(lambda: tab.shows("#leaving"))
    tab.find("#leaving [value=forget]").click()
    tab.until(lambda: tab.shows("#ask-name") and tab.focus == "name")
    assert gateway.members == gateway.away == {}
    assert tab.js("return [$('name').value, localStorage.length]") == ["", 0]
    tab.join("ani")
    tab.say("again")
    tab.wait_for("ani joined", "ani again")


def test_a_changed_password_is_asked_for_with_the_name_as_it_was(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.send({"type": "asked", "name": "ana", "sentence": "The room has a new password."})
    gateway.cut()
    tab.until(lambda: tab.shows("#ask-password"))
    assert tab.text("#answer") == "The room has a new password."
    assert tab.focus == "password"


def test_whoever_is_removed_is_told_so(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.members.clear()
    gateway.send({"type": "ended", "error": "kicked", "sentence": "You were removed from the room (flooding)."})
    gateway.cut()
    tab.until(lambda: tab.shows("#ask-name"))
    assert tab.text("#answer") == "You were removed from the room (flooding)."


def test_whoever_may_come_back_is_back_when_the_time_is_over(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    removed = {"error": "kicked", "sentence": "You can come back in 1 s.", "wait": 0.1}
    gateway.refuses["me"] = (200, {"joined": False, "name": "ana", "encrypted": True, **removed})
    gateway.send({"type": "ended", **removed})
    gateway.cut()
    tab.until(lambda: tab.shows("#ask-name"))
    assert tab.text("#answer") == "You can come back in 1 s."
    tab.find("#name").clear()
    tab.type("ani")
    del gateway.refuses["me"]
    tab.until(lambda: tab.shows("#room") and tab.js("return isCaughtUp"))
    tab.say("sorry")
    tab.wait_for("ana sorry")


def test_a_struck_line_is_taken_off(tab: Tab, gateway: WebDouble) -> None:
    gateway.say("budi", "too much")
    tab.join()
    gateway.append("struck", name="budi", line=1, line_at="", sentence="a line of budi was removed")
    tab.wait_for("ana joined", "a line of budi was removed")
    assert "too much" not in tab.text("#log")


def test_a_log_that_was_set_back_is_shown_from_its_beginning(tab: Tab, gateway: WebDouble) -> None:
    gateway.say("budi", "once upon a time")
    tab.join()
    gateway.notice("rewound", sentence="the room's log was set back")
    gateway.send({"type": "message", "seq": 1, "at": "2026-11-28T09:30:00Z", "from": "budi", "text": "anew"})
    tab.wait_for("budi anew")
    assert "once upon" not in tab.text("#log")
    assert "the room's log was set back" in tab.lines


def test_a_refused_line_comes_back_to_the_field(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.refuses["say"] = (422, {"error": "text_is_password", "sentence": "that is the room's password"})
    tab.say("/msg budi tulip-harbor")
    tab.wait_for("not sent: that is the room's password\n/msg budi tulip-harbor")
    assert tab.js("return $('text').value") == "/msg budi tulip-harbor"
    assert tab.pending == []
    del gateway.refuses["say"]
    tab.type(f"typed without looking{Keys.ENTER}")
    tab.wait_for("not sent: that is the room's password\n/msg budi tulip-harbor", "ana typed without looking")
    gateway.stores = False
    tab.say("slow")
    tab.until(lambda: gateway.unstored)
    (_, line), gateway.unstored = gateway.unstored[0], []
    assert line["n"] == 2, "the refused one's number was free"
    tab.find("#text").send_keys("the next")
    gateway.send({"type": "refused", **line, "error": "muted", "sentence": "You are muted."})
    tab.wait_for("not sent: You are muted.\nslow")
    assert tab.js("return $('text').value") == "the next", "which nothing is added to"
    assert tab.pending == []


def test_commands(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    tab.say("/me waves")
    tab.say("//me is a command")
    tab.say("/etc/passwd is a file")
    tab.wait_for("* ana waves", "ana /me is a command", "ana /etc/passwd is a file")
    tab.say("/serach soup")
    tab.until(lambda: "there is no command /serach" in tab.lines[-1])
    assert tab.js("return $('text').value") == "/serach soup", "nothing typed is lost"
    tab.find("#text").clear()
    tab.say("/me")
    tab.until(lambda: tab.lines[-1] == "/me needs a text\n/me")
    tab.find("#text").clear()
    tab.say("/help")
    tab.until(lambda: "/msg NAME TEXT" in tab.lines[-1])
    assert len([each for each in gateway.posts if each["path"] == "say"]) == 3


def test_shift_enter_makes_a_line_and_enter_sends_both(tab: Tab) -> None:
    tab.join()
    before = tab.find("#text").size["height"]
    tab.find("#text").send_keys("one", Keys.SHIFT + Keys.ENTER + Keys.SHIFT, "two")
    assert tab.find("#text").size["height"] > before, "the field grows"
    tab.say("")
    tab.wait_for("ana one\ntwo")
    assert tab.find("#text").size["height"] == before


def test_two_tabs_of_a_browser_are_one_member_and_lose_no_line(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    tab.say("from the first")
    tab.wait_for("ana from the first")
    stored = tab.js("return sessionStorage.tab")
    first = tab.driver.current_window_handle
    tab.driver.switch_to.new_window("tab")
    tab.driver.get(f"{gateway.url}app.css")
    tab.js("sessionStorage.tab = arguments[0]", stored)  # as a tab that is duplicated has it
    tab.open()
    tab.until(lambda: tab.js("return isCaughtUp"))
    tab.say("from the second")
    tab.wait_for("ana from the first", "ana from the second")
    tab.driver.switch_to.window(first)
    tab.say("again from the first")
    tab.wait_for("ana from the first", "ana from the second", "ana again from the first")
    assert len({each["page"] for each in gateway.posts if each["path"] == "say"}) == 2


def test_links_lead_only_to_the_web_and_show_where(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.say(
        "budi",
        "(see http://10.0.0.1/a_(b)?c=d#e), https://x.local. javascript://%0aalert(1) ftp://a/ http:// file:///etc",
    )
    tab.until(lambda: tab.count("#log a") == 2)
    found = tab.js(
        "return [...document.querySelectorAll('#log a')].map((a) => [a.getAttribute('href'), a.text, a.rel, a.target])"
    )
    assert found == [
        [url, url, "noreferrer noopener", "_blank"] for url in ("http://10.0.0.1/a_(b)?c=d#e", "https://x.local")
    ]


def test_whoever_reads_above_is_not_pulled_down(tab: Tab, gateway: WebDouble) -> None:
    for number in range(90):
        gateway.say("budi", f"line {number}")
    tab.join()
    at_the_end = "return log.scrollHeight - log.scrollTop - log.clientHeight < 5"
    tab.until(lambda: tab.js(at_the_end))
    tab.js("window.rests = false; log.onscrollend = () => (rests = true)")
    tab.find("#log").send_keys(Keys.PAGE_UP)
    tab.until(lambda: tab.shows("#end") and tab.js("return rests"))
    gateway.say("budi", "news")
    tab.until(lambda: tab.lines[-1] == "budi news")
    assert not tab.js(at_the_end)
    tab.find("#end").click()
    tab.until(lambda: tab.js(at_the_end))
    tab.until(lambda: not tab.shows("#end"))  # the event of the scrolling comes a frame later
    assert tab.focus == "text"
