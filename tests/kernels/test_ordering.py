import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import malca
from malca.kernels import ordering

numbers = arrays(
    np.float64,
    st.integers(1, 200),
    elements=st.one_of(
        st.floats(-5, 5), st.integers(-2, 2).map(float), st.sampled_from([np.inf, -np.inf])
    ),
)


@settings(deadline=None)  # the first example compiles
@given(numbers)
def test_argsort_is_numpys_stable_one(values):
    np.testing.assert_array_equal(ordering.argsort(values), np.argsort(values, kind="stable"))


@settings(deadline=None)  # the first example compiles
@given(numbers)
def test_sorted_copy_sorts_and_leaves_its_argument(values):
    before = values.copy()
    np.testing.assert_array_equal(ordering.sorted_copy(values), np.sort(values))
    np.testing.assert_array_equal(values, before)


@settings(deadline=None)  # the first example compiles
@given(numbers.filter(lambda values: np.isfinite(values).all()))
def test_medians_are_numpys(values):
    before = values.copy()
    assert ordering.median_of(values) == np.median(values)
    np.testing.assert_array_equal(values, before)
    assert ordering.median_in_place(values) == np.median(before)


@settings(deadline=None)  # the first example compiles
@given(numbers, st.floats(-6, 6))
def test_bounds_are_numpys_searchsorted(values, x):
    values = np.sort(values)
    assert ordering.first_not_below(values, x) == np.searchsorted(values, x, "left")
    assert ordering.first_above(values, x) == np.searchsorted(values, x, "right")


def test_nothing_to_sort():
    assert ordering.argsort(np.empty(0)).shape == (0,)
    assert ordering.sorted_copy(np.empty(0)).shape == (0,)
    assert ordering.first_above(np.empty(0), 1.0) == 0


#: What numba builds from nested functions whose cached variants can be taken for each other.
AMBIGUOUS = {
    "sort", "argsort", "sorted", "median", "nanmedian", "percentile", "nanpercentile", "quantile",
    "nanquantile", "partition", "argpartition", "searchsorted", "unique", "digitize", "histogram",
}  # fmt: skip


def _compiled(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and any(
            "njit" in ast.unparse(decorator) for decorator in node.decorator_list
        ):
            yield node


@pytest.mark.parametrize(
    "path",
    sorted(Path(malca.__file__).parent.rglob("*.py")),
    ids=lambda path: f"{path.parent.name}.{path.stem}",
)
def test_compiled_code_sorts_with_named_functions_only(path):
    own = set(ordering.__dict__)
    for function in _compiled(path):
        for call in ast.walk(function):
            if isinstance(call, ast.Call):
                name = ast.unparse(call.func)
                bare = name in own and not name.startswith("np.")
                assert bare or name.split(".")[-1] not in AMBIGUOUS, (
                    f"{path.name}:{call.lineno} calls {name}; use malca.kernels.ordering"
                )
