"""No tracked file holds a secret, and the search for them is able to find one."""

import pytest
from tests.house.tree import texts
from tools.secret_scan import FORMS, main, secrets

# In two parts, so that this file is not found.
PLANTED = {
    "Onefold key": ("of_source_", "a" * 43 + "_" + "b" * 6),
    "private key": ("-----BEGIN RSA", " PRIVATE KEY-----"),
    "AWS access key": ("AKIA", "IOSFODNN7EXAMPLE"),
    "GitHub token": ("ghp_", "0123456789abcdefghijABCDEFGHIJ012345"),
    "GitLab token": ("glpat-", "0123456789abcdefghij"),
    "Slack token": ("xoxb-", "1234567890-abcdef"),
    "Google API key": ("AIza", "0123456789abcdefghijABCDEFGHIJ01234"),
    "Stripe key": ("sk_live_", "0123456789abcdefghijABCD"),
    "package registry token": ("npm_", "0123456789abcdefghijABCDEFGHIJ012345"),
    "JSON web token": ("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlMTIzNDU2"),
    "address with a password": ("postgresql://onefold:", "correct-horse@db/onefold"),
}


def test_no_tracked_file_holds_a_secret():
    """What looks like a credential never reaches a commit."""
    assert [f"{name}:{line}: {what}" for name, text in texts() for line, what in secrets(text)] == []


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_secret_is_found(form, tmp_path, capsys):
    """Control: each form is found, and told without being repeated; a line marked with a reason is let through."""
    secret = "".join(PLANTED[form])
    file = tmp_path / "settings.txt"
    file.write_text(f"first line\nkey = {secret}\n")
    assert main([str(file)]) == 1
    told = capsys.readouterr().out
    assert f"{file}:2: {form}" in told
    assert secret not in told
    file.write_text(f"key = {secret}  # secret-ok: shown in the manual\n")
    assert main([str(file)]) == 0
