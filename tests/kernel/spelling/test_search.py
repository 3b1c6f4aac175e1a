"""Names are found as people type them: without marks, on another keyboard, in another case."""

import unicodedata
from uuid import uuid4

import pytest

from kernel.keeping.mongo import mongo_client
from kernel.spelling.search import beginning_with, end_tokens, folded, name_tokens, typed_ends, typed_name


def is_found(name: str, typed: str) -> bool:
    prefix = typed_name(typed)
    return any(each.startswith(prefix) for each in name_tokens(name))


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Müller", "muller"),
        ("Muller", "MÜLLER"),
        ("Mu\u0308ller", "mül"),
        ("Łódź", "lodz"),
        ("Lodz", "ŁÓDŹ"),
        ("Ærø Strøm", "strom"),
        ("Ærø", "aero"),
        ("Þórr", "thor"),
        ("Đặng Văn Lâm", "dang van"),
        ("Straße", "strasse"),
        ("Strasse", "straße"),
        ("İstanbul", "istanbul"),
        ("Istanbul", "ıstanbul"),
        ("ısparta", "ISPARTA"),
        ("IĞDIR", "ığdır"),
        ("Iğdır", "igdir"),
        ("diyarbakır", "DİYARBAKIR"),
        ("O’Brien", "o'brien"),
        ("O'Brien", "obrien"),
        ("O‘Brien", "brien"),
        ("Jean-Luc", "jean luc"),
        ("Jean‑Luc Picard", "jeanluc p"),
        ("Jean–Luc", "luc"),
        ("„Villa“ West", "villa west"),
        ("Villa\u00a0\u2009West", "villa west"),
        ("ﬁscher", "fischer"),
        ("Ｖｉｌｌａ", "villa"),
        ("علی", "علي"),
        ("كريم", "کریم"),
        ("کریمی", "كريمى"),
        ("أحمد", "احمد"),
        ("إبراهيم", "ابراهیم"),
        ("آرش", "ارش"),
        ("ٱلرحمن", "الرحمن"),
        ("فاطمة", "فاطمه"),
        ("خانهٔ ما", "خانه ما"),
        ("مؤمن", "مومن"),
        ("مسئول", "مسيول"),
        ("محـمـد", "محمد"),
        ("مُحَمَّد", "محمد"),
        ("علی\u200cرضا", "علیرضا"),
        ("علی\u200cرضا", "علی رضا"),
        ("علیرضا", "علی\u200cرضا"),
        ("علی\u200cرضا", "رضا"),
        ("شָׁלוֹם".replace("ش", "ש"), "שלום"),
        ("צה״ל", "צהל"),
        ("בֵּית־אֵל", "בית אל"),
        ("Haus ۱۲", "haus 12"),
        ("Haus 12", "haus ١٢"),
        ("Haus １２", "12"),
        ("बी १२", "बी 12"),
        ("Ελένη", "ελενη"),
        ("Ёлкин", "елкин"),
        ("王小明", "小明"),
        ("김서연", "서연"),
        ("ガレージ", "レージ"),
        ("ガレージ", "ｶﾞﾚｰｼﾞ"),
        ("ｶﾞﾚｰｼﾞ", "レージ"),
        ("김서연", unicodedata.normalize("NFD", "서연")),
        (unicodedata.normalize("NFD", "김서연"), "서연"),
        ("Ａ\u200bnna", "anna"),
        ("🏠 Haus", "🏠"),
        ("🏠 Haus", "haus"),
        ("-", "-"),
        ("''", "'"),
        ("Anna 2\u2019", "2"),
    ],
    ids=ascii,
)
def test_a_name_is_found_as_people_type_it(name: str, typed: str) -> None:
    assert is_found(name, typed)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Müller", "miller"),
        ("Anna", "-"),
        ("Anna", "nna"),
        ("カ", "ガ"),
        ("कु", "क्"),
        ("علی", "علا"),
        ("Haus 12", "13"),
        ("Strasse", "strase"),
    ],
    ids=ascii,
)
def test_another_name_is_another(name: str, typed: str) -> None:
    assert not is_found(name, typed)


def test_a_token_is_short_and_there_are_few() -> None:
    tokens = name_tokens(" ".join(f"word{n}" for n in range(60)))
    assert len(tokens) == 24
    assert max(map(len, tokens)) <= 66
    assert name_tokens("王" * 60) == list(dict.fromkeys(name_tokens("王" * 60)))


def test_nothing_alone_is_kept_as_it_is() -> None:
    assert folded("—") == "—"
    assert folded(" ' ") == "'"
    assert folded("\u200b") == ""
    assert name_tokens("") == ["n:"]


def test_a_number_is_found_by_its_beginning_and_its_end() -> None:
    tokens = end_tokens("a", "0c110512bc97")
    for typed in ("0c11", "0c110512bc97", "bc97", "97", "12bc97"):
        assert any(each.startswith(prefix) for prefix in typed_ends("a", typed) for each in tokens), typed
    for typed in ("110512", "bc98", "79"):
        assert not any(each.startswith(prefix) for prefix in typed_ends("a", typed) for each in tokens), typed


async def test_the_database_finds_what_begins_like_it_in_whatever_script_it_goes_on(mongodb_uri: str) -> None:
    names = ("Ana", "ana zebra", "Ana 王", "ana\U0001fa77", "Anb", "An", "Bana")
    async with mongo_client(mongodb_uri, "test") as mongo:
        rows = mongo[f"test_{uuid4().hex[:8]}"]["rows"]
        await rows.insert_many([{"_id": name, "tokens": name_tokens(name)} for name in names])
        for typed, wanted in (("ana", names[:4]), ("ana\U0001fa77", names[3:4]), ("an", names[:6])):
            found = await rows.find(beginning_with([typed_name(typed)])).to_list()
            assert {each["_id"] for each in found} == set(wanted), typed
        await mongo.drop_database(rows.database.name)
