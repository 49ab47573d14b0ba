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

# A result is built in memory beside the heap; it must fit a frame together with its envelope and what was
# printed, which JSON may lengthen sixfold. A reply that does not fit would be noticed after the snippet was logged.
RESULT_SIZE_MAX: Final = FRAME_SIZE_MAX - 512 * KIB

# Containers in one value on the wire. An object that holds another twice, and that one a third twice, is small in
# memory and endless as text; half a million containers are walked in about a second.
VALUE_COUNT_MAX: Final = 500_000

# Bits of one int on the wire: twice what a snippet may compute at once (sandbox/policy.py). To compare a long int with
# a Decimal takes quadratic time. So does the common divisor that every fraction begins with, and a frame holds many.
INT_BITS_MAX: Final = 256 * KIB
FRACTION_BITS_MAX: Final = 16 * KIB

# A Decimal on the wire, as in the language: written out as a number, a short text may have a billion digits.
DECIMAL_DIGITS_MAX: Final = 1_000
DECIMAL_EXPONENT_MAX: Final = 9_999

# Members of one set, or keys of one dict, that may have the same hash: each is compared with all before it. Numbers
# with one hash are easily made, the multiples of 2**61 - 1 for example.
HASH_SHARED_COUNT_MAX: Final = 64

# A request's id, in characters: it is sent back, so it takes room in the reply.
REQUEST_ID_LENGTH_MAX: Final = 256

# The message of an error, and each text beside it, in characters. An exception may quote a whole document.
ERROR_TEXT_LENGTH_MAX: Final = 64 * KIB

# Nesting of values on the wire. orjson stops at 254 levels of its own `default` calls and 1024 of input.
VALUE_DEPTH_MAX: Final = 200

# What one connection may have written for it and not yet read. Above it the server stops reading from that
# connection; a client that never reads its replies costs this much and no more.
OUTPUT_SIZE_MAX: Final = 2 * FRAME_SIZE_MAX

# Replies may stay unread this long before the connection is closed.
OUTPUT_STALL_SECONDS_MAX: Final = 60

# One pass of the reactor reads at most this much from each connection, so that a long pipeline does not
# make the other clients wait for all of it. Python allocates it for every read: from 128 KiB on glibc asks the
# kernel for fresh pages each time, and a read of 100 bytes took 42 us instead of 12.
READ_SIZE: Final = 64 * KIB

CONNECTIONS_MAX: Final = 10_000

# Connections the kernel holds until the server accepts them. A burst of clients that start together; the kernel
# cuts it to net.core.somaxconn.
BACKLOG_COUNT_MAX: Final = 1_024

# A connection that the server ends first is read this long, and what comes thrown away, so that the error reaches
# a client that is still sending: a socket closed with unread bytes resets the connection and with it the error.
LINGER_SECONDS_MAX: Final = 2

# A client that sends again what had ended the server gets its answer and is not read for so long.
PAUSE_SECONDS: Final = 1

# A follower, and a leader, of which nothing was heard for so long is gone: its host may be, which no socket tells.
FEED_SILENCE_SECONDS_MAX: Final = 30

# Log that is kept for a follower that takes a snapshot, to go on with afterwards. One that takes it more slowly than
# this grows has to begin again.
SNAPSHOT_LOG_SIZE_MAX: Final = 4096 * MIB

# Followers that one node feeds; more of them follow one of those.
FEEDS_MAX: Final = 64

# Entries that a follower has received and not yet run, in bytes: what it reads ahead.
FOLLOWER_AHEAD_SIZE_MAX: Final = 4 * MIB

# Records that a node tells another one at once, by count and by bytes (one may be larger): to find what differs.
RECORDS_COUNT_MAX: Final = 256
RECORDS_SIZE_MAX: Final = 4 * MIB

# Results that wait for replicas to have what they saw, in bytes. Beyond it nothing is run until some have left.
UNREPLICATED_SIZE_MAX: Final = 256 * MIB

# A request may wait so long for the entry that it wants to see (`min_seq`).
WAIT_MS_DEFAULT: Final = 5_000
WAIT_MS_MAX: Final = 60_000

# A clean stop waits this long for clients to take the replies to what was queued.
STOP_SECONDS_MAX: Final = 5

# And for followers to have the last entries.
LEAVE_SECONDS_MAX: Final = 2

# What all connections together may have buffered at the end of a pass: unfinished frames, requests that wait,
# unread replies. Above it the connection that holds most is closed; ten thousand of them at their own bounds would
# take more than the machine has.
BUFFERS_SIZE_MAX: Final = 1024 * MIB

# Ready sockets looked at in one pass. With READ_SIZE it bounds what a pass reads: 32 MiB.
READY_COUNT_MAX: Final = 512

# One batch, one entry, one sync. More would only lengthen the wait of the first reply in it.
BATCH_COUNT_MAX: Final = 1_000
BATCH_SIZE_MAX: Final = 4 * MIB

# The results of one batch are in memory together before the first of them is sent. One may go over it.
BATCH_OUTPUT_SIZE_MAX: Final = 16 * MIB

# A batch begins no other snippet after this long: the others' requests wait for it, and so do their replies.
BATCH_MS_MAX: Final = 20

# Entries of the log in one reply of `log`. They are read from disk between two batches.
LOG_COUNT_MAX: Final = 1_000

# Text printed by a snippet, kept beside its value.
PRINT_SIZE_MAX: Final = 64 * KIB

# An entry is read whole into memory before it is believed, so a damaged size must not ask for more than this. A
# batch and the frame that overfills it fit three times over.
ENTRY_SIZE_MAX: Final = 64 * MIB

# A log file is preallocated whole, which makes its syncs 1.4 times faster, and deleted whole. 64 MiB is read back
# within a second, and the disk space an idle log holds stays small.
LOG_SEGMENT_SIZE: Final = 64 * MIB

# Stack of the thread that runs snippets. Nests of iterators, generators and the like are run and freed by recursion in
# C, some 50 to 500 bytes for each, and CPython counts calls of Python alone: 10^5 of them need 50 MiB. Address space,
# taken as it is touched.
STACK_SIZE: Final = 1024 * MIB

assert RESULT_SIZE_MAX + 6 * (PRINT_SIZE_MAX + REQUEST_ID_LENGTH_MAX) + KIB <= FRAME_SIZE_MAX
assert RESULT_SIZE_MAX < FRAME_SIZE_MAX <= OUTPUT_SIZE_MAX
assert 2 * OUTPUT_SIZE_MAX < BUFFERS_SIZE_MAX
assert READ_SIZE <= BATCH_SIZE_MAX
assert 3 * (BATCH_SIZE_MAX + FRAME_SIZE_MAX) <= ENTRY_SIZE_MAX
