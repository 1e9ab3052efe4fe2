"""The HTTP edge: bytes in, bytes out.

Owns: routes, the headers and limits of requests, authentication as far as it is HTTP, the Session object, problem
documents, push, health, metrics, the access log, the static files, the bounds of connections.
Does not own: what a key may do (access), what a method call means (protocol, methods), any setting.
May import: protocol, access, store.interface, config; starlette, uvicorn, msgspec, prometheus-client.
"""
