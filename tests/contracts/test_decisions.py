"""Each decision has a number of its own, and whoever names one names one that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
LINK = re.compile(r"\]\(([^)#]*decisions/\d{4}[^)#]*)")


def test_decisions_are_numbered_without_a_gap_and_say_their_number() -> None:
    assert [int(each.name[:4]) for each in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for each in DECISIONS:
        assert each.read_text().startswith(f"# {int(each.name[:4])}. "), each.name


def test_every_link_to_a_decision_leads_to_one() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("services/*/README.md")):
        for target in LINK.findall(page.read_text()):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"
