//! Asymmetric fences: `light` costs its caller next to nothing, since `heavy` makes every thread of the process pay.
//!
//! A pair of them orders as two `fence(SeqCst)` do: whatever stands before the one that comes first is seen by whatever
//! stands after the other. Two light fences order nothing. The idea is that of Linux's `membarrier(2)`, of liburcu's
//! `memb` flavour, and of the proposal P1202 to the C++ committee.
//!
//! | where | `light` | `heavy` |
//! |---|---|---|
//! | Linux with private expedited membarrier | a load, a branch, a compiler fence | `membarrier(2)`: about a microsecond |
//! | everywhere else, and in the model builds | `fence(SeqCst)` | `fence(SeqCst)` |

/// How the asymmetric fences are made in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FenceKind {
    /// The light side is a compiler fence, the heavy side `membarrier(2)`.
    Membarrier,
    /// Both sides are `fence(SeqCst)`.
    Fence,
}

#[cfg(any(graceref_loom, graceref_shuttle))]
mod modelled;
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use modelled::*;

#[cfg(all(feature = "std", not(any(graceref_loom, graceref_shuttle))))]
pub(crate) use plain::*;

#[cfg(not(any(feature = "std", graceref_loom, graceref_shuttle)))]
mod bare {
    use crate::sync::{Ordering, fence};

    /// Without an operating system to ask, a full fence.
    #[inline]
    pub(crate) fn light() {
        // ORDERING: SeqCst pairs with the heavy side.
        fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy() {
        // ORDERING: SeqCst pairs with the light side.
        fence(Ordering::SeqCst);
    }

    pub(crate) fn kind() -> super::FenceKind {
        super::FenceKind::Fence
    }
}
#[cfg(not(any(feature = "std", graceref_loom, graceref_shuttle)))]
pub(crate) use bare::*;

#[cfg(all(feature = "std", not(any(graceref_loom, graceref_shuttle))))]
mod plain {
    use super::FenceKind;
    use crate::sync::{AtomicU64, Ordering, fence};
    use core::sync::atomic::{AtomicU8, compiler_fence};

    /// Set to anything in the environment: no membarrier.
    const NO_MEMBARRIER: &str = "GRACEREF_NO_MEMBARRIER";

    const UNKNOWN: u8 = 0;
    const MEMBARRIER: u8 = 1;
    const FENCE: u8 = 2;

    /// Leaves `UNKNOWN` once, by a compare-exchange, and never changes again. While it is unknown the light side is a
    /// full fence, which is right with either heavy side; the heavy side always decides first.
    static KIND: AtomicU8 = AtomicU8::new(UNKNOWN);

    /// The reader's side: one relaxed load, a branch that always goes the same way, and no instruction more where
    /// membarrier works; `fence(SeqCst)` elsewhere.
    #[inline(always)]
    pub(crate) fn light() {
        // ORDERING: Relaxed; whoever sees MEMBARRIER knows that every heavy side will use it, and needs no more.
        if KIND.load(Ordering::Relaxed) == MEMBARRIER {
            compiler_fence(Ordering::SeqCst);
        } else {
            // ORDERING: SeqCst pairs with the heavy side.
            fence(Ordering::SeqCst);
        }
    }

    /// The other side: makes every running thread of the process pass a full fence, its caller too.
    pub(crate) fn heavy() {
        match kind() {
            FenceKind::Membarrier => system::barrier(),
            // ORDERING: SeqCst pairs with the light side.
            FenceKind::Fence => fence(Ordering::SeqCst),
        }
    }

    /// A store by a reader, which only the fences order.
    #[inline(always)]
    pub(crate) fn store(word: &AtomicU64, value: u64, order: Ordering) {
        word.store(value, order);
    }

    /// What the calling thread stored last with [`store`], where nobody else stores.
    #[inline(always)]
    pub(crate) fn own(word: &AtomicU64) -> u64 {
        word.raw_load()
    }

    /// Which it is; asks the system at the first call.
    pub(crate) fn kind() -> FenceKind {
        // ORDERING: Relaxed; the value is all there is to know, and it is final once it is known.
        match KIND.load(Ordering::Relaxed) {
            MEMBARRIER => FenceKind::Membarrier,
            FENCE => FenceKind::Fence,
            _ => decide(true),
        }
    }

    /// Does without membarrier, if nobody has asked before.
    pub(crate) fn force_fence() -> FenceKind {
        decide(false)
    }

    #[cold]
    fn decide(membarrier: bool) -> FenceKind {
        let works = membarrier && std::env::var_os(NO_MEMBARRIER).is_none() && system::register();
        let mine = if works { MEMBARRIER } else { FENCE };
        // ORDERING: Relaxed; the first to decide decides for all, and the value is all that is passed.
        match KIND.compare_exchange(UNKNOWN, mine, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                if works {
                    FenceKind::Membarrier
                } else {
                    FenceKind::Fence
                }
            }
            Err(MEMBARRIER) => FenceKind::Membarrier,
            Err(_) => FenceKind::Fence,
        }
    }

    /// In the child of a fork: the registration is the process's own.
    #[cfg(target_os = "linux")]
    pub(crate) fn after_fork() {
        // ORDERING: Relaxed; one thread.
        if KIND.load(Ordering::Relaxed) == MEMBARRIER {
            system::register();
        }
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    mod system {
        const QUERY: libc::c_int = 0;
        const GLOBAL: libc::c_int = 1 << 0;
        const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
        const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

        fn membarrier(command: libc::c_int) -> libc::c_long {
            // SAFETY: three integers; the call touches no memory of ours, and readers rely on what it
            // does (Membarrier!NoUseAfterFree).
            unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
        }

        pub(super) fn register() -> bool {
            let known = membarrier(QUERY);
            let needed = libc::c_long::from(PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED);
            known >= 0 && known & needed == needed && membarrier(REGISTER_PRIVATE_EXPEDITED) == 0
        }

        pub(super) fn barrier() {
            if membarrier(PRIVATE_EXPEDITED) != 0 {
                again();
            }
        }

        /// The registration is gone, or the call is no longer allowed. Readers rely on it, so there is no going on
        /// without: a slower barrier, or the end (documented in `rcu`, "What it does not do").
        #[cold]
        fn again() {
            let renewed =
                membarrier(REGISTER_PRIVATE_EXPEDITED) == 0 && membarrier(PRIVATE_EXPEDITED) == 0;
            if !renewed && membarrier(GLOBAL) != 0 {
                std::eprintln!(
                    "graceref: membarrier(2) worked and is now refused, perhaps by a seccomp filter. Readers rely on \
                     it. Next: allow it in the filter, or set {} before the start.",
                    super::NO_MEMBARRIER
                );
                std::process::abort();
            }
        }
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    mod system {
        pub(super) fn register() -> bool {
            false
        }

        pub(super) fn barrier() {
            unreachable!("registering never succeeds here");
        }
    }
}
