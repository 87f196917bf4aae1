"""Documents for people: each one HTML file that needs nothing else, light or dark as its reader likes, and prints."""

from html import escape

SHOP = "Saga Supply"

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
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 13px; } svg rect { fill: var(--bar); }
"""

WIDTH, LABEL, ROW = 720, 230, 28
LONGEST_BAR = 380
LONGEST_LABEL = 32


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
    greatest = max((value for _, value, _ in bars), default=0)
    rows = "".join(
        _bar(n, label, max(value, 0) / max(greatest, 1), text) for n, (label, value, text) in enumerate(bars)
    )
    height = ROW * max(len(bars), 1)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>\n{rows}</svg>"
    )


def money(amount: int) -> str:
    """Minor units as people write them."""
    sign = "−" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02}"


def _row(cell: str, texts: list[str]) -> str:
    first, *others = (escape(text) for text in texts)
    numbers = "".join(f'<{cell} class="number">{text}</{cell}>' for text in others)
    return f"<tr><{cell}>{first}</{cell}>{numbers}</tr>\n"


def _bar(number: int, label: str, share: float, text: str) -> str:
    top, width = number * ROW, round(share * LONGEST_BAR, 1)
    shown = label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
    return (
        f'<text x="0" y="{top + 18}">{escape(shown)}</text>'
        f'<rect x="{LABEL}" y="{top + 5}" width="{width}" height="{ROW - 10}" rx="2"/>'
        f'<text x="{LABEL + width + 8}" y="{top + 18}">{escape(text)}</text>\n'
    )
