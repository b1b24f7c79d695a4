//! What a line of `/proc/PID/task/T/syscall` says that a thread does.

/// What a thread does at the moment at which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// On a core, or ready to be.
    Runnable,
    /// Waits in `futex` as those do who wait for a lock. Whether it is one shows when others wait there, too.
    LockWait(u64),
    /// Blocked in a call on this descriptor; what that is tells what it waits for.
    Descriptor(u64),
    /// Blocked in a call that only sockets know.
    Socket,
    /// Blocked in a call that only file systems know.
    File,
    /// Blocked in a page fault, or in a call that maps memory.
    Memory,
    /// Asleep until a moment.
    Sleeping,
    /// Waits to be told.
    Parked,
    /// Blocked in any other call.
    Other,
}

/// `None` if it is no such line. `running`; or `-1` and two pointers: blocked, but in no call; or number, six arguments, two
/// pointers (proc(5)).
pub(super) fn read(line: &str) -> Option<Doing> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    if first == "running" {
        return Some(Doing::Runnable);
    }
    if first == "-1" {
        return Some(Doing::Memory);
    }
    let number: u64 = first.parse().ok()?;
    let mut argument = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    let (first, second, third) = (argument()?, argument()?, argument()?);
    Some(match number {
        FUTEX => futex(first, second, third),
        _ if SLEEPS.contains(&number) => Doing::Sleeping,
        _ if POLLS.contains(&number) => Doing::Parked,
        _ if ON_DESCRIPTORS.contains(&number) => Doing::Descriptor(first),
        _ if ON_SOCKETS.contains(&number) => Doing::Socket,
        _ if ON_FILES.contains(&number) => Doing::File,
        _ if ON_MEMORY.contains(&number) => Doing::Memory,
        _ => Doing::Other,
    })
}

/// FUTEX_WAIT and FUTEX_WAIT_BITSET (futex(2)).
const WAITS: [u64; 2] = [0, 9];

/// FUTEX_CMD_MASK: without the flags for private futexes and the clock.
const COMMAND: u64 = 0x7f;

/// The value with which std's `Mutex`, glibc's and Go's wait: locked, and somebody waits.
const CONTENDED: u64 = 2;

/// `std::thread::park` waits with this.
const PARKED: u64 = 0xffff_ffff;

/// Bits that std's `RwLock` waits with: readers wait, writers wait. musl's mutexes have the upper one, too.
const RW_WAITERS: u64 = 0xc000_0000;

/// A condition variable waits with the value of a counter, and so does whoever parks on one, as workers of tokio do.
fn futex(address: u64, operation: u64, value: u64) -> Doing {
    // The kernel takes 32 bits of it.
    let value = value & 0xffff_ffff;
    let locked = value == CONTENDED || (value & RW_WAITERS != 0 && value != PARKED);
    if locked && WAITS.contains(&(operation & COMMAND)) { Doing::LockWait(address) } else { Doing::Parked }
}

#[cfg(target_arch = "x86_64")]
mod numbers {
    //! `arch/x86/entry/syscalls/syscall_64.tbl` of Linux.

    pub(super) const FUTEX: u64 = 202;
    /// nanosleep, clock_nanosleep
    pub(super) const SLEEPS: [u64; 2] = [35, 230];
    /// poll, select, epoll_wait, pselect6, ppoll, epoll_pwait, epoll_pwait2, futex_waitv, futex_wait
    pub(super) const POLLS: [u64; 9] = [7, 23, 232, 270, 271, 281, 441, 449, 455];
    /// read, write, pread64, pwrite64, readv, writev, sendfile, preadv, pwritev, splice
    pub(super) const ON_DESCRIPTORS: [u64; 10] = [0, 1, 17, 18, 19, 20, 40, 295, 296, 275];
    /// connect, accept, sendto, recvfrom, sendmsg, recvmsg, accept4, recvmmsg, sendmmsg
    pub(super) const ON_SOCKETS: [u64; 9] = [42, 43, 44, 45, 46, 47, 288, 299, 307];
    /// open, stat, fstat, msync, fsync, fdatasync, truncate, ftruncate, getdents, rename, mkdir, rmdir, creat, unlink, sync,
    /// getdents64, openat, newfstatat, unlinkat, renameat, sync_file_range, fallocate, syncfs, renameat2, copy_file_range,
    /// statx
    pub(super) const ON_FILES: [u64; 26] = [
        2, 4, 5, 26, 74, 75, 76, 77, 78, 82, 83, 84, 85, 87, 162, 217, 257, 262, 263, 264, 277, 285, 306,
        316, 326, 332,
    ];
    /// mmap, mprotect, munmap, brk, mremap, madvise
    pub(super) const ON_MEMORY: [u64; 6] = [9, 10, 11, 12, 25, 28];
}

