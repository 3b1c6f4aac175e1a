"""What people paste: what comes along unseen, what is one value in many notations, and what is nothing at all."""

import unicodedata
from typing import Annotated, Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.accounts.access import OpenSession
from contracts.devices.autop import SubmitAutop
from contracts.devices.cameras import RtspAddress
from contracts.devices.configuration import NoteConfigurationRefused
from contracts.devices.doors import RecordDoorEvent
from contracts.devices.imports import ImportedRow, OpenMacImport
from contracts.devices.intercoms import Ip
from contracts.devices.relays import Dtmf
from contracts.devices.words import Mac
from contracts.refusals import REFUSALS
from contracts.text import Email, FilledLine, Line, Name, Phone, folded
from kernel.talking.wire import invalid

UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202d\u202e\u2060\u2066\u2069\ufeff\u00ad\ufe0f\U000e0100\u3164\u061c"


def read(kind: Any, text: str) -> str:
    return TypeAdapter(kind).validate_python(text)


def code(kind: Any, text: str) -> str:
    """Why it is refused."""
    with pytest.raises(ValidationError) as refusal:
        read(kind, text)
    (fault,) = invalid(refusal.value).errors
    assert fault.code not in REFUSALS or fault.detail == REFUSALS[fault.code].sentence
    return fault.code


def of(message: Any, field: str, value: str) -> str:
    """What a field of a message makes of it."""
    annotated = message.model_fields[field]
    kinds = [each for each in get_args(annotated.annotation) if each is not type(None)]
    kind = kinds[0] if kinds else annotated.annotation
    for mark in annotated.metadata:
        kind = Annotated[kind, mark]
    return read(kind, value)


# --- What shows nothing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unseen", UNSEEN, ids=lambda each: f"U+{ord(each):04X}")
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Email, "a@demo.example"),
        (Phone, "+4930123456"),
        (Mac, "0C110512BC97"),
        (Ip, "192.168.1.20"),
        (Dtmf, "12#"),
        (RtspAddress, "rtsp://192.168.1.20:554/stream"),
    ],
    ids=["email", "phone", "mac", "ip", "dtmf", "rtsp"],
)
def test_what_machines_read_holds_nothing_unseen(kind: Any, value: str, unseen: str) -> None:
    for pasted in (f"{value}{unseen}", f"{unseen}{value}", f" {value[:3]}{unseen}{value[3:]}\n"):
        assert read(kind, pasted) == value


@pytest.mark.parametrize("kind", [Name, FilledLine])
@pytest.mark.parametrize(
    "nothing",
    [
        "",
        " ",
        "\u200b",
        "\u3164",
        "\u2800",
        "\ufe0f",
        "\u00a0\u2060",
        "\u200f\u200e",
        "\u115f\u1160",
        "\U000e0041",
        "\ufffc",
    ],
    ids=ascii,
)
def test_a_name_of_which_nothing_shows_is_empty(kind: Any, nothing: str) -> None:
    assert code(kind, nothing) == "text-empty"
    assert read(Line, nothing) == ""


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("\u202aHouse 7\u202c", "House 7"),
        ("\ufeffHouse\u200b 7", "House 7"),
        ("Mül\u00adler\u2060", "Müller"),
        ("Anna\u200d \u200cMaria\u200b", "Anna Maria"),
        ("\u2066evil\u2069\u202egnp.exe", "evilgnp.exe"),
        ("a\ufe0f\u200b", "a\ufe0f"),
        ("\u200f\u05e9\u05dc\u05d5\u05dd\u200f", "שלום"),
        ("\u3164Kim\u3164", "Kim"),
        ("Villa\u2028West", "Villa West"),
        ("Villa\n", "Villa"),
    ],
    ids=ascii,
)
def test_what_came_along_with_a_name_goes(pasted: str, kept: str) -> None:
    assert read(Name, pasted) == kept


@pytest.mark.parametrize(
    "name",
    [
        "علی\u200cرضا",
        "خانوادهٔ رضایی",
        "PDF\u200cها",
        "क्\u200dष",
        "👩\u200d👩\u200d👧",
        "❤\ufe0f\u200d🔥",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "葛\U000e0100",
        "שלום\u200f abc",
        "#\ufe0f\u20e3 9",
    ],
    ids=ascii,
)
def test_what_a_script_needs_stays(name: str) -> None:
    assert read(Name, name) == name


