"""Evidence graphs written by name: `email:ann` is a node of type email."""

from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import solve
from onefold.model import Edge, Judgement, Member

SETTINGS = IdentitySettings().declare("donor_id", priority=90, unique=True)
DAY_US = 86_400_000_000


class Graph:
    """A graph under construction."""

    def __init__(self):
        self.members, self.edges, self.judgements = {}, [], []

    def node(self, name, seen=0):
        """The node of that name, made when first named; its first sighting is that of the first naming."""
        kind = name.partition(":")[0]
        ident = name.encode().ljust(16, b".")
        self.members.setdefault(name, Member(ident, kind, seen, ident, ident))
        return ident

    def seen(self, strong, weak, at=0, kind="event", score=None):
        """Evidence that the two were seen together; the stronger type comes first."""
        b, a = self.node(strong, at), self.node(weak, at)
        strength = min(SETTINGS.priority(n.partition(":")[0]) for n in (strong, weak))
        event = len(self.edges).to_bytes(16, "big")
        self.edges.append(Edge(a, b, kind, strength, at, event, "web", "seen_together/1", score))
        return self

    def said(self, verdict, one, other=None, at=0):
        """Ann's judgement on a pair or on one node."""
        a, b = self.node(one), None if other is None else self.node(other)
        if b is not None and b < a:
            a, b = b, a
        number = len(self.judgements).to_bytes(16, "big")
        self.judgements.append(Judgement(number, verdict, a, b, at, "ann"))
        return self

    def solve(self):
        """The solver's answer."""
        return solve(list(self.members.values()), self.edges, self.judgements, SETTINGS)

    def people(self):
        """The people, as lists of names."""
        names = {m.id: name for name, m in self.members.items()}
        found = {}
        for m in self.solve().members:
            found.setdefault(m.person, set()).add(names[m.id])
        return sorted(map(sorted, found.values()))

    def member(self, name):
        """A node's place in the answer."""
        return next(m for m in self.solve().members if m.id == self.node(name))
