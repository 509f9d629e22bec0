//! The entry that an item has on its file's wait queue, and who may still be at it when the item goes.
//!
//! Spec: `EpWait`.

use crate::locked;
use graceref::sync::model::{Ghost, around, violated, witness};
use graceref::sync::{AtomicU32, Mutex, Ordering, Tracked};
use graceref::{at, local};

/// How entry and queue go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// `whead` is set to NULL last, and the queue is freed by RCU.
    Last,
    /// `whead` is set to NULL before the entry is unlinked.
    First,
    /// The queue is freed at once.
    Kfree,
    /// `ep_unregister_pollwait` does not take the queue's lock.
    Unlocked,
    /// The item is taken off the ready list before it is unregistered.
    Early,
}

/// A wait queue, and the entry of an item on it.
#[derive(Debug)]
pub struct Wait {
    fix: Fix,
    /// The queue's lock.
    wq: Mutex<()>,
    linked: AtomicU32,
    whead: AtomicU32,
    ready: AtomicU32,
    /// The epoll's: held while it reads under RCU. A grace period takes it once.
    rcu: Mutex<()>,
    queue: Tracked<()>,
    entry: Tracked<()>,
    way: Tracked<()>,
    /// The queue, the entry.
    freed: Ghost<[bool; 2]>,
    uaf: Ghost<[bool; 2]>,
    /// Whether a callback runs, for the check that none does any more.
    inside: Ghost<bool>,
}

const WQ: usize = 0;
const ENTRY: usize = 1;
const NAMES: [&str; 2] = ["wq", "entry"];

impl Wait {
    /// An item whose entry is on the queue.
    pub fn new(fix: Fix) -> Self {
        Self {
            fix,
            wq: Mutex::new(()),
            linked: AtomicU32::new(1),
            whead: AtomicU32::new(1),
            ready: AtomicU32::new(0),
            rcu: Mutex::new(()),
            queue: Tracked::new(()),
            entry: Tracked::new(()),
            way: Tracked::new(()),
            freed: Ghost::default(),
            uaf: Ghost::default(),
            inside: Ghost::default(),
        }
    }

    fn touch(&self, what: usize) {
        if self.freed.get()[what] {
            self.uaf.with(|uaf| uaf[what] = true);
            let what = NAMES[what];
            violated("NoUseAfterFree", format_args!("{what} was used after it was freed"));
        }
    }

    fn start(&self) {
        at!("start");
        self.way.with(|_| ());
    }

    /// `__wake_up` by the file.
    pub fn wake(&self) {
        self.start();
        self.wake_queue(false);
    }

    /// `wake_up_pollfree` by the queue's owner, who then frees it.
    pub fn free_queue(&self) {
        self.start();
        self.wake_queue(true);
        if self.fix != Fix::Kfree {
            at!("gp_wait");
            let waited = self.rcu.lock();
            at!("gp_over");
            drop(waited);
        }
        at!("wq_free");
        self.queue.retire();
        self.freed.with(|freed| freed[WQ] = true);
    }

    fn wake_queue(&self, pollfree: bool) {
        at!("wake_lock");
        let guard = self.wq.lock();
        let found = locked::is(&self.linked);
        local!(found = found);
        self.touch(WQ);
        if found {
            self.inside.set(true);
            self.callback(pollfree);
        }
        self.queue.with(|_| ());
        at!("wake_unlock");
        around(|| drop(guard), || self.touch(WQ));
    }

    /// `ep_poll_callback`, under the queue's lock. Its last step is the end of `inside`.
    fn callback(&self, pollfree: bool) {
        at!("callback");
        // ORDERING: Relaxed; ep->lock orders it.
        self.on_entry(!pollfree, || self.ready.store(1, Ordering::Relaxed));
        if !pollfree {
            return;
        }
        if self.fix == Fix::First {
            at!("callback_whead_first");
            self.whead_null(false);
        }
        at!("callback_unlink");
        // ORDERING: Relaxed; the queue's lock orders it, or whead.
        self.on_entry(self.fix == Fix::First, || self.linked.store(0, Ordering::Relaxed));
        if self.fix != Fix::First {
            at!("callback_whead");
            self.whead_null(true);
        }
    }

    /// A step of the callback on the entry; the last one, perhaps.
    fn on_entry(&self, last: bool, step: impl FnOnce()) {
        around(step, || {
            self.touch(ENTRY);
            self.inside.set(!last);
        });
        self.entry.with_mut(|_| ());
    }

    fn whead_null(&self, last: bool) {
        // ORDERING: Release pairs with the Acquire of `unregister`, which frees the entry.
        around(
            || self.whead.store(0, Ordering::Release),
            || {
                self.touch(ENTRY);
                self.inside.set(!last);
            },
        );
    }

    /// `ep_remove`: the entry goes, and the item.
    pub fn remove(&self) {
        self.start();
        if self.fix == Fix::Early {
            self.rdl_unlink();
        }
        self.unregister();
        if self.inside.get() {
            violated("NoLateCallback", format_args!("unregistered, and a callback runs"));
        }
        if self.fix != Fix::Early {
            self.rdl_unlink();
        }
        at!("entry_free");
        self.entry.retire();
        self.freed.with(|freed| freed[ENTRY] = true);
    }

    /// Off the ready list, under ep->lock.
    fn rdl_unlink(&self) {
        at!("rdl_unlink");
        // ORDERING: Relaxed; ep->lock orders it.
        self.ready.store(0, Ordering::Relaxed);
    }

    /// `ep_unregister_pollwait`.
    fn unregister(&self) {
        at!("unreg_rcu");
        let reader = self.rcu.lock();
        at!("unreg_whead");
        // ORDERING: Acquire pairs with the Release of the callback: it is through with the entry.
        let found = self.whead.load(Ordering::Acquire) != 0;
        local!(found = found);
        if !found {
            witness("Null", format_args!("whead is NULL: no lock to take"));
        } else if self.fix == Fix::Unlocked {
            self.unlink();
        } else {
            at!("unreg_lock");
            let guard = self.wq.lock();
            self.touch(WQ);
            self.unlink();
            at!("unreg_unlock");
            around(|| drop(guard), || self.touch(WQ));
        }
        at!("unreg_rcu_unlock");
        drop(reader);
    }

    fn unlink(&self) {
        at!("unreg_unlink");
        // ORDERING: Relaxed; the queue's lock orders it.
        around(|| self.linked.store(0, Ordering::Relaxed), || self.touch(WQ));
        self.queue.with(|_| ());
    }

    /// The truth values, for observers.
    pub fn raw(&self) -> [(&'static str, bool); 5] {
        [
            ("wq", self.wq.raw_is_locked()),
            ("linked", self.linked.raw_load() != 0),
            ("whead", self.whead.raw_load() != 0),
            ("ready", self.ready.raw_load() != 0),
            ("rcu", self.rcu.raw_is_locked()),
        ]
    }

    /// What was freed, and what of it was used; for observers.
    pub fn raw_gone(&self) -> [Vec<&'static str>; 2] {
        [&self.freed, &self.uaf].map(|ghost| {
            NAMES.into_iter().zip(ghost.get()).filter_map(|(name, is)| is.then_some(name)).collect()
        })
    }
}
