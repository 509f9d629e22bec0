//! Epolls that watch epolls: the looks down and up that an `EPOLL_CTL_ADD` takes before it adds one to another, and the
//! close of one that is further down.
//!
//! Spec: `EpNested`.

use crate::locked;
use graceref::sync::model::{Ghost, around, violated, witness};
use graceref::sync::{AtomicU32, Mutex, MutexGuard, Ordering, Tracked, within};
use graceref::{at, local};

/// Where an `EPOLL_CTL_ADD` looks for epolls that its own would be nested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Down from the target, and up from the epoll.
    Both,
    /// The same, but each mutex is given back before going down.
    Released,
    /// Down only.
    Down,
    /// Nowhere.
    None,
}

/// EP_MAX_NESTS, which is 4 in the kernel.
const MAX: u32 = 2;
/// How many epolls there are; their numbers begin at 1, and 0 is none.
pub const EPS: usize = 4;

/// struct eventpoll, with one item at the most.
#[derive(Debug, Default)]
struct Eventpoll {
    mtx: Mutex<()>,
    /// What it watches: the item in `ep->rbr`; under mtx.
    watches: AtomicU32,
    /// What watches it: the first item in `ep->refs`.
    refs: AtomicU32,
    there: Tracked<()>,
    freed: Ghost<bool>,
    uaf: Ghost<bool>,
    /// Somebody goes down with its mutex.
    walked: Ghost<bool>,
}

impl Eventpoll {
    /// Its mutex is taken or given back: it had better be there.
    fn touch(&self) {
        if self.freed.get() {
            self.uaf.set(true);
            violated("NoUseAfterFree", format_args!("the mutex of an epoll that was freed"));
        }
    }

    /// Takes mtx, of an epoll that nobody counts on.
    fn lock_nested(&self) -> MutexGuard<'_, ()> {
        let guard = self.mtx.lock();
        self.touch();
        self.there.with(|_| ());
        guard
    }

    fn unlock_nested(&self, guard: MutexGuard<'_, ()>) {
        around(|| drop(guard), || self.touch());
    }
}

/// Four epolls.
#[derive(Debug)]
pub struct Epolls {
    check: Check,
    /// epnested_mutex, if there is one.
    nested: Option<Mutex<()>>,
    eps: [Eventpoll; EPS],
    descriptors: Tracked<()>,
}

impl Epolls {
    /// Epolls of which some watch others already.
    pub fn new(check: Check, serial: bool, watched: &[(u32, u32)]) -> Self {
        let this = Self {
            check,
            nested: serial.then(|| Mutex::new(())),
            eps: Default::default(),
            descriptors: Tracked::new(()),
        };
        for &(ep, target) in watched {
            locked::set(&this.ep(ep).watches, target);
            locked::set(&this.ep(target).refs, ep);
        }
        this
    }

    fn ep(&self, number: u32) -> &Eventpoll {
        &self.eps[number as usize - 1]
    }

    /// `EPOLL_CTL_ADD`. Returns whether it was not refused.
    pub fn add(&self, from: u32, to: u32) -> bool {
        at!("fd");
        self.descriptors.with(|_| ());
        let serial = self.nested.as_ref().map(|nested| {
            at!("nested_lock");
            nested.lock()
        });
        let fits = self.fits(from, to);
        if fits {
            self.insert(from, to);
        }
        if let Some(guard) = serial {
            at!("nested_unlock");
            drop(guard);
        }
        fits
    }

    /// `ep_loop_check`.
    fn fits(&self, from: u32, to: u32) -> bool {
        if self.check == Check::None {
            return true;
        }
        let mut depth = 1;
        self.down(from, to, &mut depth);
        local!(at = from);
        depth <= MAX && (self.check == Check::Down || self.up(from, &mut depth))
    }

    /// `ep_loop_check_proc` of the target.
    fn down(&self, from: u32, to: u32, depth: &mut u32) {
        let ep = self.ep(to);
        at!("down_lock");
        let guard = ep.mtx.lock();
        let next = locked::get(&ep.watches);
        if next == from {
            *depth = MAX + 1;
        } else if next != 0 {
            *depth += 1;
        }
        local!(next = next, depth = *depth);
        let further = next != 0 && next != from;
        if further && self.check != Check::Released {
            ep.walked.set(true);
            self.down_next(next, depth);
            ep.walked.set(false);
        }
        at!("down_unlock");
        drop(guard);
        if further && self.check == Check::Released {
            self.down_next(next, depth);
        }
    }

    /// And of what it watches.
    fn down_next(&self, next: u32, depth: &mut u32) {
        let ep = self.ep(next);
        at!("down_next_lock");
        let guard = ep.lock_nested();
        if locked::is(&ep.watches) {
            *depth += 1;
        }
        local!(depth = *depth);
        at!("down_next_unlock");
        ep.unlock_nested(guard);
    }

