from __future__ import annotations

import pytest

from xai.core.errors import InputError
from xai.core.units import Units, check_groups


def test_names_are_unique_and_not_empty():
    with pytest.raises(InputError, match="at least one unit"):
        Units(())
    with pytest.raises(InputError, match="'a'"):
        Units(("a", "b", "a"))


def test_a_layout_must_hold_every_unit():
    assert Units(tuple("abcdef"), "patch", layout=(2, 3)).layout == (2, 3)
    with pytest.raises(InputError, match=r"\(2, 2\) has 4 cells"):
        Units(tuple("abcdef"), "patch", layout=(2, 2))


def test_an_unknown_name_lists_the_right_ones():
    units = Units(("radius", "texture"))
    assert units.index("texture") == 1
    with pytest.raises(InputError, match="Did you mean 'texture'"):
        units.index("textur")


def test_kind_is_one_of_four():
    with pytest.raises(InputError, match="concept"):
        Units(("a",), "pixel")


@pytest.mark.parametrize(
    ("groups", "culprit"),
    [
        ({"g": []}, "'g'"),
        ({"g": ["a", "z"]}, "'z'"),
        ({"g": ["a"], "h": ["a", "b"]}, "'a'"),
        ({"c": ["a", "b"]}, "'c'"),
    ],
)
def test_bad_groups_name_the_culprit(groups, culprit):
    with pytest.raises(InputError, match=culprit):
        check_groups(groups, ["a", "b", "c"])


def test_a_group_may_be_named_like_its_member():
    assert check_groups({"a": ["a", "b"]}, ["a", "b", "c"]) == {"a": ("a", "b")}
