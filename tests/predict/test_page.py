"""What a lifter reads, and that a browser shows it."""

import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from deepsquat.predict import index, page
from deepsquat.predict.advice import CUES, first_change
from deepsquat.predict.limbs import LEFT_OUT
from deepsquat.predict.plots import pieces
from deepsquat.predict.result import Reference, Result
from deepsquat.predict.terms import term
from films import film

VOID = {"meta", "link", "img", "rect", "path", "polyline", "br"}
MAY_BE_OPEN = {"html", "body", "td", "th", "tr", "li"}


class Balanced(HTMLParser):
    """Fails where an element is closed that was not opened last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in VOID | MAY_BE_OPEN:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in VOID | MAY_BE_OPEN:
            assert self.open.pop() == tag


def written(known: Result, folder: Path, film: str = "annotated.mp4") -> str:
    picture = np.full((480, 270, 3), 90, np.uint8)
    shown = dict.fromkeys(range(len(known.verdicts)), picture)
    page.write(folder / "page.html", known, shown, picture if known.reference else None, film)
    return (folder / "page.html").read_text(encoding="utf-8")


def test_the_page_says_all_of_it_and_needs_nothing(known: Result, tmp_path: Path) -> None:
    text = written(known, tmp_path)
    Balanced().feed(text)
    assert len(known.verdicts) == 3 == text.count("<article")
    assert "<script" not in text and "http" not in text and "<b>best" not in text
    assert 'src="annotated.mp4#t=0.1"' in text and re.search(r"annotated\.mp4#t=\d", text)
    for said in (
        *("To change first", "Side by side", "Over the set", "How to film"),
        *("Nothing left this machine", "no medical advice", "How high the hips are", "Angle of the knees"),
        *("s down", "s pause", "s up", "cm (estimate)", "without the left thigh"),
    ):
        assert said in text, said
    assert text.count('<ul class="checks">') == 3 and text.count("✓ ") >= 3
    for name in known.verdicts[0].measures:
        assert term(name).words.removeprefix("left ").removeprefix("right ") in unescape(text), name
    assert "<video" not in written(known, tmp_path, film="")


def test_the_best_and_the_worst_stand_beside_the_reference(known: Result, tmp_path: Path) -> None:
    def side_by_side(result: Result) -> list[str]:
        text = written(result, tmp_path)
        Balanced().feed(text)
        part = text.partition("<h2>Side by side</h2>")[2].partition("<h2>")[0]
        assert part.count("<img") == part.count("<h3>")
        return re.findall(r"<h3>(.*?)</h3>", part)

    best, _, worst = sorted(known.verdicts, key=lambda one: -one.p_good)
    at = {id(one): number for number, one in enumerate(known.verdicts, 1)}
    both = [f"Best: Squat {at[id(best)]}", f"Worst: Squat {at[id(worst)]}"]
    assert side_by_side(known) == both
    good = Reference(Path("<good>.mp4"), known.poses, best.bottom, {**best.measures, "depth": -0.111})
    beside = replace(known, reference=good)
    assert side_by_side(beside) == ["Reference", *both]
    assert "<td>-11% of the leg&#x27;s length<td>" in written(beside, tmp_path)
    assert "beside the reference: less deep by" in written(
        replace(beside, reference=replace(good, measures={"depth": worst.measures["depth"] - 0.1})), tmp_path
    )
    one = replace(beside, verdicts=known.verdicts[:1], without_limbs=known.without_limbs[:1])
    assert side_by_side(one) == ["Reference", "Squat 1"]
    assert side_by_side(replace(one, reference=None)) == []


def test_a_measure_that_is_new_appears_by_itself(known: Result, tmp_path: Path) -> None:
    first = replace(known.verdicts[0], measures={**known.verdicts[0].measures, "hip_travel_degrees": 12.4})
    text = written(replace(known, verdicts=(first, *known.verdicts[1:])), tmp_path)
    assert "<td>hip travel<td>12°" in text


def test_a_video_without_squats_or_poses_has_a_page(known: Result, tmp_path: Path) -> None:
    none = replace(known, verdicts=(), without_limbs=())
    text = written(none, tmp_path)
    Balanced().feed(text)
    assert "0 squats" in text and "No whole squat was found" in text and "Side by side" not in text
    text = written(replace(none, none_found="it has 1.0 pictures a second"), tmp_path)
    assert "No whole squat was found: it has 1.0 pictures a second." in text


def test_the_first_thing_to_change_is_what_most_squats_have(known: Result) -> None:
    one = replace(
        known.verdicts[0], verdict="bad", faults=("leaning",), reasons=("the trunk leans far forward",)
    )
    other = replace(one, faults=("too_shallow", "leaning"), reasons=("the hips stay too high",))
    change, why = first_change([other, one, one])
    assert change == CUES["leaning"] and why.startswith("In 2 of 3 squats the trunk leans far forward.")
    assert first_change([replace(one, verdict="good")])[0] == "Nothing."
    unnamed = replace(one, faults=(), measures={"depth": 0.05, "lean": 40.0})
    assert first_change([unnamed], "", {"depth": -0.05, "lean": 38.0}) == (
        "Squat as in the reference.",
        "The first that is not good is unlike it: less deep by 10% of the leg's length.",
    )
    assert first_change([unnamed, one])[0] == CUES["leaning"]
    assert first_change([unnamed])[0] == "No single thing."
    unseen = replace(one, verdict="cannot_tell", p_good=None, reasons=("the body is too small",))
    assert first_change([unseen])[0] == "The way of filming."
    assert "the body is too small" in first_change([unseen])[1]
    unsure = replace(unseen, p_good=0.4, reasons=("no single fault is sure",))
    assert first_change([unseen, unsure]) == (
        "No single thing.",
        "No squat could be told good or bad: no single fault is sure.",
    )


def test_each_part_left_out_changes_the_probability_or_not(known: Result) -> None:
    for one in known.without_limbs:
        assert one.keys() <= LEFT_OUT.keys() and {"left thigh", "trunk", "hips"} <= one.keys()
        assert any(abs(change) > 0.01 for change in one.values())


def test_of_a_squat_that_is_cut_off_only_what_is_known_is_shaded(known: Result, tmp_path: Path) -> None:
    seconds = float(known.poses.time[-1])
    off = replace(known.verdicts[1], start=None, bottom=None, partial=True, verdict="cannot_tell")
    text = written(replace(known, verdicts=(off,), without_limbs=({},)), tmp_path)
    assert off.end is not None
    assert f'<rect x="{off.end / seconds * 1000:.1f}" width="0.0"' in text


def test_a_curve_is_cut_where_it_is_not_known() -> None:
    values = np.array([1.0, 2, np.nan, 3, 4, 5])
    found = pieces(np.array([0.0, 0.1, 0.2, 0.3, 5.0, 5.1]), values)
    assert [list(piece) for _, piece in found] == [[1, 2, 3], [4, 5]]


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_shows_it_without_an_error(width: int, known: Result, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no chromium; Debian's package of that name will do")
    written(known, tmp_path)
    film(tmp_path / "annotated.mp4", 30)
    index.write(tmp_path / "index.html", tmp_path, [index.Row("b"), index.Row("a", error="is no video")])
    # In frames, since a window has a least width; a script of the test's own says what came of the pages.
    (tmp_path / "frame.html").write_text(
        f'<iframe id="page" src="page.html" width="{width}" height="3000"></iframe>'
        f'<iframe id="index" src="index.html" width="{width}" height="500"></iframe>'
        "<script>onload = () => { const seen = [...document.querySelectorAll('iframe')].map(frame => {"
        "const inner = frame.contentDocument, video = inner.querySelector('video');"
        "return [inner.documentElement.scrollWidth, video ? video.duration : 0, video && video.error]; });"
        "document.body.textContent = JSON.stringify(seen); };</script>"
    )
    done = subprocess.run(
        [
            chromium,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"),
            *("--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"),
            *("--virtual-time-budget=10000", "--window-size=1400,3000", (tmp_path / "frame.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    found = re.search(r"\[\[(\d+),([\d.]+),(\w+)\],\[(\d+),", done.stdout)
    assert found, done.stdout[-500:]
    assert int(found[1]) <= width and int(found[4]) <= width  # nothing is wider than the page
    assert float(found[2]) == pytest.approx(1, abs=0.1) and found[3] == "null"
