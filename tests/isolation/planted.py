"""Bugs by which one workspace could show in another, each planted in the real product."""

from __future__ import annotations

import asyncio
import json

import msgspec

from onefold.errors import NotFoundError, UsageError
from onefold.governance.access import digest
from onefold.model import Identifier
from onefold.pipelines.service import Service
from onefold.serving import api, app, segment_profiles
from onefold.serving.access import Caller, Doorkeeper
from onefold.serving.collect import Collector
from onefold.serving.keys import Keyring
from onefold.serving.lookup import looked_up
from onefold.serving.measures import Measures
from onefold.serving.problems import ForbiddenError


def _moved(patch, choose):
    """Let `choose` say the workspace of a caller whose key was found good."""
    admit = Doorkeeper.admit

    def admitting(self, request, scope, operation):
        caller = admit(self, request, scope, operation)
        return Caller(caller.key, self._services.get(choose(self, request), caller.service))

    patch.setattr(Doorkeeper, "admit", admitting)


def key_ignored(patch, _):
    """Everybody is let into the last workspace."""
    _moved(patch, lambda door, _: list(door._services)[-1])


def workspace_from_the_query(patch, _):
    """A parameter says the workspace."""
    _moved(patch, lambda _, request: request.query_params.get("workspace"))


def workspace_from_a_header(patch, _):
    """A header says the workspace."""
    _moved(patch, lambda _, request: request.headers.get("x-tenant-id"))


def revoked_keys_alive(patch, _):
    """A key that is not found is looked up once more, among those that were revoked as well."""
    finding = Keyring.find

    def find(self, token):
        found = finding(self, token)
        return found or next((key for key in self._store.keys() if key.digest == digest(token)), None)

    patch.setattr(Keyring, "find", find)


def cache_without_workspace(patch, twins):
    """Profiles are remembered by identifier, whoever asked."""
    remembered = {}

    async def remembering(caller, who):
        place = (id(caller.service) in known_alone, who)
        if place not in remembered:
            remembered[place] = await looked_up(caller, who)
        return remembered[place]

    # The twins are two products, which share no memory.
    known_alone = {id(service) for service in twins.alone.opened.services.values()}
    _look_up_by(patch, remembering)


def _look_up_by(patch, look_up):
    patch.setattr(api, "looked_up", look_up)
    patch.setattr(segment_profiles, "looked_up", look_up)


def _neighbours(caller, twins):
    for house in (twins.both, twins.alone):
        if caller.service in house.opened.services.values():
            return [b for b in house.opened.services.values() if b is not caller.service]
    raise AssertionError("a caller of neither")


def _knows(service, who):
    try:
        return bool(service.profile(who))
    except NotFoundError:
        return False


def one_caller_for_all(patch, _):
    """Who asks is remembered by the door, not by the request."""
    admit, latest = Doorkeeper.admit, []

    def admitting(self, request, scope, operation):
        latest[:] = [admit(self, request, scope, operation)]
        return latest[0]

    async def late(_, who):
        await asyncio.sleep(0)
        return await looked_up(latest[0], who)

    patch.setattr(Doorkeeper, "admit", admitting)
    _look_up_by(patch, late)


def oracle_by_status(patch, twins):
    """403 for somebody another workspace knows, 404 for nobody."""

    async def telling(caller, who):
        try:
            return await looked_up(caller, who)
        except NotFoundError:
            if any(_knows(service, who) for service in _neighbours(caller, twins)):
                raise ForbiddenError("That person is not in your workspace.") from None
            raise

    _look_up_by(patch, telling)


def oracle_by_words(patch, twins):
    """The same status, but the words of the error differ."""
    explain = Service.explain

    def telling(self, a, b):
        others = [one for house in (twins.both, twins.alone) for one in house.opened.services.values()
                  if self in house.opened.services.values() and one is not self]  # fmt: skip
        try:
            return explain(self, a, b)
        except NotFoundError:
            if any(_knows(one, a) for one in others):
                raise UsageError("The first of them is elsewhere.") from None
            raise

    patch.setattr(Service, "explain", telling)


def dead_letters_of_all(patch, twins):
    """A dead letter that is not there is looked for next door."""
    shown = Service.dead_letter

    def showing(self, offset):
        if self is twins.both.opened.services[twins.attack.mine.name]:
            return shown(twins.both.opened.services[twins.attack.theirs.name], offset)
        return shown(self, offset)

    patch.setattr(Service, "dead_letter", showing)


def stream_of_all(patch, twins):
    """The live debugger shows what comes in anywhere."""
    tail = Service.tail

    def tailing(self, places, wanted):
        found, reached = tail(self, places, wanted)
        if self is twins.both.opened.services[twins.attack.mine.name]:
            found = found + tail(twins.both.opened.services[twins.attack.theirs.name], places, wanted)[0]
        return found, reached

    patch.setattr(Service, "tail", tailing)


def metrics_of_all(patch, _):
    """A steward's metrics are those of the whole server."""
    text = Measures.text
    patch.setattr(Measures, "text", lambda self, _: text(self, None))


def paths_in_the_log(patch, _):
    """The access log has the path in place of its template."""
    patch.setattr(app, "_template", lambda scope: scope["path"])


def body_says_the_workspace(patch, _):
    """A body that names a workspace is taken there."""
    take = Collector._take

    async def taking(self, scope, call, body):
        try:
            named = json.loads(body).get("workspace")
        except (ValueError, AttributeError):
            named = None
        if call.key is not None and named in self._appenders:
            call.key = msgspec.structs.replace(call.key, workspace=named)
        return await take(self, scope, call, body)

    patch.setattr(Collector, "_take", taking)


def judged_everywhere(patch, twins):
    """A judgement is put into the neighbour's log as well."""
    judge = Service.judge

    def judging(self, verdict, a, b, **said):
        if self is twins.both.opened.services[twins.attack.mine.name]:
            judge(
                twins.both.opened.services[twins.attack.theirs.name], "shared", Identifier("user_id", "u"), None, **said
            )
        return judge(self, verdict, a, b, **said)

    patch.setattr(Service, "judge", judging)


SHOWING = {
    key_ignored: "read",
    workspace_from_the_query: "read",
    workspace_from_a_header: "read",
    revoked_keys_alive: "status",
    cache_without_workspace: "read",
    oracle_by_status: "differs",
    oracle_by_words: "differs",
    dead_letters_of_all: "read",
    stream_of_all: "differs",
    metrics_of_all: "differs",
    paths_in_the_log: "logged",
}
"""Each bug that shows something, and how it is found."""
CHANGING = (body_says_the_workspace, judged_everywhere)
"""Bugs by which a request changes something next door."""
