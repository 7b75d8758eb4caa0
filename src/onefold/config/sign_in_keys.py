"""The keys of `sign_in`: the identity provider by which people sign in to the console."""

from __future__ import annotations

from onefold.config.kinds import Field, MapOf, Record, Secret, Text
from onefold.governance.roles import ROLES

SIGN_IN = Record(
    {
        "issuer": Field(
            Text(
                pattern=r"^https?://[^\s?#]+$",
                shape="an address such as `https://login.example.org/realms/main`",
            ),
            "Address of an OpenID Connect provider, as its tokens state it.",
            required=True,
        ),
        "client_id": Field(Text(), "What the provider knows this server as.", required=True),
        "client_secret": Field(
            Secret(), "Where the client's secret is, `env:…` or `file:…`; none for a public client."
        ),
        "workspace": Field(Text(), "Whose people they are; the first workspace when left out."),
        "name": Field(
            Text(),
            "The claim that an account is named by; `email` when left out, which must be verified.",
        ),
        "claim": Field(Text(), "The claim whose values give a role; `groups` when left out."),
        "roles": Field(
            MapOf(Text(tuple(ROLES))),
            "The role for each value of the claim; the first that somebody has counts, and whoever has none is "
            "refused.",
            required=True,
        ),
    }
)
