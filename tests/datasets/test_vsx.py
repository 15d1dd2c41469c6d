"""The raw VSX catalogue in both layouts."""

from __future__ import annotations

import gzip

import pytest
from kedro.io import DatasetError

from malca.datasets.vsx import CDS_LAYOUT, GAPPED_LAYOUT, VsxDataset, detect_layout, parse_vsx

RIGHT = {"vsx_id", "ra_deg", "dec_deg", "mag_max", "mag_min", "epoch_hjd", "period_days"}
ENTRIES = [
    {
        "vsx_id": "1234567", "name": "V0123 Ori", "var_flag": "0",
        "ra_deg": "83.12345", "dec_deg": "-5.12345", "vsx_class": "UXOR+INS:",
        "l_max": "<", "mag_max": "10.1", "u_max": ":", "mag_band_max": "V",
        "f_min": "(", "l_min": "<", "mag_min": "1.5", "u_min": ":", "mag_band_min": "V",
        "epoch_hjd": "51234.5", "u_epoch": ":",
        "l_period": ">", "period_days": "12.345678", "u_period": ":", "spectral_type": "A0e",
    },
    {
        "vsx_id": "2", "name": "NSV 1", "var_flag": "2",
        "ra_deg": "0.00001", "dec_deg": "89.99999", "vsx_class": "",
    },
    {
        "vsx_id": "31", "name": "ASASSN-V J1", "var_flag": "1",
        "ra_deg": "359.9", "dec_deg": "0.0", "vsx_class": "EA",
    },
]  # fmt: skip


def lay_out(entries, layout):
    lines = []
    for entry in entries:
        line = [" "] * max(end for _, end in layout.values())
        for name, (start, end) in layout.items():
            word = entry.get(name, "")
            assert len(word) <= end - start
            line[start:end] = word.rjust(end - start) if name in RIGHT else word.ljust(end - start)
        # files come with and without trailing blanks
        lines.append("".join(line).rstrip())
    return ("\n".join(lines) + "\n").encode()


@pytest.mark.parametrize(("name", "layout"), [("gapped", GAPPED_LAYOUT), ("cds", CDS_LAYOUT)])
def test_both_layouts_are_told_apart_and_give_the_same(name, layout):
    catalogue = parse_vsx(lay_out(ENTRIES, layout))
    assert catalogue.layout == name
    assert catalogue.problems.empty
    entries = catalogue.entries
    assert list(entries["vsx_id"]) == [1234567, 2, 31]
    assert list(entries["var_flag"]) == [0, 2, 1]
    first = entries.iloc[0]
    for field, word in ENTRIES[0].items():
        if field in RIGHT | {"var_flag"}:
            assert first[field] == float(word), field
        else:
            assert first[field] == word, field
    assert entries["period_days"].isna().tolist() == [False, True, True]
    assert entries["l_max"].tolist() == ["<", "", ""]
    assert entries["vsx_id"].dtype == "int64"


def test_each_line_fits_one_layout_only():
    for name, layout in (("gapped", GAPPED_LAYOUT), ("cds", CDS_LAYOUT)):
        for line in lay_out(ENTRIES, layout).splitlines():
            assert detect_layout([line]) == name


def test_lines_that_are_no_entries_are_listed():
    content = lay_out(ENTRIES, GAPPED_LAYOUT) + b"\ngarbage\n" + lay_out(ENTRIES[1:], GAPPED_LAYOUT)
    broken = content.replace(b" 359.9", b" 3x9.9", 1)
    catalogue = parse_vsx(broken)
    assert list(catalogue.entries["vsx_id"]) == [1234567, 2, 2, 31]
    assert list(catalogue.problems["line"]) == [3, 5]
    assert "ra_deg" in catalogue.problems["detail"][0]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", bytes(range(256)) * 3])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "vsx.dat"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="is no VSX catalogue"):
        VsxDataset(filepath=str(path)).load()


def test_dataset(tmp_path, caplog):
    content = lay_out(ENTRIES, CDS_LAYOUT)
    (tmp_path / "vsx.dat").write_bytes(content)
    (tmp_path / "vsx.dat.gz").write_bytes(gzip.compress(content))
    plain = VsxDataset(filepath=str(tmp_path / "vsx.dat")).load()
    assert plain.equals(VsxDataset(filepath=str(tmp_path / "vsx.dat.gz")).load())
    with pytest.raises(DatasetError, match="there is no VSX catalogue at"):
        VsxDataset(filepath=str(tmp_path / "none.dat")).load()


def test_no_catalogue_is_an_empty_table():
    entries = VsxDataset(filepath=None).load()
    assert entries.empty
    assert entries["vsx_id"].dtype == "int64"
