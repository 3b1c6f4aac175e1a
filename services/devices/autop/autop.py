"""AutoP lines: one setting each, `Config.<Section>….<Key> = <value>`, as an installer types or pastes them (Part 2.6).

The rule it protects: whoever sets a device's lines decides what runs on it, so nothing reaches a device that does not
read the same to us and to the installer who confirms it. A line is judged by its key: some keys ask for a confirmation,
and the few whose value a firmware hands to a shell take no sign of a shell. Every other value is the maker's business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from contracts.acting import hands_over
from contracts.characters import is_unshowable
from contracts.devices.autop import AUTOP_LINE_CHARACTERS_MAX, AUTOP_LINES_MAX
from contracts.message import Actor

MASK = "******"
BYTES_MAX = 64 * 1024

# Sections and keys are plain ASCII words; what looks like one of them in another alphabet is none.
_KEY = re.compile(r"Config(?:\.[A-Za-z0-9_-]+){2,6}", re.ASCII)
_BLANK = " \t"
_COMMENT = ("#", ";")
# Elsewhere these are ordinary: ";" parts the values of a list, "|" stands in dial rules, "&" in addresses.
_SHELL_SIGN = re.compile(r"[`;|&$<>(){}\\\x27\"]")
# The joiners and plain marks (U+200C-U+200F) stay: labels are also Persian and Hebrew.
_SHOWN_FORMATS = frozenset("\u200c\u200d\u200e\u200f")
_NEVER_SHOWN = ("Cf", "Zl", "Zp", "Zs")

_SECRET = re.compile(r".*(pwd|password|passwd|passphrase|pincode|secret)|.*\.aes\.[^.]+")
_USER_IN_URL = re.compile(r"(://).*@")
_DANGER = re.compile(
    r"config\.(autoprovision|firmware|network|certificate[^.]*)\..*"  # where it is provisioned from, or reached at all
    r"|.*(pwd|password|passwd)"  # who controls it
    r"|.*\.[^.]*(telnet|ssh|syslog|apifcgi)[^.]*(\..*)?"  # further ways in, and where its log goes
    r"|config\.account[^.]*\.sip\.[^.]*server[^.]*"  # who answers its calls
)

# Names whose value a firmware puts into a command line: what it sets its clock and its name with, what it looks for
# faults with, and what is a command already.
_SHELL_KEY = re.compile(
    r"config\.(.*\.)?"
    r"((ntp|timeserver|ddns|dyndns|hostname|ping|tracert|traceroute|nslookup|tcpdump|pcap|tftp|command|cmd|shell)[^.]*"
    r"|[^.]*(ntp|ntpserver|timeserver|ddns|hostname|command|cmd|exec|script))(\..*)?"
)


class Verdict(StrEnum):
    """What becomes of a line: `duplicate` repeats one before it, `overridden` is set otherwise by one after it."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    OVERRIDDEN = "overridden"


class Fault(StrEnum):
    """What is wrong with a line."""

    NOT_A_SETTING = "not-a-setting"
    NOT_SHOWABLE = "not-showable"
    FOR_A_SHELL = "for-a-shell"
    TOO_LONG = "too-long"
    TOO_MANY = "too-many-lines"
    TOO_MUCH = "too-much"
    NOTHING = "no-settings"


