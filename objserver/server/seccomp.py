"""seccomp: system calls that this process does not need fail from now on, in every thread and for good.

    make_filter(machine, pid) -> [BPF] -> install

The program looks at a call's number and says no (EPERM) to those in `REFUSED`, to those with other arguments than a
server needs (`kill` of another process, a new process instead of a thread), and to every number that was given out
after this was written (ENOSYS: libc has a way round). The rest is allowed: which calls libc makes for an ordinary read
differs between its versions, and files are Landlock's.
Source: Documentation/userspace-api/seccomp_filter.rst; numbers from arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h of Linux 6.12.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import Final

__all__ = ["REFUSED", "install", "make_filter"]

# name -> number on x86_64, on aarch64; -1 where there is none
REFUSED: Final[dict[str, tuple[int, int]]] = {
    # programs and processes
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140), "personality": (135, 92),
    # sockets other than those that are accepted, and rings, which do any call unseen
    "bind": (49, 200), "listen": (50, 201), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "semget": (64, 190), "mq_open": (240, 180),
    # what Landlock does not look at: the owner, the mode, the times of a file
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, -1),
    "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54), "utime": (132, -1), "utimes": (235, -1),
    "futimesat": (261, -1), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "mknod": (133, -1), "mknodat": (259, 33), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    # the file system's shape
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    # the kernel and the machine
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "syslog": (103, 116), "iopl": (172, -1),
    "ioperm": (173, -1), "modify_ldt": (154, -1), "vhangup": (153, 58),
    # who the process is
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setfsuid": (122, 151), "setfsgid": (123, 152),
    "setgroups": (116, 159), "capset": (126, 91),
}  # fmt: skip

# Looked at with their first arguments, or answered otherwise.
_CLONE, _CLONE3, _KILL, _TGKILL = (56, 220), (435, 435), (62, 129), (234, 131)
_SOCKET, _CONNECT, _PRLIMIT, _IOCTL = (41, 198), (42, 203), (302, 261), (16, 29)
# The last one known: mseal.
_NUMBER_MAX: Final = 462

_CLONE_THREAD: Final = 0x10000
_FAMILIES: Final = (2, 10)  # AF_INET, AF_INET6
_TYPE_INTO_TERMINAL: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: standard error may be one

# machine -> column of the table, AUDIT_ARCH
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _GREATER, _BITS, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW: Final = 0x7FFF0000
_KILL_PROCESS: Final = 0x80000000
_EPERM: Final = 0x00050000 | errno.EPERM
_ENOSYS: Final = 0x00050000 | errno.ENOSYS

_SYSCALL: Final = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _ALL_THREADS = 1, 1


def make_filter(machine: str, pid: int, *, connect: bool) -> bytes | None:
    """Return the program for this machine and this process; None when the machine's numbers are not known here.

    Args:
        connect: TCP sockets may be made and connected; to where, Landlock says.
    """
    if machine not in _MACHINES:
        return None
    column, arch = _MACHINES[machine]
    code: list[tuple[int, int, int, int]] = []

    def only(call: tuple[int, int], argument: int, test: int, *values: int, otherwise: int = _EPERM) -> None:
        """Of this call, allow those whose argument (its lower half) passes the test with one of the values."""
        body = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument)]
        for value in values:
            body += [(test, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
        body.append((_RETURN, 0, 0, otherwise))
        code.extend([(_EQUAL, 0, len(body), call[column]), *body])

    code += [(_LOAD, 0, 0, _ARCH_AT), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL_PROCESS)]
    # On x86_64 the numbers of the 32-bit kind are above, too.
    code += [(_LOAD, 0, 0, _NUMBER_AT), (_GREATER, 0, 1, _NUMBER_MAX), (_RETURN, 0, 0, _ENOSYS)]
    only(_CLONE, 0, _BITS, _CLONE_THREAD)
    only(_CLONE3, 0, _EQUAL, otherwise=_ENOSYS)  # its flags can't be seen; libc goes on with clone
    only(_KILL, 0, _EQUAL, pid)
    only(_TGKILL, 0, _EQUAL, pid)
    only(_PRLIMIT, 0, _EQUAL, 0, pid)
    body = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8)]
    for request in _TYPE_INTO_TERMINAL:
        body += [(_EQUAL, 0, 1, request), (_RETURN, 0, 0, _EPERM)]
    body.append((_RETURN, 0, 0, _ALLOW))
    code += [(_EQUAL, 0, len(body), _IOCTL[column]), *body]
    if connect:
        only(_SOCKET, 0, _EQUAL, *_FAMILIES)
    else:
        only(_SOCKET, 0, _EQUAL)
        only(_CONNECT, 0, _EQUAL)
    for numbers in REFUSED.values():
        if numbers[column] >= 0:
            code += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _EPERM)]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def install(*, connect: bool) -> bool:
    """Refuse the calls from now on, in all threads; False where the kernel or the machine has no way to.

    `no_new_privs` must be set.
    """
    machine = platform.machine()
    program = make_filter(machine, os.getpid(), connect=connect)
    if program is None:
        return False
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(
        ctypes.c_long(_SYSCALL[machine]), ctypes.c_long(_SET_MODE_FILTER), ctypes.c_long(_ALL_THREADS), header
    )
    return result == 0