@pytest.mark.parametrize(
    "new", ["🩷", "\U0001fae8", "\u0cf3", "\ue000", "\U00031350", "\U0002ebf0", "\U00016d40"], ids=ascii
)
def test_what_this_python_does_not_know_yet_is_text(new: str) -> None:
    for kind in (Name, FilledLine, Line):
        assert read(kind, f"Haus {new}") == f"Haus {new}"
    assert read(Name, new) == new


@pytest.mark.parametrize("none", ["\x00", "\x1b[31m", "\x7f", "\x85", "\ufdd0", "\ufffe", "\U0001ffff"], ids=ascii)
def test_what_is_no_text_is_refused(none: str) -> None:
    assert code(Name, f"a{none}b") == "text-unshowable"
    assert code(Email, f"a{none}b@demo.example") == "text-unshowable"


def test_a_name_is_measured_as_it_is_kept() -> None:
    assert read(Name, "x" * 128 + "\ufeff\u200b ") == "x" * 128
    assert code(Name, "x" * 129) == "too-long"
    assert read(Mac, "\u200b" * 40 + "0C110512BC97") == "0C110512BC97"


@pytest.mark.parametrize("new", [chr(0x1FA77), "\x00", "\x1b[2J", "\u202e", "\ud800", "\ufdd0", "\n"], ids=ascii)
def test_a_label_never_decides_over_the_work(new: str) -> None:
    for message, field in (
        (OpenMacImport, "file_name"),
        (RecordDoorEvent, "detail"),
        (RecordDoorEvent, "who"),
        (RecordDoorEvent, "method"),
        (NoteConfigurationRefused, "reason"),
        (OpenSession, "agent"),
    ):
        kept = of(message, field, f"liste {new}.csv")
        assert kept.startswith("liste")
        assert kept.endswith(".csv")
        assert not any(unicodedata.category(each) in ("Cc", "Cs", "Cf") for each in kept)
    assert of(OpenMacImport, "file_name", "liste 🩷.csv") == "liste 🩷.csv"
    assert len(of(OpenMacImport, "file_name", "x" * 5_000)) == 256
    assert of(RecordDoorEvent, "detail", "\x00\x1b") == ""


def test_lines_of_settings_lose_what_came_along_with_them() -> None:
    pasted = "\ufeffConfig.A.B\u00a0= 1\u200b\r\nConfig.C.D = 2"
    assert of(SubmitAutop, "text", pasted) == "Config.A.B = 1\r\nConfig.C.D = 2"
    assert of(SubmitAutop, "text", "Config.A.B = خانه\u200cی ما") == "Config.A.B = خانه\u200cی ما"


def test_identifiers_are_compared_by_what_shows() -> None:
    assert folded("A@Demo.example\u200b") == folded("a@demo.example") == folded("ａ@demo.example")


# --- One reader per notation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "0C110512BC97",
        "0c:11:05:12:bc:97",
        "0C-11-05-12-BC-97",
        "0C11.0512.BC97",
        "0C 11 05 12 BC 97",
        "0C1105 12BC97",
        "0C1105-12BC97",
        "0C–11–05–12–BC–97",
        "0C—11‑05‒12−BC﹣97",
        "MAC: 0C:11:05:12:BC:97",
        "mac 0C110512BC97",
        "MAC-Address=0C110512BC97",
        "ＭＡＣ：０Ｃ１１０５１２ＢＣ９７",
        "0C:۱۱:۰۵:۱۲:BC:۹۷",
        "0C:١١:٠٥:١٢:BC:٩٧",
        "0C:11:05:12:BC:97\u200b\u202c",
        "“0C:11:05:12:BC:97”",
        "0C·11·05·12·BC·97",
        "0C / 11 / 05 / 12 / BC / 97",
        "0C|11|05|12|BC|97",
        " 0C\u00a011\u202f05\u200712\tBC\n97 ",
    ],
    ids=ascii,
)
def test_a_mac_is_twelve_digits_whatever_stands_between_them(written: str) -> None:
    assert read(Mac, written) == "0C110512BC97"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("0C110512BC9", "mac-malformed"),
        ("0C110512BC970", "mac-malformed"),
        ("0C110512BC97 R29", "mac-malformed"),
        ("OC110512BC97", "mac-malformed"),
        ("mac", "mac-malformed"),
        ("", "mac-malformed"),
        ("FF:FF:FF:FF:FF:FF", "mac-of-no-device"),
        ("01-00-5E-00-00-01", "mac-of-no-device"),
        ("000000000000", "mac-of-no-device"),
    ],
)
def test_what_is_no_mac_is_refused_with_its_reason(written: str, why: str) -> None:
    assert code(Mac, written) == why


