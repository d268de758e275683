import pytest

from bakeoff.data.source_name import portable_name, public_name


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("mnist", "mnist"),
        ("mnist~contrast=0.25", "mnist~contrast=0.25"),
        ("folder:/home/me/photos", "photos"),
        ("folder:photos/", "photos"),
        ("csv:/home/me/labels.csv?label=breed&images=/home/me/x", "labels.csv"),
        ("npz:a/b.npz", "b.npz"),
        ("hf:org/name", "org/name"),
        ("hf:/home/me/saved", "saved"),
    ],
)
def test_others_see_no_folder_of_this_machine(name, public):
    assert public_name(name) == public


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("mnist~contrast=0.25", "mnist~contrast=0.25"),
        ("folder:/home/me/photos", "folder:photos"),
        ("folder:/home/me/photos/", "folder:photos"),
        ("folder:~me/photos", "folder:photos"),
        ("folder:my/photos~folds=5", "folder:my/photos~folds=5"),
        ("folder:/home/me/photos~groups=a%2Fb~fold=2", "folder:photos~groups=a%2Fb~fold=2"),
        ("folder:/", "folder:."),
        ("csv:/home/me/labels.csv?label=breed&images=/home/me/x", "csv:labels.csv?label=breed&images=x"),
        ("csv:labels.csv?images=%2Fhome%2Fme%2Fx&label=a~b", "csv:labels.csv?images=x&label=a~b"),
        ("npz:/a/b.npz", "npz:b.npz"),
        ("hf:org/name", "hf:org/name"),
        ("hf:/home/me/saved?label=x", "hf:saved?label=x"),
    ],
)
def test_portable_names_have_no_folder_of_this_machine_and_all_options(name, portable):
    assert portable_name(name) == portable == portable_name(portable)
