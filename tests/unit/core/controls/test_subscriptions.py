"""Subscriptions: bounded, and nothing where nobody subscribes."""

import pytest

from audience_mock.core.controls.subscriptions import (
    MAX_SUBSCRIBERS,
    MAX_WAITING,
    Notice,
    Subscribers,
)
from audience_mock.core.errors import LimitExceededError


def test_notices_are_taken_in_order() -> None:
    """Each subscriber gets each notice once, the oldest first."""
    subscribers = Subscribers()
    with subscribers.subscribed() as one, subscribers.subscribed() as other:
        subscribers.notify("change", "a")
        subscribers.notify("change", "b")
        for subscription in (one, other):
            assert subscription.take() == (0, [Notice("change", "a"), Notice("change", "b")])
            assert subscription.take() == (0, [])


def test_a_slow_subscriber_misses_the_oldest() -> None:
    """Beyond the bound, the oldest notices are dropped and counted, once."""
    subscribers = Subscribers()
    with subscribers.subscribed() as slow:
        for number in range(MAX_WAITING + 3):
            subscribers.notify("request", number)
        missed, notices = slow.take()
        assert (missed, len(notices), notices[0].about) == (3, MAX_WAITING, 3)
        assert slow.take() == (0, [])


def test_there_is_nobody_left_after_the_block() -> None:
    """A subscription ends with its block, so that the world is without subscribers again."""
    subscribers = Subscribers()
    with subscribers.subscribed():
        assert subscribers
    assert not subscribers


def test_subscribers_are_bounded() -> None:
    """One subscriber more than the bound is refused."""
    subscribers = Subscribers()
    opened = [subscribers.subscribed() for _ in range(MAX_SUBSCRIBERS)]
    for each in opened:
        subscribers.check_room()
        each.__enter__()
    with pytest.raises(LimitExceededError):
        subscribers.check_room()
    opened[0].__exit__(None, None, None)
    subscribers.check_room()
