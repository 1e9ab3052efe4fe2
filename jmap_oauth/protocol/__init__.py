"""RFC 8620 on the wire, and the loop over the method calls of a request.

Owns: the Request and its strict JSON, the three families of errors, result references and creation ids,
PatchObject, the dispatcher.
Does not own: any object type, any SQL, anything of HTTP. A method is a name and a function to the dispatcher.
May import: nothing else of the package; msgspec.
"""
