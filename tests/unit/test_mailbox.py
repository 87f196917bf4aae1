"""`make mail` writes each kept email as a page, and a list of them that nobody's text can change."""

from infra.commands import mail


def sent(subject, html="<p>Hello</p>", text="Hello"):
    return {"To": ["ada@example.com"], "Subject": subject, "BodyHtml": html, "BodyText": text, "Timestamp": 0}


def test_mailbox_lists_the_newest_page_first_and_replaces_older_ones(tmp_path):
    mail.written([sent("Old")] * 3, tmp_path / "mails")

    index = mail.written([sent("First"), sent("Second", html="<head></head>Second")], tmp_path / "mails")

    assert index.read_text().index("Second") < index.read_text().index("First")
    assert {path.name for path in index.parent.iterdir()} == {"index.html", "00001.html", "00002.html"}
    assert (index.parent / "00002.html").read_text() == '<head><base target="_blank"></head>Second'


def test_mailbox_escapes_subjects_and_emails_without_html(tmp_path):
    index = mail.written([sent("<script>x</script>", html="", text="<script>y</script>")], tmp_path / "mails")

    assert "<script" not in index.read_text() + (index.parent / "00001.html").read_text()
