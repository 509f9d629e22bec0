//! A walk up through nested epolls, under RCU, while one of them is closed.
//!
//! Spec: `EpWalk`.

use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{AtomicU32, AtomicU64, Mutex, Ordering, Tracked, fence, within};
use graceref::{at, local};

/// How struct eventpoll is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// At once.
    Kfree,
    /// After a grace period, as its items are.
    KfreeRcu,
}

/// A target, the item on its list, and the epoll that the item is of.
#[derive(Debug)]
pub struct Nested {
    fix: Fix,
    /// The walker's: held while it is inside. A grace period takes it once.
    rcu: Mutex<()>,
    f_lock: Mutex<()>,
    refs: AtomicU32,
    mtx: Mutex<()>,
    rbr: AtomicU32,
    count: AtomicU64,
    epi: Tracked<()>,
    ep: Tracked<()>,
    /// The item, the epoll.
    freed: Ghost<[bool; 2]>,
    uaf: Ghost<[bool; 2]>,
}

const EPI: usize = 0;
const EP: usize = 1;
const NAMES: [&str; 2] = ["epi", "ep"];

impl Nested {
    /// One epoll that watches the target.
    pub fn new(fix: Fix) -> Self {
        Self {
            fix,
            rcu: Mutex::new(()),
            f_lock: Mutex::new(()),
            refs: AtomicU32::new(1),
            mtx: Mutex::new(()),
            rbr: AtomicU32::new(1),
            count: AtomicU64::new(2),
            epi: Tracked::new(()),
            ep: Tracked::new(()),
            freed: Ghost::default(),
            uaf: Ghost::default(),
        }
    }

    fn touch(&self, what: usize) {
        if self.freed.get()[what] {
            self.uaf.with(|uaf| uaf[what] = true);
            let what = NAMES[what];
            violated("NoUseAfterFree", format_args!("{what} is read after it was freed"));
        }
    }

    /// `ep_get_upwards_depth_proc`, for an `EPOLL_CTL_ADD` of the target.
    pub fn walk(&self) {
        let _scope = within("walk");
        at!("lock");
        let guard = self.rcu.lock();
        at!("first");
        // ORDERING: Relaxed; the list was whole before, and what it leads to is there until the grace period ends.
        let found = self.refs.load(Ordering::Relaxed) != 0;
        local!(found = found);
        if found {
            at!("epi");
            self.epi.with(|_| ());
            self.touch(EPI);
            if self.count.raw_load() == 0 {
                witness("Stale", format_args!("the walker reads an epoll that nobody counts on"));
            }
            at!("ep");
            self.ep.with(|_| ());
            self.touch(EP);
        }
        at!("unlock");
        drop(guard);
    }

    /// `ep_clear_and_put`.
    pub fn close(&self) {
        let _scope = within("close");
        at!("mtx");
        let mtx = self.mtx.lock();
        at!("f_lock");
        let f_lock = self.f_lock.lock();
        at!("unlink");
        // ORDERING: Relaxed; f_lock orders it among writers, the grace period before the frees.
        self.refs.store(0, Ordering::Relaxed);
        self.touch(EPI);
        at!("f_unlock");
        drop(f_lock);
        at!("erase");
        // ORDERING: Relaxed; ep->mtx orders it.
        self.rbr.store(0, Ordering::Relaxed);
        self.touch(EPI);
        at!("item_put");
        self.put();
        at!("mtx_unlock");
        drop(mtx);
        at!("put");
        let last = self.put();
        debug_assert!(last);
        if self.fix == Fix::Kfree {
            at!("free");
            self.ep.retire();
            self.freed.with(|freed| freed[EP] = true);
        }
        self.grace_period();
        at!("rcu_free");
        self.epi.retire();
        if self.fix == Fix::KfreeRcu {
            self.ep.retire();
        }
        self.freed.set([true; 2]);
    }

    fn put(&self) -> bool {
        // ORDERING: Release pairs with the Acquire fence of the last put.
        let last = self.count.fetch_sub(1, Ordering::Release) == 1;
        if last {
            // ORDERING: Acquire pairs with the Release of the other puts.
            fence(Ordering::Acquire);
        }
        last
    }

    /// Every reader that is inside is waited for; one that comes later finds nothing of what was unlinked.
    fn grace_period(&self) {
        if self.rcu.raw_is_locked() {
            witness("HeldBack", format_args!("the grace period waits for the walker"));
        }
        at!("rcu_wait");
        let waited = self.rcu.lock();
        at!("rcu_over");
        drop(waited);
    }

    /// rcu, f_lock, refs, mtx, rbr; for observers.
    pub fn raw(&self) -> [(&'static str, bool); 5] {
        [
            ("rcu", self.rcu.raw_is_locked()),
            ("f_lock", self.f_lock.raw_is_locked()),
            ("refs", self.refs.raw_load() != 0),
            ("mtx", self.mtx.raw_is_locked()),
            ("rbr", self.rbr.raw_load() != 0),
        ]
    }

    /// The epoll's count, for observers.
    pub fn raw_count(&self) -> i64 {
        self.count.raw_load().cast_signed()
    }

    /// What was freed, and what of it was used; for observers.
    pub fn raw_gone(&self) -> [Vec<&'static str>; 2] {
        [&self.freed, &self.uaf].map(|ghost| {
            NAMES.into_iter().zip(ghost.get()).filter_map(|(name, is)| is.then_some(name)).collect()
        })
    }
}
