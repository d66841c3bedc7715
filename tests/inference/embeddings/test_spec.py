"""Specs of embeddings: JSON and back, and one clear sentence where the features do not suit."""

import json

import pytest

from inference.embeddings import EmbeddingSpec, embedding_spec
from inference.embeddings.spec import named_embedding

SCALARS = (("count", ()), ("rate", ()))
IMAGE, SERIES, SET = ("sta", (41, 41)), ("voltage", (50,)), ("trials", (8, 3))


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("mlp", SCALARS),
        ("mlp", (IMAGE, SERIES, *SCALARS)),
        ("cnn", (IMAGE, *SCALARS)),
        ("gru", (SERIES, ("current", (50,)), *SCALARS)),
        ("deepset", (SCALARS[0], SET)),
        ("custom", (IMAGE,)),
    ],
)
def test_a_spec_survives_json(name, features):
    spec = embedding_spec(name, features, num_outputs=7)
    assert spec.num_outputs == 7
    assert EmbeddingSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert hash(spec) == hash(EmbeddingSpec.from_dict(spec.to_dict()))


def test_what_shares_a_scale():
    assert embedding_spec("mlp", (("m", (2,)), IMAGE, *SCALARS)).groups == ((), (), (41, 41), (), ())
    assert embedding_spec("cnn", (("m", (2,)), IMAGE)).groups == ((), (), (41, 41))
    assert embedding_spec("gru", (SERIES, SCALARS[0])).groups == ((50,), ())


@pytest.mark.parametrize(
    ("name", "features", "words"),
    [
        ("cnn", SCALARS, r"cnn needs exactly one image.*simulator has 2 scalar features and no array"),
        ("cnn", (SERIES, SCALARS[0]), r"cnn needs exactly one image.*has voltage \(50,\) and 1 scalar\."),
        ("cnn", (IMAGE, ("other", (5, 5))), r"one image.*has sta \(41, 41\), other \(5, 5\)\."),
        ("gru", SCALARS, r"gru needs series of one length.*has 2 scalar features and no array"),
        ("gru", (SERIES, ("current", (49,))), r"of one length.*voltage \(50,\), current \(49,\)\."),
        ("deepset", SCALARS, r"deepset needs a set.*has 2 scalar features"),
        ("deepset", (("film", (3, 4, 5)),), r"deepset needs a set.*film \(3, 4, 5\)"),
        ("lstm", (SERIES,), r"no embedding 'lstm'; choose one of mlp, cnn, gru, deepset, custom"),
    ],
)
def test_features_that_do_not_suit_are_named(name, features, words):
    with pytest.raises(ValueError, match=words):
        embedding_spec(name, features)


def test_sizes_are_positive_whole_numbers():
    with pytest.raises(ValueError, match="positive whole number for width; got 0"):
        embedding_spec("mlp", SCALARS, width=0)


@pytest.mark.parametrize(
    ("asked", "features", "name"),
    [
        ("auto", SCALARS, None),
        ("auto", (SERIES, *SCALARS), None),
        ("auto", (SET,), None),  # three columns are no image
        ("auto", (IMAGE, ("other", (50, 50))), None),
        ("auto", (IMAGE, *SCALARS), "cnn"),
        (None, (IMAGE, *SCALARS), None),
        ("mlp", (IMAGE, *SCALARS), "mlp"),
        (lambda x: x, SCALARS, "custom"),
    ],
)
def test_what_a_setting_means_for_a_simulator(asked, features, name):
    spec = named_embedding(asked, features)
    assert (None if spec is None else spec.name) == name
