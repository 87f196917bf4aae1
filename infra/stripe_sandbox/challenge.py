"""3-D Secure challenge: the page on which the holder of a card confirms a payment, or does not. Like Stripe's own in
test mode, it asks for no password; https://docs.stripe.com/payments/3d-secure."""

import time
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

from infra.stripe_sandbox import operations
from infra.stripe_sandbox.admission import Request
from infra.stripe_sandbox.events import Cause, Journal
from infra.stripe_sandbox.intents import CHALLENGE, REQUIRES_CAPTURE, SUCCEEDED, challenge_of
from infra.stripe_sandbox.ledger import Ledger
from infra.stripe_sandbox.money import written
from infra.stripe_sandbox.operations import COMPLETE, FAIL, Call
from infra.stripe_sandbox.parameters import decode, nest

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1f36; --soft: #5b6478; --page: #f6f9fc; --card: #fff; --line: #8a94a8;
  --go: #0b4f9e; --go-ink: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf2; --soft: #a8b1c4; --page: #12151f; --card: #1a1f2e;
  --line: #6b7690; --go: #9cc7ff; --go-ink: #0c1a2e; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; padding: 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; }
p { margin: 0 0 1rem; color: var(--soft); overflow-wrap: anywhere; }
p strong { color: var(--ink); }
form { display: grid; gap: .75rem; margin: 0 0 1rem; }
button { min-height: 48px; padding: .5rem 1rem; font: inherit; font-weight: 600; border: 1px solid var(--line);
  border-radius: 8px; background: none; color: var(--ink); cursor: pointer; }
button.go { background: var(--go); border-color: var(--go); color: var(--go-ink); }
a { display: inline-block; padding: .5rem 0; color: var(--go); }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
"""


@dataclass(frozen=True)
class Page:
    """A page, or a redirect to `location`."""

    status: int
    html: str = ""
    location: str | None = None


class Challenges:
    """`url` is the address of the sandbox."""

    def __init__(self, ledger: Ledger, journal: Journal, url: str):
        self._ledger = ledger
        self._journal = journal
        self._url = url

    def answer(self, request: Request) -> Page:
        """Return the page at a path, which contains the payment's id and the challenge's secret."""
        intent_id = request.path.removeprefix(CHALLENGE).partition("/")[0]
        account = self._ledger.account_of(intent_id)
        if account is None:
            return _over(404)
        given = nest(decode(request.body.decode(errors="replace"))) if request.method == "POST" else {}
        now = int(time.time())
        with self._journal.entry(account, Cause(now)) as books:
            intent = books.get("payment_intent", intent_id, param="intent")
            url, return_url = challenge_of(intent)
            if url != self._url + request.path:
                return _over(410)
            if given.get("outcome") not in (COMPLETE, FAIL):
                return Page(200, _asking(intent, books.get("payment_method", intent["payment_method"], ""), return_url))
            intent = operations.authenticate(books, Call(intent_id, {"outcome": given["outcome"]}, now))
        return Page(303, location=_back(intent, return_url)) if return_url else _over(200)


def _back(intent: dict, return_url: str) -> str:
    """Return the return URL with the query parameters that Stripe adds to it."""
    is_paid = intent["status"] in (REQUIRES_CAPTURE, SUCCEEDED)
    query = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if is_paid else "failed",
    }
    parts = urlsplit(return_url)
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(query)]))))


def _asking(intent: dict, method: dict, return_url: str | None) -> str:
    amount = f"{written(intent['amount'], intent['currency'])} {intent['currency'].upper()}"
    card = f"{method['card']['brand'].title()} ending in {method['card']['last4']}"
    leave = f'<a href="{escape(return_url)}">Leave without answering</a>' if return_url else ""
    return _document(
        "Confirm this payment",
        f"<p>Your bank asks whether it is you who pays <strong>{escape(amount)}</strong> with your "
        f"<strong>{escape(card)}</strong>.</p>"
        f'<form method="post"><button class="go" name="outcome" value="{COMPLETE}">Complete authentication</button>'
        f'<button name="outcome" value="{FAIL}">Fail authentication</button></form>'
        f"<p>{leave}</p><p>This is the payment sandbox: no bank is asked, and no real money moves.</p>",
    )


def _over(status: int) -> Page:
    text = "<p>This payment does not wait for a confirmation. You can close this page and go back to the shop.</p>"
    return Page(status, _document("Nothing to confirm", text))


def _document(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} – Payment sandbox</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{content}</main></body></html>"
    )
