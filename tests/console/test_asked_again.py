"""One table says what shows a kind of thing: no page keeps a list of its own, and what can change stands in it."""

import re
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "web" / "src"
TABLE = SOURCE / "api" / "changes.ts"
# Reference data, a judgement of typed text, the lines of a list that was read once, the doors to choose from.
ASKED_WHEN_SHOWN = {"about", "reference", "autop-preview", "mac-refused", "doors"}


def sources() -> dict[str, str]:
    files = [file for file in SOURCE.rglob("*.ts*") if "generated" not in file.parts]
    return {str(file.relative_to(SOURCE)): file.read_text() for file in files}


def test_no_page_says_by_hand_what_is_asked_again() -> None:
    by_hand = [name for name, text in sources().items() if re.search(r"\b(invalidate|refetch)Queries\(", text)]
    assert by_hand == ["api/changes.ts"]


def test_each_list_and_page_is_asked_again_when_its_thing_changes() -> None:
    table = TABLE.read_text().split("const shownBy = {", 1)[1].split("}", 1)[0]
    told = set(re.findall(r'"([\w-]+)"', re.sub(r"^.*?: \[", "[", table, flags=re.MULTILINE)))
    shown = {root for text in sources().values() for root in re.findall(r'queryKey(?:=\{|: )\["([\w-]+)"', text)}
    assert shown - told == ASKED_WHEN_SHOWN
