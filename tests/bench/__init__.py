"""`make bench`: what a request costs, beside what one would cost if there were no server to speak of.

Owns: a load generator, a bare ASGI app, starting and measuring servers, the table. Does not own: any opinion about
how fast is fast enough; nothing here fails because it was slow.
"""
