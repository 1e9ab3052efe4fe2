"""Where objects are kept.

Owns: the contract every backend keeps, the backends, the SQL they share, the running of the migrations in `schema/`.
Does not own: what an object means, who may see it (it is told the account), JSON on the wire.
May import: model, protocol.types; msgspec, and each backend its driver.
"""