SENTENCES = {
    Fault.NOT_A_SETTING: "A line reads Config.<Section>.<Key> = <value>, with two to six names after Config.",
    Fault.NOT_SHOWABLE: "This line contains a character that cannot be seen or that breaks the line.",
    Fault.FOR_A_SHELL: "This goes to a shell in the device: it takes none of ; | & ` $ < > ( ) { } \\ and no quotes.",
    Fault.TOO_LONG: f"A line has at most {AUTOP_LINE_CHARACTERS_MAX} characters.",
    Fault.TOO_MANY: f"There are at most {AUTOP_LINES_MAX} settings in a batch.",
    Fault.TOO_MUCH: f"The settings of a batch have at most {BYTES_MAX} bytes.",
    Fault.NOTHING: "There is no setting in this text.",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One line. `number` counts the lines of the text from 1; the key is as typed, and compared without its case."""

    number: int
    key: str
    value: str
    verdict: Verdict = Verdict.KEPT

    @property
    def text(self) -> str:
        """The line as devices are given it."""
        return f"{self.key} = {self.value}".rstrip()

    @property
    def is_dangerous(self) -> bool:
        """Whether it can cut the device off or change who controls it."""
        return _DANGER.fullmatch(self.key.lower()) is not None or self.is_for_a_shell

    @property
    def is_for_a_shell(self) -> bool:
        """Whether a firmware may put the value into a command line."""
        return _SHELL_KEY.fullmatch(self.key.lower()) is not None


@dataclass(frozen=True, slots=True)
class Judged:
    """A text, line by line, and what is wrong with it: nothing of it is used unless that is nothing."""

    settings: tuple[Setting, ...]
    faults: tuple[tuple[int, Fault], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that are kept, in their order."""
        return tuple(each.text for each in self.settings if each.verdict is Verdict.KEPT)

    @property
    def is_dangerous(self) -> bool:
        """Whether a line that is kept asks to be confirmed."""
        return any(each.is_dangerous for each in self.settings if each.verdict is Verdict.KEPT)

    def count(self, verdict: Verdict) -> int:
        """How many lines came to this."""
        return sum(each.verdict is verdict for each in self.settings)


def judge(text: str) -> Judged:
    """Every line of `text` judged. Blank lines and comments are passed over, wherever they stand."""
    settings: list[Setting] = []
    faults: list[tuple[int, Fault]] = []
    taken = size = 0
    for number, typed in enumerate(text.split("\n"), 1):
        line = typed.removesuffix("\r").strip(_BLANK)
        if line and not line.startswith(_COMMENT):
            taken += 1
        if taken > AUTOP_LINES_MAX:
            faults.append((number, Fault.TOO_MANY))
            break
        found = _read(number, line)
        if isinstance(found, Setting):
            settings.append(found)
            size += len(found.text.encode()) + 1
            if size > BYTES_MAX:
                faults.append((number, Fault.TOO_MUCH))
                break
        elif found is not None:
            faults.append((number, found))
    if not settings and not faults:
        faults.append((1, Fault.NOTHING))
    return Judged(_with_verdicts(settings), tuple(faults))


def _read(number: int, line: str) -> Setting | Fault | None:
    if len(line) > AUTOP_LINE_CHARACTERS_MAX:
        return Fault.TOO_LONG
    key, equals, value = line.partition("=")
    key, value = key.rstrip(_BLANK), value.lstrip(_BLANK)
    # Comments too: what breaks a line for somebody else would begin a setting there.
    if any(_is_hidden(character) for character in key + value):
        return Fault.NOT_SHOWABLE
    if not line or line.startswith(_COMMENT):
        return None
    if not equals or not _KEY.fullmatch(key):
        return Fault.NOT_A_SETTING
    setting = Setting(number, key, value)
    return Fault.FOR_A_SHELL if setting.is_for_a_shell and _SHELL_SIGN.search(value) else setting


def _is_hidden(character: str) -> bool:
    if character == " " or character in _SHOWN_FORMATS:
        return False
    return is_unshowable(character) or unicodedata.category(character) in _NEVER_SHOWN


def _with_verdicts(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """The same line twice is kept once; of one key with several values the last wins (R-29)."""
    standing: dict[str, int] = {}
    judged: list[Setting] = []
    for at, each in enumerate(settings):
        before = standing.get(each.key.lower())
        if before is not None and judged[before].value == each.value:
            judged.append(_as(each, Verdict.DUPLICATE))
            continue
        if before is not None:
            judged[before] = _as(judged[before], Verdict.OVERRIDDEN)
        standing[each.key.lower()] = at
        judged.append(each)
    return tuple(judged)


def _as(setting: Setting, verdict: Verdict) -> Setting:
    return Setting(setting.number, setting.key, setting.value, verdict)


def _parted(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.rstrip(_BLANK), value.lstrip(_BLANK)


def _by_key(lines: Iterable[str]) -> dict[str, str]:
    return {key.lower(): value for key, value in map(_parted, lines)}


def merge(profile: Sequence[str], lines: Iterable[str]) -> tuple[str, ...]:
    """The stored profile after these lines: a key it knows keeps its place and is written as it now was typed."""
    merged = {_parted(line)[0].lower(): line for line in profile}
    for line in lines:
        merged[_parted(line)[0].lower()] = line
    return tuple(merged.values())


@dataclass(frozen=True, slots=True)
class Difference:
    """What lines would change of a profile: keys, never values."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    same: int


def difference(profile: Sequence[str], lines: Iterable[str]) -> Difference:
    """What of `profile` would be new, changed and the same after `lines`."""
    present = _by_key(profile)
    added, changed, same = [], [], 0
    for key, value in map(_parted, lines):
        known = present.get(key.lower())
        if known is None:
            added.append(key)
        elif known != value:
            changed.append(key)
        else:
            same += 1
    return Difference(tuple(added), tuple(changed), same)


def masked(line: str) -> str:
    """The line as people may see it: without the value of a password, without the user in an address."""
    key, value = _parted(line)
    if not value:
        return line
    shown = MASK if _SECRET.fullmatch(key.lower()) else _USER_IN_URL.sub(rf"\1{MASK}@", value)
    return f"{key} = {shown}"


def shown_to(actor: Actor, lines: Iterable[str]) -> tuple[str, ...]:
    """Masked lines as that actor may see them: whoever is told no secret sees which settings they are, and no value.

    Lines set the codes of doors, and under which keys a maker keeps those, nobody can list.
    """
    return tuple(lines) if hands_over(actor) else tuple(map(_without_value, lines))


def _without_value(line: str) -> str:
    key, value = _parted(line)
    return f"{key} = {MASK}" if value else line
