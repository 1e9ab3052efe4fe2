"""Who is asking, what they may do, and why not.

Owns: principals, API keys and how they are recognised, permissions, what a key may give to another, the throttling of
failures, the hashing of secrets.
Does not own: how keys arrive (http), what is done once it is allowed (methods), any particular type: the type of the
API keys is handed in.
May import: protocol, model, store.interface; argon2-cffi.
"""
