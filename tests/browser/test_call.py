"""People in one room see, hear and read each other."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer
from tests.support.person import SLOW_SIGNALLING

pytestmark = pytest.mark.browser

WIDE = "(pixels) => document.querySelector('#screens article').clientWidth >= pixels"


def test_two_people_see_each_others_picture_move(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    told = ada.tells("Quality")
    ada.join("duo")
    clara.join("duo")
    ada.sees_moving("Clara")
    clara.sees_moving("Ada")
    expect(ada.page.locator("#count")).to_have_text("2 people")
    sign = ada.tile("Clara").locator(".quality")
    expect(sign).to_have_attribute("title", re.compile(r"^(Good|Fair|Bad) connection: .* there"))
    # All of one look: the page looks again every ten seconds.
    title, label, rating = sign.evaluate("(it) => [it.title, it.ariaLabel, it.dataset.rating]")
    assert label == title
    assert title.lower().startswith(rating)
    quality = ada.told_whole(told)
    assert set(quality) == {"loss", "roundTrip", "jitter", "bitsIn", "bitsOut", "connections"}
    assert quality["connections"] == 1
    assert 0 <= quality["loss"] <= 1
    assert 0 <= quality["roundTrip"] < 10
    ada.picture("call-of-two")


def test_three_people_see_all_others_move(newcomer: Newcomer) -> None:
    people = [newcomer(name) for name in ("Ada", "Clara", "Fanny")]
    for person in people:
        person.join("trio")
    for person in people:
        for other in people:
            if other is not person:
                person.sees_moving(other.name)
        person.has_connections(2)
    people[0].picture("call-of-three")


def test_people_without_pictures_are_connected_and_turn_the_camera_on_later(
    newcomer: Newcomer,
) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    for person in (ada, clara):
        person.open("shy")
        person.enter_name()
        person.press("Stop camera")
        person.press("Join")
    expect(clara.tile("Ada")).to_contain_class("no-picture")
    ada.press("Start camera")
    clara.sees_moving("Ada")
    clara.press("Start camera")
    ada.sees_moving("Clara")


def test_chat_arrives_once_and_is_never_markup(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("<b>Clara</b>")
    ada.join("chat")
    clara.join("chat")
    ada.says("Shall we begin?")
    expect(clara.page.locator("#unread")).to_contain_text("1")
    clara.page.locator("#open-chat").click()
    clara.sees_in_chat("Shall we begin?")
    clara.says('<img src=x onerror="alert(1)"> & so on')
    message = ada.sees_in_chat('<img src=x onerror="alert(1)"> & so on')
    assert message.locator("img").count() == 0
    expect(ada.page.get_by_role("log").locator("li:not(.pending)")).to_have_count(2)
    expect(ada.page.get_by_role("log").get_by_text("<b>Clara</b>")).to_be_visible()
    ada.picture("chat")


def test_a_long_message_arrives_whole(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("long")
    clara.join("long")
    text = "word " * 15_000 + "end"
    ada.opens_chat()
    ada.pastes(text)
    ada.page.keyboard.press("Enter")
    clara.opens_chat()
    clara.sees_in_chat(text)


def test_a_muted_microphone_and_a_stopped_camera_are_shown_to_the_others(
    newcomer: Newcomer,
) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("quiet")
    clara.join("quiet")
    ada.sees_moving("Clara")
    clara.press("Mute")
    expect(ada.tile("Clara").get_by_role("img", name="Microphone off")).to_be_visible()
    clara.press("Stop camera")
    expect(ada.tile("Clara")).to_contain_class("no-picture")
    clara.press("Unmute")
    clara.press("Start camera")
    expect(ada.tile("Clara").get_by_role("img", name="Microphone off")).to_be_hidden()
    ada.sees_moving("Clara")


def test_another_camera_can_be_chosen_during_the_call(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("cameras")
    clara.join("cameras")
    clara.sees_moving("Ada")
    ada.press("Devices")
    cameras = ada.page.get_by_role("dialog").get_by_role("combobox", name="Camera")
    first = cameras.input_value()
    cameras.press("ArrowDown")
    ada.page.wait_for_function(
        """(first) => made.connections.at(-1).getSenders().some(({ track }) =>
             track?.kind === 'video' && track.getSettings().deviceId !== first)""",
        arg=first,
    )
    ada.press("Done")
    clara.sees_moving("Ada")


def test_screens_shared_by_both_appear_beside_the_cameras_and_go(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("screens")
    clara.join("screens")
    ada.sees_moving("Clara")
    ada.press("Share screen")
    clara.press("Share screen")  # at once: the two offers cross
    clara.sees_moving("Screen of Ada")
    ada.sees_moving("Screen of Clara")
    ada.picture("screen-sharing")
    ada.press("Stop sharing")
    expect(clara.tile("Screen of Ada")).to_have_count(0)
    clara.sees_moving("Ada")
    ada.press("Share screen")
    clara.sees_moving("Screen of Ada")


@pytest.mark.slow
@pytest.mark.parametrize(("of_ada", "of_clara"), [(700, 700), (1_000, 300)])
def test_offers_and_answers_that_cross_on_a_slow_line_are_told_apart(
    newcomer: Newcomer, of_ada: int, of_clara: int
) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    room = f"slow lines of {of_ada} and {of_clara}"
    ada.join(room)
    clara.join(room)
    ada.sees_moving("Clara")
    for person, milliseconds in ((ada, of_ada), (clara, of_clara)):
        person.page.evaluate(SLOW_SIGNALLING, milliseconds)
    for pause in (0, 150, 300, 450):  # long before the answers are there
        ada.press("Share screen")
        clara.press("Share screen")
        ada.page.wait_for_timeout(pause)
        ada.press("Stop sharing")
        clara.press("Stop sharing")
    ada.press("Share screen")
    clara.press("Share screen")
    clara.sees_moving("Screen of Ada")
    ada.sees_moving("Screen of Clara")
    clara.sees_moving("Ada")
    ada.sees_moving("Clara")
    for person in (ada, clara):
        assert person.connections_used() == 1


def test_a_latecomer_sees_the_shared_screen(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("late")
    ada.press("Share screen")
    clara.join("late")
    clara.sees_moving("Screen of Ada")
    clara.sees_moving("Ada")
    for width, height in ((640, 360), (320, 256)):  # a phone that lies: people stand beside it
        clara.page.set_viewport_size({"width": width, "height": height})
        clara.page.wait_for_function(WIDE, arg=width / 2)


def test_hanging_up_says_goodbye_and_lets_one_join_again(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("coming and going")
    clara.join("coming and going")
    ada.sees_moving("Clara")
    clara.press("Leave")
    expect(clara.page.get_by_role("heading", name="You have left")).to_be_visible()
    expect(clara.page.get_by_text("“coming and going” goes on without you.")).to_be_visible()
    expect(ada.tile("Clara")).to_have_count(0)
    expect(ada.page.locator("#announcements")).to_have_text("Clara has left")
    clara.picture("goodbye")
    clara.press("Join again")
    clara.press("Join")
    ada.sees_moving("Clara")
    ada.press("Leave")
    expect(clara.tile("Ada")).to_have_count(0)
    clara.press("Leave")
    expect(clara.page.get_by_text("“coming and going” is over: nobody is left.")).to_be_visible()


def test_a_closed_tab_leaves_at_once(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("closing")
    clara.join("closing")
    ada.sees_moving("Clara")
    clara.page.close(run_before_unload=False)
    expect(ada.tile("Clara")).to_have_count(0, timeout=10_000)  # who is missed stays for 12 s
