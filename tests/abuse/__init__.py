"""What attackers and accidents do to servers of this kind, each by its number in the list of known incidents.

Every test says its number. What the list speaks of and this product does not have, is tested to be absent.
"""
