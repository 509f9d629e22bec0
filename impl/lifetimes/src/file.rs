//! struct file: its count, its place on an epoll's list, and `__fput`.
//!
//! Spec: `Epoll` (and `FileLife`, which it refines).

use crate::counts::FCount;
use crate::dmabuf::DmaBuf;
use crate::epoll::Eventpoll;
use crate::ghost::FileGhost;
use graceref::at;
use graceref::sync::model::violated;
use graceref::sync::{AtomicU32, Ordering, Tracked};

/// A struct file over a dma-buf.
#[derive(Debug)]
pub struct File<C> {
    pub(crate) f_count: C,
    /// Whether the epoll's item is on the file's list.
    pub(crate) f_ep: AtomicU32,
    /// The fields that are gone when the file is freed.
    fields: Tracked<()>,
    pub(crate) ghost: FileGhost,
}

impl<C: FCount> File<C> {
    /// An open file with one descriptor, watched by an epoll.
    pub fn watched() -> Self {
        Self {
            f_count: C::new(),
            f_ep: AtomicU32::new(1),
            fields: Tracked::new(()),
            ghost: FileGhost::default(),
        }
    }

    /// The struct file itself is looked at: it had better not be free.
    pub(crate) fn touch(&self, by: &str) {
        self.ghost.touch(self.ghost.freed.get(), by);
        self.fields.with(|_| ());
    }

    /// `get_file`: takes a reference without looking at the count.
    pub fn get_file(&self) {
        self.f_count.get_file();
        self.touch("f_count (get_file)");
        if self.ghost.died.get() {
            violated(
                "NoResurrect",
                format_args!("get_file raised a count that was gone: the dying file is back"),
            );
        }
    }

    /// inc-not-zero.
    pub fn get_active(&self) -> bool {
        let got = self.f_count.get_active();
        self.touch("f_count (inc-not-zero)");
        got
    }

    /// `fput`: gives a reference back; `true` if the caller has `__fput` to run, later, outside every lock.
    #[must_use]
    pub fn fput(&self) -> bool {
        let last = self.f_count.put();
        self.ghost.touch(self.ghost.freed.get(), "f_count (fput)");
        if last {
            self.ghost.died.set(true);
        }
        last
    }

    /// `__fput`: out of the epoll, then `->release`, then the struct file itself.
    pub fn __fput(&self, ep: &Eventpoll, dmabuf: &DmaBuf) {
        at!("f_ep");
        // eventpoll_release: without a lock, right only while whoever writes f_ep holds the file.
        // ORDERING: Relaxed; the put that led here has acquired what the writers did.
        let watched = self.f_ep.load(Ordering::Relaxed) != 0;
        self.touch("f_ep (eventpoll_release)");
        if watched {
            ep.release_file(self);
        }
        dmabuf.release(&self.ghost);
        at!("free");
        self.fields.retire();
        self.ghost.freed.set(true);
    }

    /// The number of references, for observers.
    pub fn raw_f_count(&self) -> i64 {
        self.f_count.raw()
    }

    /// Whether the epoll's item is on the file's list, for observers.
    pub fn raw_f_ep(&self) -> bool {
        self.f_ep.raw_load() != 0
    }

    /// The ghosts, for observers: died, released, freed, and whether freed memory was used.
    pub fn ghosts(&self) -> (bool, u32, bool, bool) {
        let g = &self.ghost;
        (g.died.get(), g.released.get(), g.freed.get(), g.uaf.get())
    }
}
