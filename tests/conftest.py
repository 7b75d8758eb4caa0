"""How long Hypothesis looks: briefly while one works, long for `make laws`."""

from hypothesis import HealthCheck, settings

# A shared machine makes single examples slow at random, which says nothing about the code.
settings.register_profile("default", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("laws", parent=settings.get_profile("default"), max_examples=5_000)
settings.load_profile("default")
