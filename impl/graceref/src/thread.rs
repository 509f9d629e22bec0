//! Which thread this is: a small number that no other living thread has.
//!
//! A pool's per-thread caches are found by it. Numbers are handed on: what the thread that had one left in its
//! caches is the next one's. Without `std` there are no numbers, and nothing is cached.

/// A thread's number, and the mark that tells its process from the one it was forked from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) index: u32,
    /// Never zero.
    pub(crate) mark: u32,
}

/// So many numbers; a thread that finds none left does without.
pub(crate) const NUMBERS: u32 = if cfg!(any(graceref_loom, graceref_shuttle)) { 3 } else { 128 };

#[cfg(any(graceref_loom, graceref_shuttle))]
mod imp {
    use super::Token;
    use core::ptr::NonNull;

    /// The model's threads are numbered by their roles; the set-up is nobody.
    pub(crate) fn token() -> Option<Token> {
        let index = u32::try_from(crate::sync::model::current()?).ok()?;
        Some(Token { index, mark: mark() })
    }

    pub(crate) fn mark() -> u32 {
        1
    }

    pub(crate) fn remembered(_: u64) -> Option<NonNull<()>> {
        None
    }

    pub(crate) fn remember(_: u64, _: NonNull<()>) {}
}

#[cfg(all(feature = "std", not(any(graceref_loom, graceref_shuttle))))]
mod imp {
    use super::{NUMBERS, Token};
    use core::cell::Cell;
    use core::ptr::{self, NonNull};
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    use std::thread_local;

    /// No number asked for yet.
    const NONE: u32 = u32::MAX;
    /// No number to be had: all are taken, or the thread is ending.
    const NEVER: u32 = u32::MAX - 1;
    const BITS: u32 = u64::BITS;

    thread_local! {
        static INDEX: Cell<u32> = const { Cell::new(NONE) };
        static LAST: Cell<(u64, *mut ())> = const { Cell::new((0, ptr::null_mut())) };
        static RETURN: Return = const { Return };
    }

    /// Gives the number back when the thread ends.
    struct Return;

    impl Drop for Return {
        fn drop(&mut self) {
            let index = INDEX.replace(NEVER);
            LAST.set((0, ptr::null_mut()));
            if index < NUMBERS {
                let (word, bit) = (&TAKEN[(index / BITS) as usize], 1 << (index % BITS));
                // ORDERING: Release pairs with the Acquire of `assign`: the caches, which the next thread inherits.
                word.fetch_and(!bit, Ordering::Release);
            }
        }
    }

    /// A bit for each number. No lock: a child forked in the middle of anything goes on.
    static TAKEN: [AtomicU64; (NUMBERS / BITS) as usize] =
        [const { AtomicU64::new(0) }; (NUMBERS / BITS) as usize];
    /// One more in each forked child.
    static MARK: AtomicU32 = AtomicU32::new(1);

    #[inline]
    pub(crate) fn token() -> Option<Token> {
        let index = INDEX.get();
        let index = if index < NUMBERS { index } else { assign(index)? };
        Some(Token { index, mark: mark() })
    }

    /// What the thread remembered last, if by this name. Names are not used twice.
    #[inline]
    pub(crate) fn remembered(name: u64) -> Option<NonNull<()>> {
        let (last, what) = LAST.get();
        if last == name { NonNull::new(what) } else { None }
    }

    /// Remembers something by a name, until the thread ends or remembers something else.
    #[inline]
    pub(crate) fn remember(name: u64, what: NonNull<()>) {
        LAST.set((name, what.as_ptr()));
    }

    #[inline]
    pub(crate) fn mark() -> u32 {
        // ORDERING: Relaxed; changes while the process has one thread.
        MARK.load(Ordering::Relaxed)
    }

    #[cold]
    fn assign(index: u32) -> Option<u32> {
        if index == NEVER {
            return None;
        }
        INDEX.set(NEVER);
        // Fails where the thread is ending: what its other destructors do is not cached.
        RETURN.try_with(|_| ()).ok()?;
        #[cfg(unix)]
        at_fork();
        let index = lowest_free()?;
        INDEX.set(index);
        Some(index)
    }

    fn lowest_free() -> Option<u32> {
        for (base, word) in (0..).step_by(BITS as usize).zip(&TAKEN) {
            // ORDERING: Acquire pairs with the Release of `Return`; Relaxed where nothing is taken.
            let taken = word.fetch_update(Ordering::Acquire, Ordering::Relaxed, |taken| {
                (taken != u64::MAX).then(|| taken | (taken + 1))
            });
            if let Ok(before) = taken {
                return Some(base + before.trailing_ones());
            }
        }
        None
    }

    /// Sees to it that a forked child, where the other threads' sections will never end, has a mark of its own.
    #[cfg(unix)]
    fn at_fork() {
        use crate::at_fork::AtFork;

        static AT_FORK: AtFork = AtFork::new();

        extern "C" fn before() {
            AT_FORK.before();
        }

        extern "C" fn child() {
            if AT_FORK.is_first() {
                // ORDERING: Relaxed; the child has one thread.
                MARK.fetch_add(1, Ordering::Relaxed);
            }
        }

        AT_FORK.watch(before, child);
    }
}

#[cfg(all(not(feature = "std"), not(any(graceref_loom, graceref_shuttle))))]
mod imp {
    use super::Token;
    use core::ptr::NonNull;

    #[inline]
    pub(crate) fn token() -> Option<Token> {
        None
    }

    pub(crate) fn mark() -> u32 {
        1
    }

    pub(crate) fn remembered(_: u64) -> Option<NonNull<()>> {
        None
    }

    pub(crate) fn remember(_: u64, _: NonNull<()>) {}
}

/// A name that nothing else has. Not zero.
pub(crate) fn name() -> u64 {
    use core::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // ORDERING: Relaxed; only the number counts.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) use imp::{mark, remember, remembered, token};
