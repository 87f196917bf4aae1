"""Text rule: one line and several lines, as pydantic types."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from chalicelib.platform.text import multi_line, one_line


class Form(BaseModel):
    line: Annotated[str, one_line(8)] = "x"
    lines: Annotated[str, multi_line(20)] = ""
    note: Annotated[str, one_line(8, min_length=0)] = ""


CONTROLS = ["\0", "\t", "\n", "\r\n", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]
REORDERING = ["\u202a", "\u202e", "\u2066", "\u2069"]
NO_CHARACTERS = ["\ud800", "\udfff", "\ufffe", "\ufdd0", "\ufff9"]


@pytest.mark.parametrize("character", [*CONTROLS, *REORDERING, *NO_CHARACTERS])
@pytest.mark.parametrize("text", ["{}ab", "a{}b", "ab{}"])
def test_line_refuses_invisible_characters(character, text):
    with pytest.raises(ValidationError) as refused:
        Form(line=text.format(character))
    assert "invisible character U+" in refused.value.errors()[0]["msg"]


INVISIBLE = [
    " ",
    "\u00a0",
    "\u200b",
    "\ufeff",
    "\u200d",
    "\u200e",
    "\u00ad",
    "\u2060\u200b",
    "\u3164",
    "\u2800",
    "\u0301",
]


@pytest.mark.parametrize("text", INVISIBLE)
def test_line_refuses_a_text_without_a_visible_character(text):
    with pytest.raises(ValidationError, match="at least one visible character"):
        Form(line=text)


@pytest.mark.parametrize(
    "text", ["می‌خواهم", "क्‍ष", "\u200fשלום", "👩‍💻", "🏴\U000e0067\U000e0062\U000e007f", "Zoë", "1", "-", "李", "O’Neil"]
)
def test_line_keeps_joiners_direction_marks_and_emoji(text):
    assert Form(line=text).line == text


def test_line_is_normalized_and_trimmed():
    assert Form(line=" \u00a0\u200bZoe\u0308\ufeff ").line == "Zoë"


def test_length_counts_normalized_characters():
    assert len(Form(line="e\u0301" * 8).line) == 8
    for text in ("e\u0301" * 9, "x" * 9, "x" * 10_000):
        with pytest.raises(ValidationError, match="at most 8 characters"):
            Form(line=text)


def test_empty_optional_text_is_allowed_but_not_an_invisible_one():
    assert Form(note=" ").note == ""
    with pytest.raises(ValidationError):
        Form(note="\u200b")


def test_several_lines_keep_line_breaks_and_tabs():
    assert Form(lines="a\r\nb\rc\u2028d\n\te").lines == "a\nb\nc\nd\n\te"


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1b", "\u202e", "\ud800"])
def test_several_lines_refuse_other_controls(character):
    with pytest.raises(ValidationError):
        Form(lines=f"a{character}b")


def test_document_describes_lengths_and_refused_characters():
    line = Form.model_json_schema()["properties"]["line"]
    assert (line["minLength"], line["maxLength"]) == (1, 8)
    assert line["pattern"].startswith(r"^[^\x00-\x1f") and r"\u202a-\u202e" in line["pattern"]