@pytest.mark.parametrize("address", ["192.168.1.20", "１９２．１６８．１．２０", "۱۹۲.۱۶۸.۱.۲۰", " 192.168.1.20\u200e"])
def test_an_ip_address_has_digits_of_any_script(address: str) -> None:
    assert read(Ip, address) == "192.168.1.20"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        *((each, "ip-of-no-device") for each in ("0.0.0.0", "255.255.255.255", "224.0.0.1", "239.1.2.3", "127.0.0.1")),
        *((each, "ip-malformed") for each in ("192.168.1", "192.168.1.256", "192.168.001.020", "host", "", "::1")),
    ],
)
def test_an_ip_address_is_that_of_one_device(address: str, why: str) -> None:
    assert code(Ip, address) == why


@pytest.mark.parametrize(("typed", "read_as"), [("۱۲", "12"), ("٣#", "3#"), ("＊１", "*1")])
def test_a_dtmf_code_has_digits_of_any_script(typed: str, read_as: str) -> None:
    assert read(Dtmf, typed) == read_as


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ａ＠demo．example", "a@demo.example"),
        ("a@demo。example", "a@demo.example"),
        (" A@demo.example ", "A@demo.example"),
    ],
)
def test_an_e_mail_address_may_be_of_full_width(written: str, kept: str) -> None:
    assert read(Email, written) == kept


def test_what_is_no_e_mail_address_says_so() -> None:
    for wrong in ("a", "a@b", "a b@demo.example", "a@demo..example", ""):
        assert code(Email, wrong) == "email-malformed"


def test_a_row_of_a_list_is_kept_as_it_stands() -> None:
    assert ImportedRow(line=2, text="0C 11\u200b").text == "0C 11\u200b"


# --- RTSP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://admin:12345@192.0.2.9/s",
        "rtsp://admin:12345?@192.0.2.9/s",
        "rtsp://admin:1/2@192.0.2.9/s",
        "rtsp://admin#x@192.0.2.9:554/s",
        "rtsp://admin:p@ss@192.0.2.9/s",
        "rtsp://admin:p@ss/w?rd#@cam.example/s",
        "rtsp://user.name:1/2@192.0.2.9/s",
        "rtsp://admin:1/2@camera/s",
        "rtsp://admin@192.0.2.9/s",
        "rtsp://:12345@192.0.2.9/s",
        "rtsp://@192.0.2.9/s",
        "RTSP://admin:12345@[2001:db8::9]:554/s",
        "rtsps://admin:1＠2@192.0.2.9",
    ],
)
def test_a_user_in_an_rtsp_address_is_found_before_it_is_split(address: str) -> None:
    assert code(RtspAddress, address) == "rtsp-names-user"


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://192.0.2.9/s",
        "rtsp://192.0.2.9:554/Streaming/Channels/101?transportmode=unicast",
        "rtsp://192.0.2.9/stream@main",
        "rtsp://[2001:db8::9]:8554/live@2?x=a@b.example",
        "rtsp://my_camera.local/s",
        "rtsp://_cam-1/s",
        "rtsp://kamera.müller.example:554/s",
        "rtsp://دوربین.example/s",
        "rtsp://हिन्दी.example/s",
        "rtsps://xn--mller-kva.example/s",
        "rtsp://camera",
        "rtsp://192.0.2.9/user=a&password=b#frag",
    ],
)
def test_an_rtsp_address_is_taken_as_its_maker_says(address: str) -> None:
    assert read(RtspAddress, address) == address


@pytest.mark.parametrize(
    "address",
    [
        *("http://192.0.2.9/", "rtsp://", "rtsp:///s", "rtsp://192.0.2.9:0/", "rtsp://192.0.2.9:99999/", "192.0.2.9"),
        *("rtsp://0.0.0.0/s", "rtsp://255.255.255.255/s", "rtsp://224.0.0.1/s", "rtsp://192.0.2.300/s"),
        *("rtsp://a b/s", "rtsp://-cam/s", "rtsp://cam..local/s", "rtsp://cam\\evil/s", "rtsp://cam:x/s"),
    ],
)
def test_what_is_no_rtsp_address_says_so(address: str) -> None:
    assert code(RtspAddress, address) == "rtsp-malformed"
