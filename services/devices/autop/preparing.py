"""What commands about batches and profiles are told before they are decided."""

from __future__ import annotations

from contracts.devices.autop import MergeRegularProfile, RetryProvisioning
from contracts.message import Refused
from kernel.service.declaration import Tools
from services.devices.autop.progress import FAILED, progress_of
from services.devices.autop.queries import batch_of


async def prepare_retry(command: RetryProvisioning, tools: Tools) -> RetryProvisioning:
    """Which of the batch's devices failed; none of one that is not visible yet. Whose it is, is the batch's to say."""
    try:
        row = await batch_of(command.actor, command.provisioning_id, tools.database)
    except Refused:
        return command
    progress = (await progress_of(tools.database, [row]))[row["_id"]]
    failed = tuple(each.device_id for each in progress if each.state in FAILED)
    return command.model_copy(update={"device_ids": failed})


async def prepare_merge(command: MergeRegularProfile, tools: Tools) -> MergeRegularProfile:
    key = tools.secrets.derive("regular-profile", command.device_id).hex()
    return command.model_copy(update={"digest_key": key})
