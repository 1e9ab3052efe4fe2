"""The standard methods of RFC 8620 section 5, derived once for every declared type.

Owns: Foo/get, /changes, /set, /query, /queryChanges: their arguments, their order of checks, their answers.
Does not own: the meaning of a property or a filter (model), permissions (access), SQL (store), any particular type.
May import: protocol, model, store.interface, access; msgspec.
"""
