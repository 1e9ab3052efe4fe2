"""The words in which an object type is declared, and what follows from a declaration.

Owns: property kinds and flags, the start-up check of declarations, validation of objects, the meaning of filters and
sorts, search words and sort keys, ids, the schema document.
Does not own: where objects are kept, who may change them, any particular type.
May import: protocol.types, protocol.errors; msgspec and libraries for the syntax of fields.
"""
