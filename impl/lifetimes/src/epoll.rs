//! epoll: a lock, one item, and no reference to the file that it watches.
//!
//! Spec: `Epoll`.

use crate::counts::FCount;
use crate::file::{File, Poll};
use graceref::sync::model::{violated, witness};
use graceref::sync::{Mutex, Ordering, within};
use graceref::{at, local};

/// What protects the file around `->poll`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// Nothing: the code of 2023.
    Unpinned,
    /// epi_fget: inc-not-zero in ep_item_poll, merged in 2024.
    EpiFget,
    /// get_file_active in the one driver's ->poll, and nothing in epoll.
    InDriver,
    /// epi_fget where nothing can be unmounted; elsewhere a look at the count.
    NoUser,
    /// Nothing, but close(2) removes the item before its fput, and `__fput` does not.
    AtClose,
    /// The same, and `__fput` removes what is there as well.
    AtBoth,
    /// Nothing, and eventpoll_release_file does not take ep->mtx.
    UnpinnedNoMtx,
    /// epi_fget, and eventpoll_release_file does not take ep->mtx.
    EpiFgetNoMtx,
}

/// struct eventpoll.
#[derive(Debug)]
pub struct Eventpoll {
    fix: Fix,
    mtx: Mutex<()>,
}

impl Fix {
    /// Whether close(2) removes the item before its fput.
    pub fn at_close(self) -> bool {
        matches!(self, Fix::AtClose | Fix::AtBoth)
    }
}

impl Eventpoll {
    /// An epoll.
    pub fn new(fix: Fix) -> Self {
        Self { fix, mtx: Mutex::new(()) }
    }

    /// Its variant.
    pub fn fix(&self) -> Fix {
        self.fix
    }

    /// Whether ep_item_poll takes a reference to this file.
    pub fn pins<C: FCount>(&self, file: &File<C>) -> bool {
        match self.fix {
            Fix::EpiFget | Fix::EpiFgetNoMtx => true,
            Fix::NoUser => !file.mountable(),
            Fix::Unpinned | Fix::InDriver | Fix::UnpinnedNoMtx | Fix::AtClose | Fix::AtBoth => {
                false
            }
        }
    }

    /// `EPOLL_CTL_ADD`, from the lock to the fdput of a file that the caller holds. Returns whether the caller has
    /// `__fput` to run as task work.
    pub fn add<C: FCount>(&self, file: &File<C>) -> bool {
        let _scope = within("add");
        at!("mtx");
        let guard = self.mtx.lock();
        at!("insert");
        // ORDERING: Relaxed; ep->mtx orders it, and eventpoll_release that looks without it may miss it.
        file.access("the list of its epoll items", || file.f_ep.store(1, Ordering::Relaxed));
        at!("unlock");
        drop(guard);
        file.fput()
    }

    /// `epoll_wait` finds the item ready and polls its file (`ep_send_events`). Returns whether the caller has
    /// `__fput` to run as task work.
    pub fn wait<C: FCount>(&self, file: &File<C>, driver: &impl Poll<C>) -> bool {
        at!("wait_mtx");
        let guard = self.mtx.lock();
        at!("wait_item");
        // ORDERING: Relaxed; ep->mtx orders it.
        let there = file.f_ep.load(Ordering::Relaxed) != 0;
        let last = there && self.item_poll(file, driver);
        at!("wait_unlock");
        drop(guard);
        last
    }

    /// `ep_item_poll`.
    fn item_poll<C: FCount>(&self, file: &File<C>, driver: &impl Poll<C>) -> bool {
        let pins = self.pins(file);
        if pins && !epi_fget(file) {
            witness("Refused", format_args!("epi_fget found the count gone: no event"));
            return false;
        }
        if !pins && self.fix == Fix::NoUser && in_wait(|| file.file_count()) == 0 {
            return false;
        }
        if file.raw_f_count() == 0 {
            witness("PollDead", format_args!("->poll is called on a file whose count is zero"));
        }
        let mut last = driver.poll(file);
        if file.ghost.released.get() > 0 {
            violated("MtxExcludesRelease", format_args!("->release ran beside ->poll"));
        }
        if file.ghost.dead.get() {
            let event = format_args!("an event from a file whose count is zero");
            if pins {
                violated("NeverDeadEvent", event);
            } else {
                witness("DeadEvent", event);
            }
        }
        if pins {
            last |= in_wait(|| file.fput());
            local!(last = last);
        }
        last
    }

    /// `eventpoll_release_file`.
    pub(crate) fn release_file<C: FCount>(&self, file: &File<C>) {
        let guard = (!matches!(self.fix, Fix::UnpinnedNoMtx | Fix::EpiFgetNoMtx)).then(|| {
            at!("mtx");
            self.mtx.lock()
        });
        at!("remove");
        // ORDERING: Relaxed; ep->mtx orders it.
        let there = file
            .access("the list of its epoll items", || file.f_ep.swap(0, Ordering::Relaxed) != 0);
        file.ghost.touch(!there, "struct epitem");
        if let Some(guard) = guard {
            at!("mtx_unlock");
            drop(guard);
        }
    }

    /// Whether somebody holds ep->mtx, for observers.
    pub fn raw_mtx(&self) -> bool {
        self.mtx.raw_is_locked()
    }
}

fn epi_fget<C: FCount>(file: &File<C>) -> bool {
    let got = in_wait(|| file.get_active());
    if !file.raw_f_ep() || file.ghost.released.get() > 0 {
        violated("EpiFgetSeesTheFile", format_args!("epi_fget looked at a file that is gone"));
    }
    got
}

/// The labels of the pin: `wait_count`, `wait_get_load`, `wait_get_cas`, `wait_put`.
fn in_wait<R>(f: impl FnOnce() -> R) -> R {
    let _scope = within("wait");
    f()
}
