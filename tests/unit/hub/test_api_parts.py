"""The parts of the API that need no server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api.edge import edge, iso, to_ns
from hub.api.limits import MAX_ADDRESSES, MAX_TRIES, AddressLimit
from hub.api.models import SpokeAnswer
from hub.api.problems import STATUS, status_of
from hub.api.routes.values import _table
from hub.records import Series, Spoke
from schemas import errors
from schemas.errors import ConfigError, SpindleError, TooManyTriesError
from schemas.messages.health import DeviceHealth, SpokeHealth

LAST_US = 9_000_000_000_000_000
MOMENTS = st.integers(0, LAST_US).map(
    lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
)


def all_errors(kind=SpindleError):
    yield kind
    for child in kind.__subclasses__():
        yield from all_errors(child)


def test_every_error_has_a_status():
    for kind in all_errors():
        if kind.__module__ == errors.__name__:
            problems = ([SpindleError()],) if kind is errors.ConfigErrors else ()
            assert 400 <= status_of(kind(*problems)) < 600
    kinds = [kind for kind, _ in STATUS]
    for index, kind in enumerate(kinds):  # a subclass stands above its parent
        assert not any(issubclass(later, kind) for later in kinds[index + 1 :])


@given(MOMENTS)
def test_times_there_and_back(moment):
    time_ns = to_ns(moment, "start")
    text = iso(time_ns)
    assert text is None if time_ns == 0 else datetime.fromisoformat(text) == moment


def test_times():
    assert iso(0) is None
    assert iso(1_700_000_000_000_000_001) == "2023-11-14T22:13:20.000000001Z"
    east = timezone(timedelta(hours=2))
    assert to_ns(datetime(1970, 1, 1, 2, 0, 1, tzinfo=east), "start") == 10**9
    for year in (1969, 2263):
        with pytest.raises(ConfigError) as refused:
            to_ns(datetime(year, 1, 1, tzinfo=UTC), "start")
        assert refused.value.path == "start"


def test_a_record_at_the_edge_has_no_ns():
    health = SpokeHealth("s", "1", 10**9, 0, 3, (DeviceHealth(1, "running", since_ns=10**9),))
    spoke = Spoke(1, "s", "", 10**9, 3, 3, 0, True, health)
    plain = edge(spoke)
    assert plain["health"]["devices"][0]["since"] == "1970-01-01T00:00:01.000000Z"
    assert "_ns" not in str(plain)
    text = SpokeAnswer.of(spoke).model_dump_json()
    assert '"started":null' in text


def test_limit_per_address():
    now = [0.0]
    limit = AddressLimit(lambda: now[0])
    for _ in range(MAX_TRIES):
        limit.admit("a")
    with pytest.raises(TooManyTriesError):
        limit.admit("a")
    limit.admit("b")
    now[0] = 60.0
    limit.admit("a")
    for index in range(MAX_ADDRESSES + 10):
        limit.admit(str(index))
    assert len(limit._tries) == MAX_ADDRESSES


def test_a_formula_in_a_text_stays_a_text():
    series = Series(1, [10**9], [None], [None], [None], True, ['=HYPERLINK("x")'])
    assert _table([series]).splitlines()[1].split(",", 5)[5].startswith("\"'=HYPERLINK")
