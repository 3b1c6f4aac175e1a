"""Words that several topics of accounts share."""

from __future__ import annotations

from enum import StrEnum


class MailLanguage(StrEnum):
    """The twelve languages of account mails (U-20)."""

    ENGLISH = "en"
    SIMPLIFIED_CHINESE = "zh-Hans"
    KOREAN = "ko"
    JAPANESE = "ja"
    TURKISH = "tr"
    POLISH = "pl"
    RUSSIAN = "ru"
    SPANISH = "es"
    BOSNIAN = "bs"
    DANISH = "da"
    VIETNAMESE = "vi"
    FRENCH = "fr"
