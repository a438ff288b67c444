"""Alvys' records as the content of transactions, route by route. Pure; see MAPPING.md for each field's origin.

Nothing here raises for bad data: a record that can't be read becomes a `Sourced` with the reason in it.
"""