    /// `ep_get_upwards_depth_proc`, under RCU.
    fn up(&self, from: u32, depth: &mut u32) -> bool {
        let mut at = from;
        loop {
            at!("up_first");
            // ORDERING: Relaxed; under epnested_mutex nobody adds, and what is removed makes no chain longer.
            let next = self.ep(at).refs.load(Ordering::Relaxed);
            local!(next = next);
            if next == 0 {
                return true;
            }
            at!("up_ep");
            self.descriptors.with(|_| ());
            at = next;
            *depth += 1;
            local!(at = at, depth = *depth);
            if *depth > MAX {
                return false;
            }
        }
    }

    /// `ep_insert`, which polls what it has inserted.
    fn insert(&self, from: u32, to: u32) {
        at!("mtx_lock");
        let guard = self.ep(from).mtx.lock();
        at!("tep_lock");
        let tep = self.ep(to).mtx.lock();
        at!("attach");
        // ORDERING: Relaxed; epnested_mutex orders it.
        self.ep(to).refs.store(from, Ordering::Relaxed);
        at!("insert");
        // ORDERING: Relaxed; mtx orders it.
        self.ep(from).watches.store(to, Ordering::Relaxed);
        self.shape();
        at!("tep_unlock");
        drop(tep);
        self.poll(to);
        at!("mtx_unlock");
        drop(guard);
    }

    /// `__ep_eventpoll_poll` of the target, and of what that one watches.
    fn poll(&self, to: u32) {
        at!("poll_lock");
        let guard = self.ep(to).mtx.lock();
        let next = locked::get(&self.ep(to).watches);
        local!(at = next);
        if next != 0 {
            let ep = self.ep(next);
            at!("poll_next_lock");
            let inner = ep.lock_nested();
            at!("poll_next_unlock");
            ep.unlock_nested(inner);
        }
        at!("poll_unlock");
        drop(guard);
    }

    /// `close` of the last reference to an epoll's file: `eventpoll_release_file` for what watches it, then its own
    /// `->release`. It watches nothing.
    pub fn close(&self, number: u32) {
        let _scope = within("close");
        let ep = self.ep(number);
        loop {
            at!("first");
            // ORDERING: Relaxed; file->f_lock orders it, and nobody who may add has the file.
            let above = ep.refs.load(Ordering::Relaxed);
            local!(above = above);
            if above == 0 {
                break;
            }
            let above = self.ep(above);
            if above.walked.get() {
                witness("HeldBack", format_args!("the close waits for the walk down"));
            }
            at!("lock");
            let guard = above.mtx.lock();
            at!("unlink");
            // ORDERING: Relaxed, likewise.
            ep.refs.store(0, Ordering::Relaxed);
            at!("erase");
            // ORDERING: Relaxed; mtx orders it.
            above.watches.store(0, Ordering::Relaxed);
            at!("unlock");
            drop(guard);
        }
        at!("own_lock");
        let guard = ep.mtx.lock();
        at!("own_unlock");
        drop(guard);
        at!("free");
        ep.there.retire();
        ep.freed.set(true);
    }

    /// The epolls that were freed, and those that were used after that; for observers.
    pub fn raw_gone(&self) -> [Vec<u32>; 2] {
        let numbers = |is: fn(&Eventpoll) -> bool| {
            (1..).zip(&self.eps).filter(|(_, ep)| is(ep)).map(|(number, _)| number).collect()
        };
        [numbers(|ep| ep.freed.get()), numbers(|ep| ep.uaf.get())]
    }

    /// Whether somebody has epnested_mutex, for observers.
    pub fn raw_nested(&self) -> bool {
        self.nested.as_ref().is_some_and(Mutex::raw_is_locked)
    }

    /// Each epoll's mtx, what it watches, and what watches it; for observers.
    pub fn raw(&self) -> [(bool, u32, u32); EPS] {
        self.eps
            .each_ref()
            .map(|ep| (ep.mtx.raw_is_locked(), ep.watches.raw_load(), ep.refs.raw_load()))
    }

    /// What the looks are for.
    fn shape(&self) {
        for number in 1..=EPS {
            let watches = |ep: &usize| match self.eps[ep - 1].watches.raw_load() as usize {
                0 => None,
                next => Some(next),
            };
            let below = std::iter::successors(watches(&number), watches).take(EPS).count();
            if below == EPS {
                violated("NoCycle", format_args!("epoll {number} watches itself"));
            }
            if below > MAX as usize {
                violated("BoundedDepth", format_args!("{below} levels below epoll {number}"));
            }
        }
    }
}
