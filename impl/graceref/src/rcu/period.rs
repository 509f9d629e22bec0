//! Grace periods: who begins one, who looks whether it is over, and what one can wait for.
//!
//! `periods` is `4 n + phase`: `n` grace periods are over, and the next is
//!
//! ```text
//! 0 idle ──begin──▶ 1 beginning ── heavy fence, counter := n + 2 ──open──▶ 2 open ──all are out──▶ 4 (n + 1)
//! ```
//!
//! Whoever begins is alone until it opens; then anybody may look at the readers, and the first who finds none with a
//! stamp below `n + 2` ends it. The counter never goes back and never wraps: there are no two phases to wait for.
//!
//! Why a reader that holds what was unlinked before [`Domain::snapshot`] is waited for. The snapshot's fence comes before
//! the heavy fence of the period that it asks for, since that period begins after it. Either the reader's light fence comes
//! after that heavy fence: then the reader sees the unlinking. Or before: then whoever looks sees the reader's stamp, and
//! the stamp is below `n + 2`, which is stored after the heavy fence only.

use super::{Domain, fork};
use crate::sync::{AtomicU64, Ordering, asym, fence, mutant};
use crate::{at, site};

const IDLE: u64 = 0;
const BEGINNING: u64 = 1;
const OPEN: u64 = 2;
/// From one period to the next.
const PERIOD: u64 = 4;

/// A moment, such that [`Domain::elapsed`] can say whether all readers of that moment have gone.
///
/// Eight bytes. Later snapshots of the same domain are never less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snapshot(pub(super) u64);

/// The state of a domain's grace periods.
pub(super) struct Periods {
    word: AtomicU64,
    /// The fork epoch in which `word` was last known to be nobody's who is lost.
    epoch: AtomicU64,
}

crate::rcu::const_if_plain! {
    impl Periods {
        /// None was, none is.
        pub(super) fn new() -> Self {
            Self { word: AtomicU64::new(0), epoch: AtomicU64::new(0) }
        }
    }
}

impl Periods {
    /// What a snapshot must be no more than, to have elapsed.
    #[track_caller]
    pub(super) fn now(&self) -> u64 {
        // ORDERING: Acquire pairs with the Release of the step that ends a period: what its readers did is done.
        self.word.load(Ordering::Acquire)
    }

    /// The same for one who asks again before it makes use of it.
    pub(super) fn glance(&self) -> u64 {
        site!("glance");
        // ORDERING: Relaxed; see above.
        self.word.load(Ordering::Relaxed)
    }

    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn raw(&self) -> u64 {
        self.word.raw_load()
    }

    /// In the child of a fork: whether the caller has to go on where a lost thread was about to begin a period. `None`
    /// if nothing was lost.
    fn repair(&self, now: u64) -> Option<bool> {
        let epoch = fork::epoch();
        // ORDERING: Acquire pairs with the Release below.
        let known = self.epoch.load(Ordering::Acquire);
        if known == epoch {
            return None;
        }
        // `now` was read before. If it says that somebody begins, that is a lost thread: the others begin only once the
        // epoch is known.
        let lost = now % PERIOD == BEGINNING;
        // ORDERING: Release pairs with the Acquire above.
        let mine =
            self.epoch.compare_exchange(known, epoch, Ordering::Release, Ordering::Relaxed).is_ok();
        Some(mine && lost)
    }
}

impl Domain {
    /// The moment now: [`elapsed`](Domain::elapsed) with it says whether a grace period has passed since.
    ///
    /// Call it after the object was unlinked. Does not wait, allocate or write: one `fence(SeqCst)` and one load. The
    /// idea is the kernel's `get_state_synchronize_rcu`.
    ///
    /// ```
    /// let domain = graceref::rcu::Domain::new();
    /// let before = domain.snapshot();
    /// let guard = domain.read_lock();
    /// let during = domain.snapshot();
    /// assert!(!domain.elapsed(during)); // this very guard is inside
    /// drop(guard);
    /// assert!(domain.elapsed(before) && domain.elapsed(during));
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        at!("snapshot");
        if !mutant("rcu.no_snapshot_fence") {
            // ORDERING: SeqCst pairs with the heavy fence of a period that begins after the load below.
            fence(Ordering::SeqCst);
        }
        // ORDERING: Relaxed; the fence orders it.
        let now = self.periods.word.load(Ordering::Relaxed);
        let whole = if now % PERIOD == IDLE || mutant("rcu.join") { PERIOD } else { 2 * PERIOD };
        let due = now - now % PERIOD + whole;
        crate::local!(due = due);
        Snapshot(due)
    }

    /// Whether all readers that were inside at the snapshot have left since. Never waits.
    ///
    /// Where the answer is not known it helps: begins the grace period that is due, looks at the readers, ends it. If a
    /// period is under way at the snapshot it takes the one after that. `false` while a reader, perhaps the caller's own
    /// guard, is inside, or another thread is this moment beginning a period; ask again later.
    ///
    /// One load if the answer is known. Otherwise a heavy fence, three writes (two of them read-modify-writes) and a
    /// load for each thread's record, at most twice over. Runs no deferred work. A snapshot of another domain has no
    /// meaning here. The idea is the kernel's `poll_state_synchronize_rcu`.
    pub fn elapsed(&self, snapshot: Snapshot) -> bool {
        loop {
            at!("period");
            let now = self.periods.now();
            crate::local!(now = now);
            if now >= snapshot.0 {
                return true;
            }
            if !self.advance(now) {
                return false;
            }
        }
    }

    /// One phase further than `now`, if nobody holds it back. `false` if somebody does.
    fn advance(&self, now: u64) -> bool {
        let periods = &self.periods;
        if fork::POSSIBLE
            && let Some(lost) = periods.repair(now)
        {
            if lost {
                // It may have moved the counter already, so it cannot be undone.
                self.open(now - BEGINNING);
            }
            return true;
        }
        let stamp = now / PERIOD + 2;
        match now % PERIOD {
            IDLE => {
                fork::watch();
                at!("begin");
                // ORDERING: Relaxed; `now` was read with Acquire, and the heavy fence orders what follows.
                let alone = periods.word.compare_exchange(
                    now,
                    now + BEGINNING,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                if alone.is_err() {
                    return true;
                }
                self.open(now);
                true
            }
            OPEN => {
                let stamp = if mutant("rcu.no_bump") { stamp - 1 } else { stamp };
                if self.records.block(stamp) {
                    return false;
                }
                at!("end");
                // ORDERING: Release pairs with the Acquire of `now`: the readers have left, with all that they did.
                let _ = periods.word.compare_exchange(
                    now,
                    now - OPEN + PERIOD,
                    Ordering::Release,
                    Ordering::Relaxed,
                );
                true
            }
            _ => false,
        }
    }

    /// Begins the period after `idle`, for which the caller is the only one.
    fn open(&self, idle: u64) {
        // ORDERING: heavy, pairs with the light fence of each reader.
        asym::heavy();
        if !mutant("rcu.no_bump") {
            at!("bump");
            // ORDERING: Relaxed; after the heavy fence.
            self.line.counter.store(idle / PERIOD + 2, Ordering::Relaxed);
        }
        at!("open");
        // ORDERING: Relaxed; the heavy fence before it is the release that pairs with the Acquire of `now`, so that
        // it comes before whoever looks. The bump may be seen later: then readers look older than they are.
        self.periods.word.store_racing(idle + OPEN, Ordering::Relaxed);
    }
}
