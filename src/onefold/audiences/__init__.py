"""Audiences: named groups of people, stated by rules or by lists, and who is in them."""
