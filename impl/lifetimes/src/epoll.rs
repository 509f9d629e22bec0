//! epoll: a lock, one item, and no reference to the file that it watches.
//!
//! Spec: `Epoll`.

use crate::counts::FCount;
use crate::dmabuf::DmaBuf;
use crate::file::File;
use graceref::sync::model::witness;
use graceref::sync::{Mutex, Ordering, within};
use graceref::{at, local};

/// What protects the file around `->poll`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// Nothing: the code of 2023.
    Unpinned,
    /// epi_fget: inc-not-zero in ep_item_poll, merged in 2024.
    EpiFget,
    /// get_file_active in the one driver's ->poll.
    InDriver,
}

/// struct eventpoll.
#[derive(Debug, Default)]
pub struct Eventpoll {
    mtx: Mutex<()>,
}

impl Eventpoll {
    /// An epoll.
    pub fn new() -> Self {
        Self { mtx: Mutex::new(()) }
    }

    /// `epoll_wait` finds the item ready and polls its file (`ep_send_events`). Returns whether the caller has
    /// `__fput` to run as task work.
    pub fn wait<C: FCount>(&self, file: &File<C>, dmabuf: &DmaBuf, fix: Fix) -> bool {
        at!("wait_mtx");
        let guard = self.mtx.lock();
        local!(last = false);
        at!("wait_item");
        // ORDERING: Relaxed; ep->mtx orders it.
        let there = file.f_ep.load(Ordering::Relaxed) != 0;
        let last = there && Self::item_poll(file, dmabuf, fix);
        at!("wait_unlock");
        drop(guard);
        last
    }

    /// `ep_item_poll`.
    fn item_poll<C: FCount>(file: &File<C>, dmabuf: &DmaBuf, fix: Fix) -> bool {
        let pins = fix == Fix::EpiFget;
        if pins && !in_wait(|| file.get_active()) {
            witness("Refused", format_args!("epi_fget found the count gone: no event"));
            return false;
        }
        if file.raw_f_count() == 0 {
            witness("PollDead", format_args!("->poll is called on a file whose count is zero"));
        }
        let mut last = dmabuf.poll(file, fix);
        if pins {
            last |= in_wait(|| file.fput());
            local!(last = last);
        }
        last
    }

    /// `eventpoll_release_file`.
    pub(crate) fn release_file<C: FCount>(&self, file: &File<C>) {
        at!("mtx");
        let guard = self.mtx.lock();
        at!("remove");
        // ORDERING: Relaxed; ep->mtx orders it.
        let there = file
            .access("the list of its epoll items", || file.f_ep.swap(0, Ordering::Relaxed) != 0);
        file.ghost.touch(!there, "struct epitem");
        at!("mtx_unlock");
        drop(guard);
    }

    /// Whether somebody holds ep->mtx, for observers.
    pub fn raw_mtx(&self) -> bool {
        self.mtx.raw_is_locked()
    }
}

/// The labels of the pin: `wait_get_load`, `wait_get_cas`, `wait_put`.
fn in_wait<R>(f: impl FnOnce() -> R) -> R {
    let _scope = within("wait");
    f()
}
