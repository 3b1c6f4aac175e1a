"""The demo: a small world that looks like one. Its passwords stand here for everybody to read.

It is told to the running system as commands with ids of their own, so telling it twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

import phonenumbers

from contracts.accounts.access import ChangePassword
from contracts.accounts.households import AddUser, CallType, GetUser, ListUsers, UserDetail, UserPage
from contracts.accounts.leaving import DeleteUser
from contracts.accounts.members import AddMember
from contracts.accounts.partners import (
    ChangeCustomerService,
    CreateDistributor,
    CreateInstaller,
    CreateSuperManager,
    GrantAccess,
    SwitchAccountAccess,
    SwitchOfflineSolution,
)
from contracts.accounts.sites import LinkSite
from contracts.accounts.terms import ActivateUser, ExpireUser
from contracts.accounts.words import MailLanguage
from contracts.devices.autop import AutopKind, GetProvisioning, ProvisioningDetail, SubmitAutop
from contracts.devices.cameras import AddCamera
from contracts.devices.homes import GrantCredential
from contracts.devices.intercoms import BindDevice
from contracts.devices.library import RegisterMac
from contracts.devices.relays import RelayRef
from contracts.message import Accepted, Actor, Answer, Command, Refused, Role
from contracts.permissions import SYSTEM
from kernel.talking.caller import Caller
from ops import demo_doors
from ops.calling import calling
from ops.demo_doors import BERLIN, SHANGHAI, TEHRAN, Door

PASSWORD = "demo-house-2026"  # noqa: S105 (printed for everybody, not for production)
_FIRST_PASSWORD = "demo-first-2026"  # noqa: S105
A = TypeVar("A", bound=Answer)
_WORLD = UUID("5a9c1c9e-6d0c-4b55-9a3e-0f6b6d2b7a10")
_AT_ONCE = 16
_FREE_WITHIN_S = 30.0
_LOOK_AGAIN_S = 0.2

ROOT, NORTH, EAST = "root@demo.example", "north@demo.example", "east@demo.example"

LOGINS: tuple[tuple[str, str, str], ...] = (
    ("installer", SHANGHAI, PASSWORD),
    ("installer", BERLIN, PASSWORD),
    ("installer", TEHRAN, PASSWORD),
    ("distributor", EAST, PASSWORD),
    ("distributor", NORTH, PASSWORD),
    ("super manager", ROOT, PASSWORD),
)

INACTIVATED, NORMAL, EXPIRED = "inactivated", "normal", "expired"


@dataclass(frozen=True)
class Home:
    """A household of the demo."""

    name: str
    country: str
    address: str
    room: str | None = None
    status: str = NORMAL
    family: tuple[str, ...] = ()
    premium: bool = False
    automation: bool = False
    mail: bool = True
    mobile: bool = True


_LANGUAGES: dict[str, MailLanguage] = {
    "CN": MailLanguage.SIMPLIFIED_CHINESE,
    "KR": MailLanguage.KOREAN,
    "JP": MailLanguage.JAPANESE,
    "TR": MailLanguage.TURKISH,
    "PL": MailLanguage.POLISH,
    "RU": MailLanguage.RUSSIAN,
    "ES": MailLanguage.SPANISH,
    "BA": MailLanguage.BOSNIAN,
    "DK": MailLanguage.DANISH,
    "VN": MailLanguage.VIETNAMESE,
    "FR": MailLanguage.FRENCH,
}

HOMES: dict[str, tuple[Home, ...]] = {
    SHANGHAI: (
        Home("王小明", "CN", "上海市浦东新区世纪大道100号", "3单元1203室", family=("王芳", "王子轩"), premium=True),
        Home("李娜", "CN", "北京市朝阳区建国路88号", "2201", family=("张伟",)),
        Home("陈建国", "CN", "广州市天河区体育西路191号", status=INACTIVATED),
        Home("刘洋", "CN", "成都市锦江区春熙路步行街12号", "A座501", status=EXPIRED, family=("刘欣怡",)),
        Home("黄美玲", "HK", "香港九龍彌敦道625號", "Flat 12B", premium=True),
        Home("林志豪", "TW", "臺北市信義區市府路45號", "七樓之二", family=("林怡君", "林冠宇", "林雅婷")),
        Home("김민준", "KR", "서울특별시 강남구 테헤란로 152", "101동 1502호", family=("김서연",), premium=True),
        Home("이지은", "KR", "부산광역시 해운대구 센텀중앙로 97", "203호"),
        Home("박서준", "KR", "인천광역시 연수구 송도과학로 32", status=INACTIVATED, mobile=False),
        Home("최유진", "KR", "대구광역시 수성구 달구벌대로 2503", status=EXPIRED),
        Home("佐藤 健", "JP", "東京都渋谷区神宮前1-14-30", "メゾン表参道 402", family=("佐藤 美咲",)),
        Home("鈴木 陽子", "JP", "大阪府大阪市北区梅田3-1-3", mail=False),
        Home("Nguyễn Văn Hùng", "VN", "72 Lê Thánh Tôn, Quận 1, TP. Hồ Chí Minh", "Tầng 5", family=("Trần Thị Mai",)),
        Home("Phạm Thị Lan", "VN", "54 Liễu Giai, Ba Đình, Hà Nội", automation=True),
        Home("Lê Quang Đạt", "VN", "36 Bạch Đằng, Hải Châu, Đà Nẵng", status=INACTIVATED, mail=False),
        Home("Đặng Thu Hà", "VN", "Đại lộ Hòa Bình, Ninh Kiều, Cần Thơ", status=EXPIRED, premium=True),
        Home("Siti Nurhaliza", "SG", "10 Bayfront Avenue", "#12-34", family=("Ahmad Faiz",), automation=True),
    ),
    BERLIN: (
        Home("Anna Schäfer", "DE", "Kastanienallee 12, 10435 Berlin", "2. OG links", family=("Jonas Schäfer",)),
        Home("Familie Großmann", "DE", "Elbchaussee 401, 22609 Hamburg", premium=True),
        Home("Иван Петров", "RU", "Москва, Тверская улица, 18к1", "кв. 47", family=("Ольга Петрова", "Саша")),
        Home("Екатерина Смирнова", "RU", "Санкт-Петербург, Невский проспект, 28", status=EXPIRED),
        Home("Олександр Шевченко", "UA", "Київ, вулиця Хрещатик, 22", "кв. 9", premium=True),
        Home("Наталія Бондаренко", "UA", "Львів, площа Ринок, 14", status=INACTIVATED),
        Home("Mehmet Yılmaz", "TR", "İstiklal Caddesi No: 142, Beyoğlu, İstanbul", "Daire 5", family=("Ayşe Yılmaz",)),
        Home("Çağla Öztürk", "TR", "Kızılay Meydanı, Çankaya, Ankara", automation=True),
        Home("Şule Güneş", "TR", "Kordon Boyu 88, Konak, İzmir", status=INACTIVATED, mobile=False),
        Home("Zofia Wiśniewska", "PL", "ul. Nowy Świat 41, 00-042 Warszawa", "m. 12", family=("Łukasz Wiśniewski",)),
        Home("Søren Østergaard", "DK", "Nyhavn 17, 1051 København K", "3. tv.", premium=True),
        Home("Amélie Dubois", "FR", "24 rue de Rivoli, 75004 Paris", "Bât. B, 4e", family=("Étienne Dubois",)),
        Home("José Muñoz García", "ES", "Calle de Alcalá 45, 28014 Madrid", "3º", status=EXPIRED, family=("Lucía",)),
        Home("Emina Hadžić", "BA", "Ferhadija 12, Sarajevo", mail=False),
        Home("Γιώργος Παπαδόπουλος", "GR", "Ερμού 56, Αθήνα", "3ος όροφος"),
        Home("Giulia D'Angelo", "IT", "Via Garibaldi 7, 16124 Genova", "interno 3", automation=True),
        Home("O'Brien & Söhne", "IE", "14 Grafton Street, Dublin 2", "Flat 2", family=("Siobhán O'Brien",)),
    ),
    TEHRAN: (
        Home("علی رضایی", "IR", "تهران، خیابان ولیعصر، کوچهٔ یاس، پلاک ۱۲", "واحد ۴", family=("مریم رضایی", "سارا")),
        Home("زهرا محمدی", "IR", "اصفهان، چهارباغ بالا، پلاک ۸۱", "طبقهٔ سوم", premium=True),
        Home("حسین کریمی", "IR", "شیراز، بلوار ارم، پلاک ۷", status=INACTIVATED),
        Home("نیلوفر احمدی", "IR", "تبریز، خیابان امام، پلاک ۲۰۵", status=EXPIRED, family=("آرش احمدی",)),
        Home("پرویز یزدانی", "IR", "مشهد، بلوار وکیل‌آباد ۴۳", mail=False),
        Home("محمد العلي", "AE", "دبي، شارع الشيخ زايد، برج المروج", "شقة 1804", family=("فاطمة العلي",), premium=True),
        Home("نورة الشمري", "SA", "الرياض، طريق الملك فهد", "فيلا 22", automation=True),
        Home("خالد المصري", "EG", "القاهرة، الزمالك، شارع ٢٦ يوليو", "الدور الخامس", status=EXPIRED),
        Home("ليلى حداد", "JO", "عمّان، جبل عمّان، شارع الرينبو 14", family=("سامي حداد",)),
        Home("يوسف بن علي", "MA", "الدار البيضاء، شارع محمد الخامس 120", status=INACTIVATED, mobile=False),
        Home("דוד כהן", "IL", "רחוב דיזנגוף 99, תל אביב", "דירה 6", family=("נועה כהן", "איתי כהן"), premium=True),
        Home("רחל לוי", "IL", "רחוב יפו 34, ירושלים", "קומה 2"),
        Home("מיכל אברהם", "IL", "שדרות הנשיא 140, חיפה", status=EXPIRED, automation=True),
        Home("Արամ Սարգսյան", "AM", "Երևան, Աբովյան փողոց 12", "բն. 8"),
        Home("ნინო ბერიძე", "GE", "თბილისი, რუსთაველის გამზირი 24", family=("გიორგი ბერიძე",)),
        Home("राजेश शर्मा", "IN", "12, एम.जी. रोड, बेंगलुरु", "फ्लैट 302", family=("प्रिया शर्मा",)),
        Home("สมชาย ใจดี", "TH", "99 ถนนสุขุมวิท กรุงเทพมหานคร", "ห้อง 1502", status=INACTIVATED),
    ),
}


class World:
    """Tells the demo to the running system. `turn` gives the households of a reset demo ids of their own."""

    def __init__(self, caller: Caller, turn: str = "") -> None:
        self._caller = caller
        self._turn = turn
        self._now = datetime.now(UTC)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def tell(self) -> None:
        root = await self._super_manager()
        east = await self._distributor(root, EAST, "东方智能 Eastern Doors", "Asia/Shanghai")
        north = await self._distributor(root, NORTH, "Nordtür Vertrieb", "Europe/Berlin")
        await self._say(SwitchOfflineSolution, root, "allow", distributor_id=east.account_id, enabled=True)
        shanghai = await self._installer(east, SHANGHAI, "上海慧居 Bright Homes", "Asia/Shanghai", "400-820-1234")
        berlin = await self._installer(north, BERLIN, "Klingel & Söhne", "Europe/Berlin", "+49 30 5557788")
        tehran = await self._installer(east, TEHRAN, "آیفون تصویری پارس", "Asia/Tehran", "+98 21 8855 0000")
        for below, above in ((shanghai, east), (berlin, north)):
            await self._say(SwitchAccountAccess, above, "offer", installer_id=below.account_id, enabled=True)
        await self._say(GrantAccess, shanghai, "grant", installer_id=shanghai.account_id)
        for installer, email in ((shanghai, SHANGHAI), (berlin, BERLIN), (tehran, TEHRAN)):
            await asyncio.gather(*(self._home(installer, *each) for each in self._numbered(email)))
        first, second = self._sites()
        await self._say(LinkSite, root, first, user_id=first, site_id=second)

    async def is_told(self) -> bool:
        """Whether the last thing that is told is known already."""
        first, second = self._sites()
        query = GetUser(actor=_installer(SHANGHAI, EAST), user_id=first)
        try:
            return second in (await self._caller.view(query, UserDetail)).linked_sites
        except Refused:
            return False

    def _sites(self) -> tuple[str, str]:
        return self._home_id(SHANGHAI, 0), self._home_id(TEHRAN, 6)

    async def tell_doors(self) -> None:
        """The devices of the households, who gets in, and MACs that are free. The households must have been told."""
        await asyncio.gather(*(self._installers_doors(each) for each in demo_installers()))

    async def doors_are_told(self) -> bool:
        """Whether the last thing of them that is told is known already."""
        query = GetProvisioning(actor=_installer(SHANGHAI, EAST), provisioning_id=self._thing_id("autop", SHANGHAI))
        try:
            await self._caller.view(query, ProvisioningDetail)
        except Refused:
            return False
        return True

    async def _installers_doors(self, installer: Actor) -> None:
        mine = [door for door in demo_doors.DOORS if _id(door.installer) == installer.account_id]
        for mac in (*(door.mac for door in mine), *demo_doors.UNBOUND[mine[0].installer]):
            try:
                await self._say(RegisterMac, installer, f"{self._turn}{mac}", mac=mac)
            except Refused as refused:
                if refused.code != "mac-registered":
                    raise
        for door in mine:
            await self._bind(installer, door)
        for camera in demo_doors.CAMERAS:
            if camera.installer == mine[0].installer:
                camera_id = self._thing_id("camera", camera.rtsp_address)
                await self._say(
                    AddCamera,
                    installer,
                    camera_id,
                    camera_id=camera_id,
                    user_id=self._home_id(camera.installer, camera.home),
                    name=camera.name,
                    rtsp_address=camera.rtsp_address,
                    user_name="viewer",
                    password=PASSWORD,
                    linked_device_id=self._device_id(camera.linked_to) if camera.linked_to else None,
                )
        for each in demo_doors.PASSES:
            if each.installer == mine[0].installer:
                credential_id = self._thing_id("pass", each.secret)
                await self._say(
                    GrantCredential,
                    installer,
                    credential_id,
                    credential_id=credential_id,
                    user_id=self._home_id(each.installer, each.home),
                    kind=each.kind,
                    holder=each.holder,
                    secret=each.secret,
                    relays=tuple(RelayRef(device_id=self._device_id(mac), relay=1) for mac in each.macs),
                )
        provisioning_id = self._thing_id("autop", mine[0].installer)
        await self._say(
            SubmitAutop,
            installer,
            provisioning_id,
            provisioning_id=provisioning_id,
            kind=AutopKind.REGULAR,
            text=demo_doors.AUTOP,
            device_ids=tuple(self._device_id(door.mac) for door in mine),
        )

    async def _bind(self, installer: Actor, door: Door) -> None:
        device_id = self._device_id(door.mac)
        until = asyncio.get_running_loop().time() + _FREE_WITHIN_S
        while True:
            try:
                await self._say(
                    BindDevice,
                    installer,
                    device_id,
                    device_id=device_id,
                    user_id=self._home_id(door.installer, door.home),
                    mac=door.mac,
                    kind=door.kind,
                    name=door.name,
                    relays=door.relays,
                    security_relays=door.security_relays,
                    arming_function=door.arming,
                )
            except Refused as refused:
                # In a reset demo, the device of the household that was deleted gives its MAC free by and by.
                if refused.code not in ("mac-bound", "user-unknown") or asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(_LOOK_AGAIN_S)
            else:
                return

    async def clear(self) -> None:
        """Delete every household of the demo's installers, whoever added it."""
        for email, above in ((SHANGHAI, EAST), (BERLIN, NORTH), (TEHRAN, EAST)):
            installer = _installer(email, above)
            position = None
            while True:
                query = ListUsers(actor=installer, per_page=100, after=position)
                page = await self._caller.view(query, UserPage)
                if not page.rows:
                    break
                for row in page.rows:
                    accepted = await self._say(DeleteUser, installer, row.user_id, user_id=row.user_id)
                    position = accepted.position

    async def _super_manager(self) -> Actor:
        root = Actor(account_id=_id(ROOT), role=Role.SUPER_MANAGER)
        await self._say(
            CreateSuperManager,
            SYSTEM,
            ROOT,
            account_id=root.account_id,
            name="Demo Super Manager",
            email=ROOT,
            initial_password=_FIRST_PASSWORD,
        )
        await self._choose_password(root, _FIRST_PASSWORD)
        return root

    async def _distributor(self, root: Actor, email: str, name: str, time_zone: str) -> Actor:
        distributor = _distributor(email)
        made = await self._say(
            CreateDistributor,
            root,
            email,
            distributor_id=distributor.account_id,
            name=name,
            email=email,
            time_zone=time_zone,
        )
        await self._choose_password(distributor, made.extra.credential)
        return distributor

    async def _installer(self, above: Actor, email: str, name: str, time_zone: str, phone: str) -> Actor:
        installer = Actor(
            account_id=_id(email), role=Role.INSTALLER, distributor_id=above.account_id, installer_id=_id(email)
        )
        made = await self._say(
            CreateInstaller,
            above,
            email,
            installer_id=installer.account_id,
            name=name,
            email=email,
            time_zone=time_zone,
        )
        await self._choose_password(installer, made.extra.credential)
        await self._say(
            ChangeCustomerService,
            installer,
            email,
            installer_id=installer.account_id,
            phone=phone,
            email=f"help-{email}",
        )
        return installer

    async def _choose_password(self, actor: Actor, current: str | None) -> None:
        try:
            await self._say(
                ChangePassword,
                actor,
                actor.account_id,
                account_id=actor.account_id,
                current_password=current,
                new_password=PASSWORD,
            )
        except Refused as refused:
            # Somebody chose another one since: theirs stays.
            if refused.code != "password-wrong":
                raise

    async def _home(self, installer: Actor, home: Home, user_id: str, number: int, mobile: str, age: int) -> None:
        added_at = self._now - timedelta(days=age, minutes=number * 7)
        word = f"home{number:02}"
        await self._say(
            AddUser,
            installer,
            user_id,
            added_at,
            user_id=user_id,
            name=home.name,
            room=home.room,
            email=f"{word}@demo.example" if home.mail else None,
            country=home.country,
            address=home.address,
            mobile=mobile if home.mobile else None,
            call_type=CallType.SIP_CALL if number % 3 == 0 else CallType.IP_CALL,
            language=_LANGUAGES.get(home.country, MailLanguage.ENGLISH),
            landlines=(None, None, None),
            home_automation=home.automation,
            premium=home.premium,
            with_indoor_monitor=number % 2 == 0,
        )
        if home.status == INACTIVATED:
            return
        activated_at = added_at + timedelta(hours=3)
        await self._say(ActivateUser, SYSTEM, user_id, activated_at, user_id=user_id)
        for i, name in enumerate(home.family):
            member_id = str(uuid5(_WORLD, f"{user_id} member {i}"))
            await self._say(
                AddMember,
                installer,
                member_id,
                activated_at + timedelta(days=i + 1),
                user_id=user_id,
                member_id=member_id,
                name=name,
                country=home.country,
            )
        if home.status == EXPIRED:
            await self._say(ExpireUser, SYSTEM, user_id, user_id=user_id)

    def _numbered(self, email: str) -> Iterator[tuple[Home, str, int, str, int]]:
        everywhere = [(other, i) for other, homes in HOMES.items() for i in range(len(homes))]
        for i, home in enumerate(HOMES[email]):
            number = everywhere.index((email, i))
            # Expired ones were activated more than a year ago; the others within the last months.
            age = 380 + 3 * i if home.status == EXPIRED else 4 + 17 * i
            yield home, self._home_id(email, i), number, _mobile(home.country, number), age

    def _home_id(self, email: str, i: int) -> str:
        return str(uuid5(_WORLD, f"{self._turn}{email} home {i}"))

    def _device_id(self, mac: str) -> str:
        return self._thing_id("device", mac)

    def _thing_id(self, kind: str, what: str) -> str:
        return str(uuid5(_WORLD, f"{self._turn}{kind} {what}"))

    async def _say(
        self, wish: type[Command[A]], actor: Actor, what: str, at: datetime | None = None, /, **fields: Any
    ) -> Accepted[A]:
        command_id = uuid5(_WORLD, f"{wish.__name__} {what}")
        async with self._slots:
            return await self._caller.command(wish(command_id=command_id, at=at or self._now, actor=actor, **fields))


