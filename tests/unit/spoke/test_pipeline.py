"""Between driver and batcher: texts of any length."""

from __future__ import annotations

import numpy as np

from schemas.frames import Frame
from schemas.quality import Quality
from spoke.pipeline import MAX_TEXT, Pipeline


def test_a_text_too_long_for_a_message_is_cut_and_uncertain() -> None:
    texts = np.array([["short", "x" * (MAX_TEXT + 1)]], dtype=object)
    ids, times = np.array([1, 2], dtype=np.int32), np.array([0], dtype=np.int64)
    done, _ = Pipeline([]).apply(Frame(ids, times, texts))
    assert [len(text) for text in done.values[0]] == [5, MAX_TEXT]
    assert done.quality is not None
    assert done.quality[0].tolist() == [Quality.GOOD, Quality.UNCERTAIN]
