"""System calls that a function may not make, by seccomp. A refused one is a PermissionError, so
the author sees the line; threads, memory and reading stay allowed.

`clone3` and `openat2` hide their arguments from a filter: they "do not exist" (ENOSYS), and the C
library takes the older ones.
"""

from __future__ import annotations

import errno
import os
from typing import Any

_NETWORK = """socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg recvfrom
recvmsg recvmmsg socketcall"""
_PROCESSES = """fork vfork execve execveat ptrace process_vm_readv process_vm_writev process_madvise
process_mrelease pidfd_open pidfd_getfd pidfd_send_signal tkill rt_sigqueueinfo rt_tgsigqueueinfo
setpgid setsid unshare setns kcmp setrlimit setpriority ioprio_set sched_setscheduler
sched_setattr sched_setparam sched_setaffinity"""
_WRITING = """creat truncate truncate64 mkdir mkdirat rmdir unlink unlinkat rename renameat
renameat2 link linkat symlink symlinkat mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown
lchown fchownat chown32 utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr
lremovexattr fremovexattr sync syncfs memfd_create memfd_secret shmget shmat msgget semget mq_open
mq_unlink flock"""
_SYSTEM = """mount umount2 pivot_root chroot bpf perf_event_open io_uring_setup io_uring_enter
io_uring_register userfaultfd keyctl add_key request_key init_module finit_module delete_module
kexec_load kexec_file_load reboot swapon swapoff sethostname setdomainname settimeofday
clock_settime clock_adjtime adjtimex acct quotactl quotactl_fd open_by_handle_at name_to_handle_at
fanotify_init fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr iopl ioperm
modify_ldt personality syslog vhangup setuid setgid setreuid setregid setresuid setresgid setgroups
setfsuid setfsgid capset lookup_dcookie migrate_pages move_pages vmsplice"""
_UNSEEN = "clone3 openat2"
_NEWER = range(463, 512)
"""Newer than this list: setxattrat (463) and what follows. The numbers are the same everywhere."""
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG = 1


def rules() -> Any:
    """The filter; its `load()` sets it for this process and all its threads, for ever.

    Raises OSError, RuntimeError or ImportError where seccomp or its library is not there.
    """
    import pyseccomp as seccomp  # type: ignore[import-untyped]

    refused = seccomp.ERRNO(errno.EPERM)
    found = seccomp.SyscallFilter(seccomp.ALLOW)
    found.set_attr(seccomp.Attr.CTL_TSYNC, 1)
    for name in f"{_NETWORK} {_PROCESSES} {_WRITING} {_SYSTEM}".split():
        _add(seccomp, found, refused, name)
    for name in _UNSEEN.split():
        _add(seccomp, found, seccomp.ERRNO(errno.ENOSYS), name)
    for number in _NEWER:
        found.add_rule(seccomp.ERRNO(errno.ENOSYS), number)
    itself, argument = os.getpid(), seccomp.Arg
    for name in ("kill", "tgkill"):
        _add(seccomp, found, refused, name, argument(0, seccomp.NE, itself))
    _add(seccomp, found, refused, "clone", argument(0, seccomp.MASKED_EQ, _CLONE_THREAD, 0))
    _add(seccomp, found, refused, "prlimit64", argument(2, seccomp.NE, 0))
    _add(seccomp, found, refused, "prctl", argument(0, seccomp.EQ, _PR_SET_PDEATHSIG))
    for flag in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC):
        _add(seccomp, found, refused, "open", argument(1, seccomp.MASKED_EQ, flag, flag))
        _add(seccomp, found, refused, "openat", argument(2, seccomp.MASKED_EQ, flag, flag))
    return found


def _add(seccomp: Any, found: Any, action: int, name: str, *arguments: Any) -> None:
    """A name that this computer or its libseccomp does not know needs no rule."""
    number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    if number >= 0:
        found.add_rule(action, number, *arguments)
