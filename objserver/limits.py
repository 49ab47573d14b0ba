"""Every bound of the server in one place, each with its unit and its reason.

A full queue, buffer or frame pushes back or answers an error that names the bound; nothing grows without one.
The language has its own bounds, in `sandbox/policy.py`, because they are part of what a snippet computes.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# A frame is read whole into memory before it is looked at. 16 MiB carries a large document or a batch of a
# bulk load; larger data are sent in pieces.
FRAME_SIZE_MAX: Final = 16 * MIB

# A result is built in memory beside the heap; it must fit a frame together with its envelope.
RESULT_SIZE_MAX: Final = FRAME_SIZE_MAX - 64 * KIB

# Nesting of values on the wire. orjson stops at 254 levels of its own `default` calls and 1024 of input.
VALUE_DEPTH_MAX: Final = 200

# What one connection may have written for it and not yet read. Above it the server stops reading from that
# connection; a client that never reads its replies costs this much and no more.
OUTPUT_SIZE_MAX: Final = 2 * FRAME_SIZE_MAX

# Replies may stay unread this long before the connection is closed.
OUTPUT_STALL_SECONDS_MAX: Final = 60

# One pass of the reactor reads at most this much from each connection, so that a long pipeline does not
# make the other clients wait for all of it.
READ_SIZE: Final = 256 * KIB

CONNECTIONS_MAX: Final = 10_000

# One batch, one entry, one sync. More would only lengthen the wait of the first reply in it.
BATCH_COUNT_MAX: Final = 1_000
BATCH_SIZE_MAX: Final = 4 * MIB

# Text printed by a snippet, kept beside its value.
PRINT_SIZE_MAX: Final = 64 * KIB

# An entry is read whole into memory before it is believed, so a damaged size must not ask for more than this. A
# batch and the frame that overfills it fit three times over.
ENTRY_SIZE_MAX: Final = 64 * MIB

# A log file is preallocated whole, which makes its syncs 1.4 times faster, and deleted whole. 64 MiB is read back
# within a second, and the disk space an idle log holds stays small.
LOG_SEGMENT_SIZE: Final = 64 * MIB

assert RESULT_SIZE_MAX < FRAME_SIZE_MAX <= OUTPUT_SIZE_MAX
assert READ_SIZE <= BATCH_SIZE_MAX
assert 3 * (BATCH_SIZE_MAX + FRAME_SIZE_MAX) <= ENTRY_SIZE_MAX
