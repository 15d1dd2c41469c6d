from __future__ import annotations

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from malca.magnitude_bins import ALL_BINS, bin_edges, known_bins, resolve_bin


def read_by_yaml(text: str) -> object:
    return yaml.safe_load(text)


def read_by_omegaconf(text: str) -> object:
    return OmegaConf.create(f"mag_bin: {text}")["mag_bin"]


def read_from_dotlist(text: str) -> object:
    return OmegaConf.from_dotlist([f"mag_bin={text}"])["mag_bin"]


@pytest.mark.parametrize("read", [read_by_yaml, read_by_omegaconf, read_from_dotlist])
@pytest.mark.parametrize("name", known_bins())
def test_a_bin_typed_bare_is_the_bin(name, read):
    assert resolve_bin(read(name)) == name


@pytest.mark.parametrize(
    ("typed", "number"), [("13_13.5", 1313.5), ("14.5_15", 14.515), ("13_14", 1314), ("9_9.5", 99.5)]
)
def test_readers_really_take_bins_for_numbers(typed, number):
    assert read_by_yaml(typed) == number
    assert read_by_omegaconf(typed) == number
    assert resolve_bin(number) == typed


def test_known_bins_are_distinct_as_names_and_as_numbers():
    names = known_bins()
    assert len(set(names)) == len(names)
    read = [read_by_yaml(name) for name in names]
    assert len(set(read)) == len(read)
    assert {"12_12.5", "12.5_13", "13_13.5", "13.5_14", "14_14.5", "14.5_15"} <= set(names)


def test_known_bins_have_their_edges():
    for name in known_bins():
        low, high = bin_edges(name)
        assert 8 <= low < high <= 18
        assert high - low in {0.5, 1.0}
        assert name == f"{low:g}_{high:g}"


@pytest.mark.parametrize("text", ["13_13.5", " 13_13.5 ", "12_14", "13.25_13.5"])
def test_text_is_taken_as_it_is(text):
    assert resolve_bin(text) == text.strip()


def test_all_bins():
    assert resolve_bin(ALL_BINS) == resolve_bin(" all ") == "all"


def test_numpy_numbers_are_numbers():
    assert resolve_bin(np.float64(1313.5)) == "13_13.5"


@pytest.mark.parametrize(
    "value", [13, 13.5, 0, -1313.5, 1313.0, 1818.5, float("nan"), True, None, [13]]
)
def test_what_is_no_bin_is_refused_with_what_there_is(value):
    with pytest.raises(ValueError, match="is no magnitude bin") as refusal:
        resolve_bin(value)
    text = str(refusal.value)
    assert repr(value) in text
    assert "13_13.5" in text
    assert "'all'" in text
    assert "\n" not in text


@pytest.mark.parametrize("text", ["", "13", "1313.5", "13-13.5", "13_13.5_14", "bright", "ALL"])
def test_text_that_is_no_bin_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a magnitude bin such as 13_13.5") as refusal:
        resolve_bin(text)
    assert f"'{text}'" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["13.5_13", "13_13", "nan_13"])
def test_edges_must_ascend(text):
    with pytest.raises(ValueError, match="its edges must ascend"):
        resolve_bin(text)
