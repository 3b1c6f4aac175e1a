"""Words that several topics of accounts share."""

from __future__ import annotations

from enum import StrEnum

from contracts.message import Answer


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


class CredentialAnswer(Answer):
    """The first or next password of an account, once, while it is what the command made."""

    credential: str | None = None
