"""zstd on the wire, with a limit that holds before anything is allocated."""

from __future__ import annotations

import zstandard

from schemas.errors import FrameError

MAX_BODY_BYTES = 64 * 1024 * 1024


def decompress(data: bytes | memoryview) -> bytes:
    """The bytes inside one zstd frame. Raises FrameError, also when it claims more than
    MAX_BODY_BYTES: the claim is checked before anything is allocated."""
    try:
        claimed = zstandard.frame_content_size(data)
        if not 0 <= claimed <= MAX_BODY_BYTES:
            raise FrameError(f"The message claims {claimed} bytes; at most {MAX_BODY_BYTES} pass.")
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise FrameError(f"The message cannot be decompressed: {error}.") from error
