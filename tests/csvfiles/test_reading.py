"""Files as people have them: any encoding, any delimiter, broken in any way."""

from __future__ import annotations

import codecs
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resend.csvfiles.errors import FileRefused
from django_resend.csvfiles.records import Format, read_records
from django_resend.csvfiles.survey import peek, read_format, survey
from tests.csvfiles.helpers import cells, encoded, records

ZOE = "email;name\nzoe@example.org;Zoë\n"


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        (ZOE.encode(), "utf-8"),
        (codecs.BOM_UTF8 + ZOE.encode(), "utf-8"),
        (codecs.BOM_UTF16_LE + ZOE.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + ZOE.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_every_encoding_with_a_mark_or_proof_is_read(content: bytes, codec: str) -> None:
    format = read_format(encoded(content))

    assert (format.codec, format.guessed) == (codec, False)
    assert format.columns == ("email", "name")
    assert cells(content) == [["zoe@example.org", "Zoë"]]


def test_what_is_no_utf_8_is_read_as_windows_1252_and_said_to_be_guessed() -> None:
    format = read_format(encoded(ZOE.encode("cp1252")))

    assert (format.codec, format.guessed) == ("cp1252", True)
    assert cells(ZOE.encode("cp1252")) == [["zoe@example.org", "Zoë"]]


def test_one_late_byte_that_is_no_utf_8_decides() -> None:
    content = b"email\n" + b"a@example.org\n" * 200_000 + "zoë@example.org".encode("cp1252")

    assert peek(encoded(content)).codec == "utf-8"
    assert read_format(encoded(content)).codec == "cp1252"


def test_a_character_that_two_chunks_share_is_no_reason_to_guess() -> None:
    content = b"email\n" + b"x" * ((1 << 20) - 7) + "ë".encode() + b"\n"

    assert read_format(encoded(content)).codec == "utf-8"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n \r\n,,\n", "empty"),
        (codecs.BOM_UTF8, "empty"),
        (b"PK\x03\x04rest of a workbook", "Excel workbook"),
        (ZOE.encode("utf-16-le"), "UTF-16 without its mark"),
        (codecs.BOM_UTF8 + ZOE.encode("latin-1"), "says it is UTF-8, but byte 32 is not"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8a\x00", "says it is UTF-16-LE, but byte 2"),
        (b"email\n\x81\xff\n", "Byte 6 fits neither"),
        (b'"email\na@example.org\n', "Line 1 holds no names"),
    ],
)
def test_what_is_no_csv_file_is_refused_in_a_sentence(content: bytes, says: str) -> None:
    with pytest.raises(FileRefused, match=says):
        read_format(encoded(content))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_finds_columns(delimiter: str) -> None:
    rows = [["email", "name", "note"]]
    rows += [[f"p{n}@example.org", f"P{n}", "a, b; c | d\te"] for n in range(3)]
    quoted = [delimiter.join(f'"{cell}"' for cell in row) for row in rows]

    assert cells("\n".join(quoted)) == rows[1:]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("email\na@example.org\nb@example.org\n", ","),
        ("email;note, free\na@example.org;one, two, three\nb@example.org;x\n", ";"),
        ("name;email\nDoe, Jane;a@example.org\nRoe, Richard;b@example.org\n", ";"),
        ('sep=;\nemail,x;name\n"a@example.org";"b"\n', ";"),
        ("a@example.org\tAda\n", "\t"),
    ],
)
def test_the_delimiter_is_told_from_other_signs(content: str, delimiter: str) -> None:
    assert read_format(encoded(content)).delimiter == delimiter


def test_without_a_header_the_first_line_is_a_contact() -> None:
    format = read_format(encoded("a@example.org,Ada\nb@example.org,Bob\n"))

    assert not format.headed
    assert format.columns == ("column 1", "column 2")
    assert [one.line for one in records("a@example.org,Ada\nb@example.org,Bob\n")] == [1, 2]


def test_no_two_columns_have_one_name() -> None:
    format = read_format(encoded("email,name,name,,\na@example.org,1,2,3,4\n"))

    assert format.columns == ("email", "name", "name (2)", "column 4", "column 5")


def test_lines_are_counted_as_an_editor_does() -> None:
    content = 'email,note\n\na@example.org,"one\r\ntwo"\r\n,\nb@example.org,x\rc@example.org,y'

    assert [(one.number, one.line) for one in records(content)] == [(0, 3), (1, 6), (2, 7)]
    assert cells(content)[0] == ["a@example.org", "one\r\ntwo"]


@pytest.mark.parametrize(
    "broken",
    [
        'a@example.org,"never closed',
        'a@example.org,"closed" too early',
        'a@example.org,"',
    ],
)
def test_a_record_whose_quotes_do_not_match_takes_no_other_along(broken: str) -> None:
    content = f'email,note\n{broken}\nb@example.org,x\nc@example.org,"y"\n'

    found = records(content)

    assert [one.line for one in found] == [2, 3, 4]
    assert found[0].problem
    assert [one.cells for one in found[1:]] == [["b@example.org", "x"], ["c@example.org", "y"]]


def test_a_quote_that_is_never_closed_costs_one_line_of_a_long_file() -> None:
    lines = "".join(f"p{n}@example.org,x\n" for n in range(20_000))

    found = records(f'email,note\na@example.org,"open\n{lines}')

    assert len(found) == 20_001
    assert [one.line for one in found if one.problem] == [2]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(FileRefused, match="a million characters"):
        records("email\n" + "x" * 1_000_000)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_reading_goes_on_behind_any_record(codec: str, newline: str) -> None:
    lines = ["email,note", "zoë@example.org,ä", 'b@example.org,"1\n2"', "x", 'c,"', "d@x.org,"]
    file = encoded(newline.join(lines).encode(codec))
    format = Format.unpack(read_format(file).pack())
    whole = list(read_records(file, format))

    assert len(whole) == 5
    for place in range(len(whole)):
        first = list(islice(read_records(file, format), place))
        at = first[-1].after if first else None
        assert [*first, *read_records(file, format, at)] == whole


def test_repeated_addresses_are_found_whatever_their_case() -> None:
    file = encoded("name,email\na,ADA@example.org\nb,\nc\nd, ada@Example.org\ne,bob@example.org\n")
    format = read_format(file)

    surveyed = survey(file, format, 1)

    assert surveyed.total == 5
    assert [number for number in range(5) if number in surveyed.repeats] == [3]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2)))
def test_no_content_breaks_the_reader(rows: list[list[str]]) -> None:
    lines = "\n".join(";".join(row) for row in rows)
    found = records(f"email;name\n{lines}\nlast@example.org;x")

    assert all(bool(one.cells) != bool(one.problem) for one in found)
    assert "last@example.org" in found[-1].cells
