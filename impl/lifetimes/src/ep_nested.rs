//! Epolls that watch epolls: the looks down and up that an `EPOLL_CTL_ADD` takes before it adds one to another.
//!
//! Spec: `EpNested`.

use crate::locked;
use graceref::sync::model::violated;
use graceref::sync::{AtomicU32, Mutex, Ordering, Tracked};
use graceref::{at, local};

/// Where an `EPOLL_CTL_ADD` looks for epolls that its own would be nested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Down from the target, and up from the epoll.
    Both,
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
        local!(at = to);
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
        let mut depth = 1;
        match self.check {
            Check::None => true,
            Check::Down => self.down(from, to, &mut depth),
            Check::Both => self.down(from, to, &mut depth) && self.up(from, &mut depth),
        }
    }

    /// `ep_loop_check_proc`.
    fn down(&self, from: u32, to: u32, depth: &mut u32) -> bool {
        let mut at = to;
        loop {
            at!("down_lock");
            let guard = self.ep(at).mtx.lock();
            let next = locked::get(&self.ep(at).watches);
            local!(next = next);
            at!("down_unlock");
            drop(guard);
            if next == 0 {
                local!(at = from);
                return true;
            }
            at = next;
            *depth += 1;
            local!(at = at, depth = *depth);
            if at == from || *depth > MAX {
                return false;
            }
        }
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
        at!("attach");
        // ORDERING: Relaxed; epnested_mutex orders it.
        self.ep(to).refs.store(from, Ordering::Relaxed);
        at!("insert");
        // ORDERING: Relaxed; mtx orders it.
        self.ep(from).watches.store(to, Ordering::Relaxed);
        self.shape();
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
            at!("poll_next_lock");
            let inner = self.ep(next).mtx.lock();
            at!("poll_next_unlock");
            drop(inner);
        }
        at!("poll_unlock");
        drop(guard);
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
