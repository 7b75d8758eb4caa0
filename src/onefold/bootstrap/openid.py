"""The identity provider that a project names for signing in."""

from __future__ import annotations

import os
import time

from onefold.adapters.openid import HttpsProvider
from onefold.config import Project, secret_text
from onefold.governance.openid import OpenId


def of(project: Project) -> OpenId | None:
    """Signing in by a provider as the project states it; None where it names none.

    Raises:
        ConfigurationError: The client's secret cannot be read.
    """
    said = project.sign_in
    if said is None:
        return None
    secret = None if said.client_secret is None else secret_text(said.client_secret, os.environ)
    return OpenId(
        provider=HttpsProvider(said.issuer, said.client_id, secret, time.monotonic),
        issuer=said.issuer,
        client_id=said.client_id,
        workspace=said.workspace,
        name=said.name,
        claim=said.claim,
        roles=said.roles,
    )
