"""The error tree: drawn as it is, and one base for a caller to catch."""

import inspect
import re

import pytest

from affetto import errors

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and kind.__module__ == errors.__name__
}


def drawn_tree(docstring):
    """Read the drawing: each class's name, and the name of the one it hangs from."""
    parents, path = {}, []
    for line in docstring.splitlines():
        match = re.match(r"^    ((?:[│ ]   )*(?:[├└]── )?)(\w+Error)\s{2,}\S", line)
        if match:
            depth = len(match[1]) // 4
            path = [*path[:depth], match[2]]
            parents[match[2]] = path[-2] if depth else None
    return parents


def test_the_drawing_is_the_tree():
    actual = {
        name: kind.__base__.__name__ if kind is not errors.AffettoError else None
        for name, kind in CLASSES.items()
    }
    assert drawn_tree(errors.__doc__) == actual


def test_every_error_is_an_affetto_error_and_none_hides_a_bug():
    for kind in CLASSES.values():
        assert issubclass(kind, errors.AffettoError)
        assert not issubclass(kind, ValueError | TypeError | KeyError | OSError)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_says_what_it_means_and_keeps_its_message(name):
    kind = CLASSES[name]
    assert kind.__doc__.strip().endswith(".")
    with pytest.raises(errors.AffettoError, match="found a, expected b"):
        raise kind("found a, expected b")
