"""Speed beside references' from the same run, on the same machine.

Seconds say more of the machine than of the program, so every figure stands beside that of a reference which
does the same work by other means, or the part of it that cannot be done without. A module adds rows by a
constant ROWS, a tuple of `bench.row.Row`; `bench.rows` joins them.
"""
