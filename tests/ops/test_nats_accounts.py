"""Nobody enters nats-server without a password, and the passwords stay where they are kept."""

import asyncio
import json
import os
import stat
from pathlib import Path

import nats
import nats.errors
import pytest

from kernel.connecting.address import NatsAddress
from kernel.connecting.connection import connect
from kernel.process.settings import read_settings
from ops.nats_accounts import NatsAccounts
from ops.servers import NatsCluster, NatsServer
from services.devices.settings import DevicesSettings
from tests.ops.test_cli import smartplus


async def _quiet(_error: Exception) -> None:
    """nats-py would log the refusal."""


async def is_let_in(url: str) -> bool:
    try:
        client = await nats.connect(url, allow_reconnect=False, connect_timeout=10, error_cb=_quiet)
        await client.flush()
    except (nats.errors.Error, TimeoutError):
        return False
    await client.close()
    return True


async def test_nobody_enters_without_a_password(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        bare = str(NatsAddress.parse(server.url))
        urls = [server.url, bare, bare.replace("//", "//app:guess@"), bare.replace("//", "//0C110500AABB:guess@")]
        assert await asyncio.gather(*map(is_let_in, urls)) == [True, False, False, False]


async def test_a_restart_in_the_same_folder_keeps_the_passwords(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        first = NatsAddress.parse(server.url)
    async with NatsServer(tmp_path) as server:
        assert NatsAddress.parse(server.url).password == first.password
        assert await is_let_in(server.url)
    for name in ("accounts.json", "nats.conf"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert first.password is not None
    assert first.password not in (tmp_path / "server.log").read_text()
    assert first.password not in repr(first)
    assert first.password not in str(first)


async def test_streams_from_before_accounts_are_the_services_now(tmp_path: Path) -> None:
    class Former(NatsServer):
        """As it was before there were accounts."""

        def _prepare(self) -> None:
            super()._prepare()
            lines = (self.data_dir / "nats.conf").read_text().splitlines()
            kept = [line for line in lines if line.startswith(("server_name", "listen", "http", "jetstream"))]
            (self.data_dir / "nats.conf").write_text("\n".join(kept))

    async with Former(tmp_path) as server:
        client = await nats.connect(str(NatsAddress.parse(server.url)))
        await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
        await client.jetstream().publish("kept.one", b"from before")
        await client.close()
    async with NatsServer(tmp_path) as server:
        client = await nats.connect(server.url)
        assert (await client.jetstream().get_msg("KEPT", seq=1)).data == b"from before"
        await client.close()


async def test_a_client_enters_servers_of_a_cluster_that_it_was_not_told_of(tmp_path: Path) -> None:
    async with NatsCluster(tmp_path) as cluster:
        client = await connect(cluster.nodes[0].url, "test")
        await cluster.nodes[0].kill()
        async with asyncio.timeout(30):
            while client.connected_url is None or client.connected_url.port == cluster.nodes[0].port:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await client.flush()
        await client.close()


def test_passwords_from_before_services_had_their_own_stay(tmp_path: Path) -> None:
    made = NatsAccounts.kept_in(tmp_path)
    former = json.loads((tmp_path / "accounts.json").read_text())
    del former["services"]
    (tmp_path / "accounts.json").write_text(json.dumps(former))
    now = NatsAccounts.kept_in(tmp_path)
    assert (now.app, now.auth, now.system, now.issuer_seed) == (made.app, made.auth, made.system, made.issuer_seed)
    assert NatsAccounts.kept_in(tmp_path) == now
    assert all(now.services.values())


async def test_the_operator_makes_accounts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = ("admin", "make-nats-accounts", str(tmp_path), "--host", "n0:4222", "--host", "n1:4222")
    assert await smartplus(*make) == (0, "")
    accounts = NatsAccounts.kept_in(tmp_path)
    assert await smartplus(*make) == (0, "")
    assert NatsAccounts.kept_in(tmp_path) == accounts
    assert (tmp_path / "nats-accounts.conf").read_text() == accounts.configuration()
    for name in (*os.environ,):
        if name.startswith(("NATS_", "SMARTPLUS_", "MONGODB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SMARTPLUS_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("SMARTPLUS_SECRET", "5c" * 32)
    monkeypatch.setenv("MONGODB_URI", "mongodb://nowhere")
    settings = read_settings(DevicesSettings)
    assert settings.nats_url == f"nats://app:{accounts.app}@n0:4222,nats://app:{accounts.app}@n1:4222"
    assert settings.nats_issuer_seed == accounts.issuer_seed
    for service, password in accounts.services.items():
        monkeypatch.setenv("SMARTPLUS_SECRETS_DIR", str(tmp_path / service))
        own = read_settings(DevicesSettings)
        assert own.nats_url == f"nats://{service}:{password}@n0:4222,nats://{service}:{password}@n1:4222"
        assert bool(own.nats_auth_url) is bool(own.nats_issuer_seed) is (service == "devices")
    for secret in (accounts.app, *accounts.services.values(), accounts.auth, accounts.system, accounts.issuer_seed):
        assert secret not in repr(settings)
        assert secret not in repr(accounts)
