"""All trials by their names. What a trial starts does not import this, because that would take half a second."""

from types import ModuleType

from . import (
    alterations,
    boundary,
    clocks,
    crashes,
    decoder,
    followers,
    full_disk,
    hostile,
    kills,
    merges,
    pairs,
    power,
    projections,
    reactors,
    repairs,
    server,
    standby,
    syncs,
    syscalls,
    writers,
)

TRIALS: dict[str, ModuleType] = {
    module.NAME: module
    for module in (
        syscalls,
        kills,
        crashes,
        power,
        alterations,
        repairs,
        pairs,
        writers,
        full_disk,
        server,
        projections,
        followers,
        reactors,
        standby,
        boundary,
        decoder,
        hostile,
        clocks,
        merges,
        syncs,
    )
}
