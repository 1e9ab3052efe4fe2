"""Files of other servers: what each format says of clients, in the words of this server.

Owns: the formats, one file each, mostly a table from their names to ours, and what of them cannot be carried over.
Does not own: comparing with a server and changing it (plan, carry_out, and the command).
May import: cli.schema, cli.terminal.
"""
