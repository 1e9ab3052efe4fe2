"""The store on PostgreSQL 15 and newer. Nothing imports it but what opens a database whose URL says postgresql://.

Owns: the connections, what its errors mean, running `schema/postgresql`, and where its SQL differs from SQLite's.
Does not own: what a filter or an order means (`store.sql`), states, the log of changes.
May import: store, model, protocol.types; msgspec, asyncpg.
"""
