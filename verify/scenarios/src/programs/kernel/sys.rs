//! System calls by number: the descriptors here are numbers that a program under test closes and copies as it likes,
//! which types that own them would not let it.

use std::ffi::c_long;

/// A system call that failed, by its errno.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Errno(pub(super) i32);

impl Errno {
    /// Its name, of those that the model knows.
    pub(super) fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            libc::EBADF => "EBADF",
            libc::EEXIST => "EEXIST",
            libc::ENOENT => "ENOENT",
            libc::EPERM => "EPERM",
            libc::EINVAL => "EINVAL",
            libc::ELOOP => "ELOOP",
            libc::EAGAIN => "EAGAIN",
            _ => return None,
        })
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::io::Error::from_raw_os_error(self.0).fmt(out)
    }
}

fn last() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

/// An argument: a number, or memory that the call may read or write and that outlives it.
pub(super) fn number(n: i64) -> usize {
    usize::from_ne_bytes(n.to_ne_bytes()[..size_of::<usize>()].try_into().unwrap_or_default())
}

/// Makes the call. The arguments must be those that it wants; memory is passed as its address.
pub(super) fn call(what: c_long, args: [usize; 5]) -> Result<i64, Errno> {
    // SAFETY: each caller passes memory that lives until the call returns and is as large as the call is told.
    // (Invariant: none of the spec.)
    let answer = unsafe { libc::syscall(what, args[0], args[1], args[2], args[3], args[4]) };
    if answer < 0 { Err(last()) } else { Ok(answer) }
}

/// Forks. The child's number in the parent, 0 in the child.
pub(super) fn fork() -> Result<i64, Errno> {
    // SAFETY: the runner has one thread, so the child may do what the parent may; in a test that has more, the child
    // needs nothing of theirs but the allocator, which fork leaves usable. (Invariant: none of the spec.)
    let pid = unsafe { libc::fork() };
    if pid < 0 { Err(last()) } else { Ok(pid.into()) }
}

/// Reads exactly as much; `false` at the end of the pipe.
pub(super) fn read_all(fd: i64, bytes: &mut [u8]) -> bool {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        match call(libc::SYS_read, [number(fd), rest.as_mut_ptr() as usize, rest.len(), 0, 0]) {
            Ok(n @ 1..) => done += usize::try_from(n).unwrap_or(0),
            Err(Errno(libc::EINTR)) => {}
            _ => return false,
        }
    }
    true
}

/// Writes exactly as much: the messages are smaller than what a pipe takes at once.
pub(super) fn write_all(fd: i64, bytes: &[u8]) -> bool {
    call(libc::SYS_write, [number(fd), bytes.as_ptr() as usize, bytes.len(), 0, 0])
        == i64::try_from(bytes.len()).map_err(|_| Errno(0))
}

/// Waits for a child and takes it away: its number, or that of any child for -1.
pub(super) fn wait(pid: i64) -> Result<i64, Errno> {
    call(libc::SYS_wait4, [number(pid), 0, 0, 0, 0])
}
