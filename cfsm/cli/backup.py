"""``cfsm backup`` and ``cfsm restore``."""

from pathlib import Path

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import progress, talk


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@click.pass_obj
def backup(house: House, file: Path, overwrite: bool) -> None:
    """Back up the events and everything they refer to into one file, while the factory works."""
    from cfsm.adapters.event_store import backup as store

    manifest = store.backup(house.path, house.store_terms, file, overwrite=overwrite, progress=progress())
    talk(f"{file}: {manifest.events} events and {manifest.blobs} blobs.")
    if manifest.missing:
        talk(f"{len(manifest.missing)} blobs could not be read and are not in it; `cfsm doctor --deep` names them.")
    if manifest.missing:
        talk(f"{len(manifest.missing)} blobs were lost before and are not in it; `cfsm doctor --deep` names them.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Move what is in the home aside; nothing is deleted.")
@click.pass_obj
def restore(house: House, file: Path, replace: bool) -> None:
    """Restore a backup into the home. The factory must not be running."""
    from cfsm.adapters.event_store import backup as store
    from cfsm.adapters.home import make_home
    from cfsm.adapters.home_lock import HomeLock

    make_home(house.path)
    with HomeLock.acquire(house.path):
        restored = store.restore(file, house.path, house.store_terms, replace=replace, progress=progress())
    talk(f"Restored {restored.events} events and {restored.blobs} blobs into {house.path}.")
    if restored.aside is not None:
        talk(f"What was there before lies in {restored.aside}.")
