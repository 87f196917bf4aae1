"""Ledger page: all payments as one HTML page without scripts or external resources."""

import time
from html import escape

from infra.stripe_sandbox.money import written

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1f36; --soft: #697386; --line: #e3e8ee; --page: #f6f9fc;
  --card: #fff; --good: #0e6245; --good-back: #d5f5e3; --held: #0b4f9e; --held-back: #dcebff;
  --bad: #a41c4e; --bad-back: #fde2eb; --idle: #4f566b; --idle-back: #e8ebf0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf2; --soft: #98a2b8; --line: #2c3347;
  --page: #12151f; --card: #1a1f2e; --good: #7fe0b0; --good-back: #12382a; --held: #9cc7ff;
  --held-back: #14305a; --bad: #ff9dbd; --bad-back: #4a1528; --idle: #b4bccf;
  --idle-back: #2a3144; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem clamp(1rem, 4vw, 4rem); background: var(--page);
  color: var(--ink); font: 14px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; }
p { margin: .25rem 0 1.5rem; color: var(--soft); }
a { color: inherit; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .65rem .8rem; text-align: left; vertical-align: top; white-space: nowrap; }
th { color: var(--soft); font-size: .75rem; font-weight: 600; text-transform: uppercase;
  letter-spacing: .05em; }
tbody tr { border-top: 1px solid var(--line); }
.money { text-align: right; font-variant-numeric: tabular-nums; }
small { display: block; color: var(--soft); font-size: .8rem; }
.money small { white-space: normal; }
.id { font-family: ui-monospace, monospace; }
.status { padding: .1rem .6rem; border-radius: 999px; font-size: .8rem; font-weight: 600;
  color: var(--idle); background: var(--idle-back); }
.succeeded { color: var(--good); background: var(--good-back); }
.requires_capture { color: var(--held); background: var(--held-back); }
.declined { color: var(--bad); background: var(--bad-back); }
"""

_COLUMNS = ("Created (UTC)", "Order", "Status", "Amount", "Held", "Captured", "Refunded", "Disputed")
_MONEY_COLUMNS = ("Amount", "Held", "Captured", "Refunded", "Disputed")


def render(payments: list[dict], limit: int, faults: int, modes: dict[str, str]) -> str:
    """Return the page; `modes` has the accounts that are not in normal delivery mode."""
    rows = "".join(_row(payment) for payment in payments)
    empty = f'<tr><td colspan="{len(_COLUMNS)}">No payments yet.</td></tr>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Payment sandbox</title><style>{_STYLE}</style></head><body>"
        "<h1>Payment sandbox</h1>"
        f'<p>The newest {limit} payments of all accounts. All of them: <a href="/ledger">JSON</a>. '
        f"No real money moves here.{_arranged(faults, modes)}</p>"
        f'<div class="scroll"><table><thead><tr>{_headings()}</tr></thead>'
        f"<tbody>{rows or empty}</tbody></table></div></body></html>"
    )


def _arranged(faults: int, modes: dict[str, str]) -> str:
    """Return the active faults and delivery modes as HTML."""
    notes = [f"{faults} active fault{'' if faults == 1 else 's'}"] if faults else []
    notes += [f"webhooks of {account}: {mode.replace('_', ' ')}" for account, mode in modes.items()]
    return f"<small>{escape(' · '.join(notes))}</small>" if notes else ""


def _headings() -> str:
    return "".join(
        f'<th class="money">{column}</th>' if column in _MONEY_COLUMNS else f"<th>{column}</th>" for column in _COLUMNS
    )


def _row(payment: dict) -> str:
    cells = (
        f"<td>{_moment(payment['created'])}</td>",
        f"<td>{_order(payment)}</td>",
        f"<td>{_status(payment)}</td>",
        _money(payment, "amount"),
        _money(payment, "capturable"),
        _money(payment, "captured"),
        _money(payment, "refunded", _refund_notes(payment)),
        f'<td class="money">{_disputes(payment)}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _moment(unix_seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(unix_seconds))


def _order(payment: dict) -> str:
    ids = (payment["payment_intent"], payment["account"])
    notes = "".join(f'<small class="id">{escape(name)}</small>' for name in ids)
    return f"{escape(payment['order_id'] or '–')}{notes}"


def _status(payment: dict) -> str:
    declined = payment["status"] == "requires_payment_method" and payment["last_error"]
    look = "declined" if declined else escape(payment["status"])
    words = "declined" if declined else escape(payment["status"].replace("_", " "))
    reasons = "".join(f"<small>{escape(reason)}</small>" for reason in payment["declines"] or _authentication(payment))
    url = payment["challenge_url"]
    challenge = f'<small><a href="{escape(url)}">Challenge</a></small>' if url else ""
    return f'<span class="status {look}">{words}</span>{reasons}{challenge}'


def _authentication(payment: dict) -> list[str]:
    """Return the authentication error, for a failure before the issuer's decision."""
    return [payment["last_error"].replace("_", " ")] if payment["last_error"] else []


def _money(payment: dict, name: str, notes: str = "") -> str:
    amount = payment[name]
    shown = f"{written(amount, payment['currency'])} {payment['currency'].upper()}"
    return f'<td class="money">{escape(shown) if amount else "–"}{notes}</td>'


def _refund_notes(payment: dict) -> str:
    return "".join(
        f"<small>{escape(written(refund['amount'], payment['currency']))} "
        f"{escape((refund['reason'] or 'no reason given').replace('_', ' '))}</small>"
        for refund in payment["refunds"]
    )


def _disputes(payment: dict) -> str:
    notes = (
        f"{escape(written(dispute['amount'], payment['currency']))} {payment['currency'].upper()}"
        f"<small>{escape(dispute['status'].replace('_', ' '))}: {escape(dispute['reason'].replace('_', ' '))}</small>"
        for dispute in payment["disputes"]
    )
    return "".join(notes) or "–"
