"""What a server opens as its settings say: its tenants, and its worlds with their seed and their rules."""

import logging
from collections.abc import Mapping
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audience_mock.control import Access
from audience_mock.core.errors import InvalidSeedError, InvalidSettingsError, StoreError
from audience_mock.core.rules import Rules
from audience_mock.core.worlds.starts import StartingState
from audience_mock.core.worlds.worlds import Configure, Worlds
from audience_mock.providers import registry
from audience_mock.settings import Settings, WorldSettings, check_world_settings

if TYPE_CHECKING:
    from audience_mock.core.worlds.tenants import Tenants

log = logging.getLogger("audience_mock")


def read_tenants(settings: Settings) -> "Tenants | None":
    """Raises InvalidTenantsError, InvalidSettingsError."""
    if settings.tenants is None:
        return None
    if settings.admin and settings.admin_token is None and settings.admin_token_file is None:
        # Without one, any caller on this machine would be the operator, and tenants' tokens mean nothing.
        raise InvalidSettingsError("tenants", "needs admin_token or admin_token_file, for the operator")
    from audience_mock.core.worlds.tenants import Tenants

    return Tenants(settings.tenants)


def open_worlds(settings: Settings, access: Access) -> Worlds:
    """Opens the store and applies the seed. Raises StoreError, InvalidSeedError."""
    configure = partial(_configured, settings, access)
    if settings.seed:
        return _seeded(settings, seed_file(settings.seed), configure)
    return _worlds_at(settings, None, configure)


def _worlds_at(settings: Settings, seed: StartingState | None, configure: Configure) -> Worlds:
    """The worlds of the database that the settings name."""
    if not settings.database.startswith("postgres"):
        return Worlds(settings.database, seed=seed, configure=configure, lock=settings.database_lock)
    try:
        from audience_mock.core.postgres.worlds import PostgresWorlds
    except ImportError as error:
        raise StoreError(f"{error}: pip install 'audience-mock[postgres]'") from None
    return PostgresWorlds(settings.database, seed=seed, configure=configure)


def _seeded(settings: Settings, file: Path, configure: Configure) -> Worlds:
    from audience_mock.core.counting import counted
    from audience_mock.core.seeds import loader
    from audience_mock.core.seeds.starting_seed import StartingSeed

    seed = loader.load(file)
    try:
        worlds = _worlds_at(settings, StartingSeed(seed), configure)
    except InvalidSeedError as error:
        raise loader.located(file, error) from None
    if worlds.seeded:
        log.info("seeded with %s", counted(len(seed.audiences), "audience"))
    else:
        log.info("database not empty; --seed ignored: %s", settings.database)
    return worlds


def _configured(settings: Settings, access: Access, own: Mapping[str, Any]) -> tuple[Rules, dict[str, Any]]:
    """The effective settings of a world: its `own` override the server's. Raises InvalidSettingsError."""
    here: WorldSettings = settings
    if own:
        check_world_settings(own)
        here = Settings.model_validate({**settings.model_dump(), **own})
    rules = Rules(
        build_delay_s=here.build_delay_s,
        audience_ready=here.audience_ready,
        match_rate=here.match_rate,
        magic_identities=here.magic_identities,
        max_upload_bytes=here.max_upload_bytes,
        journal_entries=here.journal_entries,
        journal_bytes=here.journal_bytes,
        lint_sample_bytes=here.lint_sample_bytes,
        redact_users=here.redact_users,
        record=here.record,
        request_faults=here.request_faults,
        strict_evidence=here.strict_evidence,
    )
    effective = partial(here.model_dump, mode="json", include=set(WorldSettings.model_fields))
    return rules, registry.options(here) | {"control": access, "effective_settings": effective}


def seed_file(seed: str) -> Path:
    """A path, or the name of an included world: in the wheel, or beside the sources."""
    if seed != "demo":
        return Path(seed)
    for folder in (
        Path(str(resources.files("audience_mock"))) / "worlds",
        Path(__file__).parents[2] / "fixtures/worlds",
    ):
        if (folder / "demo.json").is_file():
            return folder / "demo.json"
    raise InvalidSeedError("the demo world is missing from this installation: give a file instead")
