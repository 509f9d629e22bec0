//! The ready list of an epoll, and the overflow list that stands in for it while epoll_wait goes through it.
//!
//! Spec: `EpReady`.

use crate::locked;
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{AtomicU32, Mutex, Ordering, within};
use graceref::{at, local};

/// How events that come meanwhile, and looks meanwhile, are taken care of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// A second look if the lists were switched.
    Seqcount,
    /// A look at either list.
    Twice,
    /// What becomes ready meanwhile is not kept.
    Dropped,
    /// What could not be reported is not kept.
    Unspliced,
}

/// One item on the ready list.
#[derive(Debug)]
pub struct ReadyList {
    fix: Fix,
    /// Level-triggered: it stays on the list while its file is ready.
    level: bool,
    /// Nothing can be reported: the caller's memory cannot be written to.
    fault: bool,
    lock: Mutex<()>,
    rdllist: AtomicU32,
    ovflist: AtomicU32,
    open: AtomicU32,
    seq: AtomicU32,
    ready: AtomicU32,
    told: Ghost<bool>,
    missed: Ghost<bool>,
}

impl ReadyList {
    /// An item on the ready list; a level-triggered one is ready.
    pub fn new(fix: Fix, level: bool, fault: bool) -> Self {
        Self {
            fix,
            level,
            fault,
            lock: Mutex::new(()),
            rdllist: AtomicU32::new(1),
            ovflist: AtomicU32::new(0),
            open: AtomicU32::new(0),
            seq: AtomicU32::new(0),
            ready: AtomicU32::new(level.into()),
            told: Ghost::default(),
            missed: Ghost::default(),
        }
    }

    /// `ep_send_events`.
    pub fn scan(&self) {
        let _scope = within("scan");
        at!("lock");
        let guard = self.lock.lock();
        at!("seq");
        // ORDERING: AcqRel: the count's change comes before what it announces.
        self.seq.fetch_add(1, Ordering::AcqRel);
        at!("splice");
        // ORDERING: Release: after the count's change, for whoever looks.
        self.rdllist.store(0, Ordering::Release);
        at!("open");
        // ORDERING: Release, likewise.
        self.open.store(1, Ordering::Release);
        at!("seq_end");
        // ORDERING: Release: after the lists' change.
        self.seq.fetch_add(1, Ordering::Release);
        at!("unlock");
        drop(guard);
        at!("poll");
        // ORDERING: Acquire pairs with the Release of the event.
        let got = self.ready.load(Ordering::Acquire) != 0;
        let rest = got && self.fault;
        self.told.set(got && !rest);
        local!(got = got, rest = rest);
        if got && !rest && self.level {
            at!("requeue");
            // ORDERING: Release, for whoever looks.
            self.rdllist.store(1, Ordering::Release);
        }
        self.done(rest);
    }

    /// `ep_done_scan`, with what is left on `txlist`.
    fn done(&self, rest: bool) {
        let _scope = within("done");
        at!("lock");
        let guard = self.lock.lock();
        at!("seq");
        // ORDERING: AcqRel: the count's change comes before what it announces.
        self.seq.fetch_add(1, Ordering::AcqRel);
        self.drain(rest);
        at!("close");
        // ORDERING: Release: the ready list comes first.
        self.open.store(0, Ordering::Release);
        if rest && self.fix != Fix::Unspliced {
            at!("splice");
            // ORDERING: Release, for whoever looks.
            self.rdllist.store(1, Ordering::Release);
        }
        at!("seq_end");
        // ORDERING: Release: after the lists' change.
        self.seq.fetch_add(1, Ordering::Release);
        at!("unlock");
        drop(guard);
    }

    /// What is on `txlist` stays there.
    fn drain(&self, rest: bool) {
        at!("drain");
        // ORDERING: Relaxed; ep->lock orders it.
        let got = self.ovflist.swap(0, Ordering::Relaxed) != 0 && !rest;
        local!(got = got);
        if got {
            at!("add");
            // ORDERING: Release, for whoever looks.
            self.rdllist.store(1, Ordering::Release);
        }
    }

    /// `ep_events_available`, for an `epoll_wait` that does not wait.
    pub fn look(&self) {
        let _scope = within("look");
        let mut before = 0;
        loop {
            at!("rdllist");
            // ORDERING: Acquire: before the look that follows.
            let mut some = self.rdllist.load(Ordering::Acquire) != 0;
            local!(some = some);
            at!("open");
            // ORDERING: Acquire, likewise.
            some |= self.open.load(Ordering::Acquire) != 0;
            local!(some = some);
            if self.fix != Fix::Twice {
                at!("seq");
                // ORDERING: Acquire, for the next round.
                let seq = self.seq.load(Ordering::Acquire);
                if seq != before || seq % 2 == 1 {
                    witness("Again", format_args!("the lists were switched meanwhile"));
                    before = seq;
                    local!(before = before);
                    continue;
                }
            }
            if !some {
                self.missed.set(true);
                violated("NoMissedEvent", format_args!("the item is ready and was not seen"));
            }
            return;
        }
    }

    /// `ep_poll_callback`.
    pub fn wake(&self) {
        let _scope = within("wake");
        at!("event");
        // ORDERING: Release pairs with the Acquire of ->poll.
        self.ready.store(1, Ordering::Release);
        at!("lock");
        let guard = self.lock.lock();
        // The list that is open.
        if !locked::is(&self.open) {
            at!("add");
            // ORDERING: Release, for whoever looks.
            self.rdllist.store(1, Ordering::Release);
        } else if self.fix != Fix::Dropped {
            at!("overflow");
            // ORDERING: Relaxed; ep->lock orders it.
            self.ovflist.store(1, Ordering::Relaxed);
            witness("Overflows", format_args!("the event goes to the overflow list"));
        }
        at!("unlock");
        drop(guard);
    }

    /// The truth values, for observers.
    pub fn raw(&self) -> [(&'static str, bool); 7] {
        let set = |word: &AtomicU32| word.raw_load() != 0;
        [
            ("lock", self.lock.raw_is_locked()),
            ("rdllist", set(&self.rdllist)),
            ("ovflist", set(&self.ovflist)),
            ("open", set(&self.open)),
            ("ready", set(&self.ready)),
            ("told", self.told.get()),
            ("missed", self.missed.get()),
        ]
    }

    /// How often the lists were switched, for observers.
    pub fn raw_seq(&self) -> u32 {
        self.seq.raw_load()
    }

    /// Reports an event that is nowhere, and what is left when every task is done.
    pub fn at_end(&self) {
        let [_, rdllist, ..] = self.raw().map(|(_, is)| is);
        if self.ready.raw_load() != 0 && !self.told.get() && !rdllist {
            violated("NoLostWakeup", format_args!("the file is ready, and the item on no list"));
        }
        let left = |&(name, is): &(&str, bool)| is && ["lock", "open", "ovflist"].contains(&name);
        if self.raw().iter().any(left) || self.raw_seq() % 2 == 1 {
            violated("NothingLeft", format_args!("{:?} at the end", self.raw()));
        }
    }
}