def _id(email: str) -> str:
    return str(uuid5(_WORLD, email))


def _distributor(email: str) -> Actor:
    return Actor(account_id=_id(email), role=Role.DISTRIBUTOR, distributor_id=_id(email))


def _installer(email: str, above: str) -> Actor:
    return Actor(account_id=_id(email), role=Role.INSTALLER, distributor_id=_id(above), installer_id=_id(email))


def demo_installers() -> tuple[Actor, ...]:
    """The installers of the demo, who bind its devices."""
    return _installer(SHANGHAI, EAST), _installer(BERLIN, NORTH), _installer(TEHRAN, EAST)


def _mobile(country: str, number: int) -> str:
    """A mobile number that is valid in the country, another for each household."""
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None
    assert example.national_number is not None
    candidate = example.national_number + number
    while not phonenumbers.is_valid_number(
        found := phonenumbers.PhoneNumber(country_code=example.country_code, national_number=candidate)
    ):
        candidate += 1
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)


async def load() -> None:
    """Tell the demo to the system that the environment names. A second time changes nothing."""
    async with calling("smartplus demo") as caller:
        world = World(caller)
        if not await world.is_told():
            await world.tell()
        if not await world.doors_are_told():
            await world.tell_doors()
    homes, doors = sum(map(len, HOMES.values())), len(demo_doors.DOORS)
    print(f"The demo is loaded: {homes} households of {len(HOMES)} installers, with {doors} intercoms.")


async def reset() -> None:
    """Delete the households of the demo's installers and tell the demo again. Staff accounts stay as they are."""
    async with calling("smartplus demo") as caller:
        turn = f"{datetime.now(UTC).isoformat()} "
        await World(caller, turn).clear()
        world = World(caller, turn)
        await world.tell()
        await world.tell_doors()
    print("The demo is as it was in the beginning.")
