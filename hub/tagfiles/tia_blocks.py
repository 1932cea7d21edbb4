"""DB sources of TIA Portal and STEP 7: every value of the data blocks as a tag."""

from __future__ import annotations

import re

from hub.bulk import ImportOptions
from hub.tagfiles.drafts import Draft, TagFile
from hub.tagfiles.s7_places import address
from hub.tagfiles.tia_layout import Placed, layout
from hub.tagfiles.tia_parser import Block, Source, parse
from hub.tagfiles.tia_tags import check_driver
from schemas.config.devices import DeviceConfig
from schemas.errors import AddressError, ConfigError

FORMAT = "DB source"
MAX_CHARACTERS = 5_000_000
_SOURCE = re.compile(rb"^\s*(?:DATA_BLOCK|TYPE)\s+[\"\w]", re.IGNORECASE | re.MULTILINE)
_SWITCH_OFF = (
    "In TIA Portal: Properties of the block > Attributes, switch off 'Optimized block access', "
    "compile, download, and generate the source again. Else read it by OPC UA."
)
_COMPARE = "In TIA Portal the column Offset of the block shows the place; add the tag by hand."


def is_source(head: bytes) -> bool:
    return _SOURCE.search(head) is not None


def read_source(text: str, device: DeviceConfig, options: ImportOptions) -> TagFile:
    """Raises ConfigError for a source that cannot be understood, an optimised block, a device that
    is no S7. A block without a number makes bad drafts that ask for it."""
    check_driver(device)
    if len(text) > MAX_CHARACTERS:
        raise ConfigError("The source has more than 5 MB.", hint="Import one block at a time.")
    source = parse(text)
    _check_blocks(source)
    nameless = [block for block in source.blocks if block.number is None]
    if options.db_number is not None and len(nameless) > 1:
        raise ConfigError(
            f"This source has {len(nameless)} blocks without a number; one number is not enough.",
            hint="Generate and import one block at a time.",
            path="db_number",
        )
    file = TagFile(FORMAT, [])
    for block in source.blocks:
        _add_block(file, block, source, options.db_number)
    file.notes.append(
        "Places are worked out by the rules of blocks with standard access; compare one of the "
        "last tags with the column Offset in TIA Portal."
    )
    return file


def _check_blocks(source: Source) -> None:
    if not source.blocks:
        raise ConfigError(
            "There is no DATA_BLOCK in this source.",
            hint="Import the source of a data block; types may be in the same file.",
        )
    for block in source.blocks:
        if block.optimized:
            raise ConfigError(
                f"{block.name} is optimised: its values have no addresses that can be read.",
                hint=_SWITCH_OFF,
            )
        if block.body is None:
            raise ConfigError(f"Line {block.line}: {block.name} declares nothing.")


def _add_block(file: TagFile, block: Block, source: Source, db_number: int | None) -> None:
    number = block.number if block.number is not None else db_number
    prefix = block.name if len(source.blocks) > 1 else ""
    assert block.body is not None
    placed = layout(block.body, source.types, prefix)
    file.drafts += [_draft(item, block, number) for item in placed]
    if number is not None:
        title = block.name if block.number else f"{block.name} (DB{number})"
        file.notes.append(f"{title}: {len(placed)} values.")


def _draft(item: Placed, block: Block, number: int | None) -> Draft:
    draft = Draft(item.line or block.line, {"name": item.name})
    if item.comment:
        draft.fields["description"] = item.comment[:500]
    if item.kind is None:
        problem = AddressError(f"{item.name}: {item.problem}", hint=_COMPARE, path="address")
        draft.problems.append(problem)
    elif number is None:
        draft.problems.append(
            AddressError(
                f"The source does not say the number of {block.name}.",
                hint="Give the number of the block (DB number), as the project tree shows it: "
                "[DB5] is 5.",
                path="address",
            )
        )
    else:
        draft.fields |= {
            "address": address(f"DB{number}", item.kind, item.start_byte, item.bit),
            "data_type": item.kind.data_type.value,
        }
        if item.kind.unit:
            draft.fields["unit"] = item.kind.unit
    return draft
