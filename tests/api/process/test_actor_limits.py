"""The limits that actors obey are those of the configuration, by the same names."""

from __future__ import annotations

from dataclasses import fields

from actors.words.limits import ActorLimits
from api.process.composition import actor_limits
from api.settings.sections import LimitSettings


def test_every_limit_of_actors_is_the_setting_of_its_name() -> None:
    names = [field.name for field in fields(ActorLimits)]
    settings = LimitSettings.model_validate({name: 7 + at for at, name in enumerate(names)})
    limits = actor_limits(settings)
    assert [getattr(limits, name) for name in names] == [7 + at for at in range(len(names))]


def test_without_a_configuration_actors_have_the_same_limits() -> None:
    assert actor_limits(LimitSettings()) == ActorLimits()