#[cfg(target_arch = "aarch64")]
mod numbers {
    //! `include/uapi/asm-generic/unistd.h` of Linux.

    pub(super) const FUTEX: u64 = 98;
    /// nanosleep, clock_nanosleep
    pub(super) const SLEEPS: [u64; 2] = [101, 115];
    /// epoll_pwait, pselect6, ppoll, epoll_pwait2, futex_waitv, futex_wait
    pub(super) const POLLS: [u64; 6] = [22, 72, 73, 441, 449, 455];
    /// read, write, readv, writev, pread64, pwrite64, preadv, pwritev, sendfile, splice
    pub(super) const ON_DESCRIPTORS: [u64; 10] = [63, 64, 65, 66, 67, 68, 69, 70, 71, 76];
    /// accept, connect, sendto, recvfrom, sendmsg, recvmsg, accept4, recvmmsg, sendmmsg
    pub(super) const ON_SOCKETS: [u64; 9] = [202, 203, 206, 207, 211, 212, 242, 243, 269];
    /// mkdirat, unlinkat, renameat, truncate, ftruncate, fallocate, openat, getdents64, newfstatat, fstat, sync, fsync,
    /// fdatasync, sync_file_range, msync, syncfs, renameat2, copy_file_range, statx
    pub(super) const ON_FILES: [u64; 19] =
        [34, 35, 38, 45, 46, 47, 56, 61, 79, 80, 81, 82, 83, 84, 227, 267, 276, 285, 291];
    /// brk, munmap, mremap, mmap, mprotect, madvise
    pub(super) const ON_MEMORY: [u64; 6] = [214, 215, 216, 222, 226, 233];
}

/// Of other machines the numbers are not known here: see [`KNOWN`].
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod numbers {
    pub(super) const FUTEX: u64 = u64::MAX;
    pub(super) const SLEEPS: [u64; 0] = [];
    pub(super) const POLLS: [u64; 0] = [];
    pub(super) const ON_DESCRIPTORS: [u64; 0] = [];
    pub(super) const ON_SOCKETS: [u64; 0] = [];
    pub(super) const ON_FILES: [u64; 0] = [];
    pub(super) const ON_MEMORY: [u64; 0] = [];
}

use numbers::{FUTEX, ON_DESCRIPTORS, ON_FILES, ON_MEMORY, ON_SOCKETS, POLLS, SLEEPS};

/// Whether the numbers of this machine's system calls are known.
pub(super) const KNOWN: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, arguments: [u64; 3]) -> String {
        let [a, b, c] = arguments;
        format!("{number} {a:#x} {b:#x} {c:#x} 0x0 0x0 0x0 0x7f5defd8f940 0x7f5df04a3f16\n")
    }

    #[test]
    fn who_is_in_no_call_runs_or_waits_for_memory() {
        assert_eq!(read("running\n"), Some(Doing::Runnable));
        assert_eq!(read("-1 0x7ffd 0x55\n"), Some(Doing::Memory));
        assert_eq!(["", "nonsense", "202 0x1"].map(read), [None, None, None]);
    }

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    #[test]
    fn a_lock_is_told_from_parking_by_the_value_that_is_waited_with() {
        let [wait, wait_until] = [128, 137]; // FUTEX_WAIT and FUTEX_WAIT_BITSET, both private
        let doing = |operation, value| read(&line(FUTEX, [0x1000, operation, value])).expect("a line");
        let lock = Doing::LockWait(0x1000);
        assert_eq!([doing(wait, 2), doing(wait_until, 2)], [lock, lock]);
        assert_eq!(doing(wait_until, 0x4000_0001), lock, "readers wait");
        assert_eq!(doing(wait_until, 0xffff_ffff_8000_0001), lock, "writers wait");
        assert_eq!(doing(wait_until, 0xffff_ffff), Doing::Parked, "thread::park");
        assert_eq!(doing(wait_until, 17), Doing::Parked, "a condition variable");
        assert_eq!(doing(129, 2), Doing::Parked, "FUTEX_WAKE");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn calls_are_told_by_their_numbers() {
        let doing = |number| read(&line(number, [7, 0, 0])).expect("a line");
        assert_eq!([doing(1), doing(0)], [Doing::Descriptor(7); 2]);
        assert_eq!([doing(44), doing(45)], [Doing::Socket; 2]);
        assert_eq!([doing(74), doing(75)], [Doing::File; 2]);
        assert_eq!([doing(9), doing(28)], [Doing::Memory; 2]);
        assert_eq!([doing(35), doing(230)], [Doing::Sleeping; 2]);
        assert_eq!([doing(232), doing(281)], [Doing::Parked; 2]);
        assert_eq!(doing(61), Doing::Other, "wait4");
    }
}
