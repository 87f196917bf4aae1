"""Documents for people: each one HTML file that needs nothing else, light or dark as its reader likes, and prints."""

from html import escape

from chalicelib.platform.money import decimal_text

STYLE = """
:root { color-scheme: light dark; --ground: #f8f3e8; --ink: #14262e; --quiet: #4d5f66; --line: #ded5c0;
  --bar: #a8233a; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0f1c22; --ink: #f1eadb; --quiet: #a9b9ba; --line: #2a3e46; --bar: #d8485c; }
}
@media print { :root { --ground: #fff; --ink: #000; --quiet: #444; } }
body { margin: 0 auto; padding: 3rem 1.25rem; max-width: 46rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 Palatino, 'Book Antiqua', Georgia, serif; }
h1 { font-size: 1.9rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
p { margin: .25rem 0; } .quiet { color: var(--quiet); }
table { width: 100%; border-collapse: collapse; margin: 1.5rem 0; }
th, td { padding: .45rem .5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: normal; color: var(--quiet); } .number { text-align: right; font-variant-numeric: tabular-nums; }
tfoot td { border: 0; font-weight: bold; }
.chart { margin: 1rem 0; padding: 0; list-style: none; font-size: .9rem; }
.chart li { display: grid; grid-template-columns: minmax(6.5rem, 30%) 1fr; gap: .75rem; padding: .2rem 0; }
.chart .bar { display: flex; align-items: center; gap: .5rem; font-variant-numeric: tabular-nums; }
.chart i { height: 1rem; border-radius: 2px; background: var(--bar); print-color-adjust: exact; }
"""

LONGEST_BAR = 75
"""Percent of what is left beside the labels; the rest is for the value."""


def page(title: str, body: str) -> str:
    """`body` is HTML, `title` is text."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def table(heads: list[str], rows: list[list[str]], foot: list[str]) -> str:
    """Of texts. The first column is words, the others are numbers."""
    return (
        f"<table>\n<thead>{_row('th', heads)}</thead>\n"
        f"<tbody>\n{''.join(_row('td', row) for row in rows)}</tbody>\n"
        f"<tfoot>{_row('td', foot)}</tfoot>\n</table>"
    )


def bar_chart(title: str, bars: list[tuple[str, int, str]]) -> str:
    """A bar for each (label, value, value as text), as long as its share of the greatest."""
    greatest = max(1, *(value for _, value, _ in bars)) if bars else 1
    rows = "".join(_bar(label, max(value, 0) / greatest, text) for label, value, text in bars)
    return f'<ul class="chart" aria-label="{escape(title)}">\n{rows}</ul>'


def money(amount: int, currency: str) -> str:
    """Minor units as people write them, without the currency."""
    return decimal_text(amount, currency).replace("-", "−")


def _row(cell: str, texts: list[str]) -> str:
    first, *others = (escape(text) for text in texts)
    numbers = "".join(f'<{cell} class="number">{text}</{cell}>' for text in others)
    return f"<tr><{cell}>{first}</{cell}>{numbers}</tr>\n"


def _bar(label: str, share: float, text: str) -> str:
    bar = f'<i style="width: {share * LONGEST_BAR:.1f}%"></i>' if share else ""
    return f'<li><span>{escape(label)}</span><span class="bar">{bar}{escape(text)}</span></li>\n'
