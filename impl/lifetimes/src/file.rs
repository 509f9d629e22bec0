//! struct file: its count, its place on an epoll's list, and `__fput`.
//!
//! Spec: `Epoll` (and `FileLife`, which it refines).

use crate::counts::FCount;
use crate::dmabuf::DmaBuf;
use crate::epoll::Eventpoll;
use crate::ghost::FileGhost;
use graceref::at;
use graceref::sync::model::violated;
use graceref::sync::{AtomicU32, ENGINE, Engine, Ordering, Tracked};

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

    /// The struct file itself is accessed: it had better not be free.
    ///
    /// The model looks right after the step, which is the step's own time. Real threads must look before: after a
    /// put the file may rightly be gone.
    pub(crate) fn access<R>(&self, what: &str, step: impl FnOnce() -> R) -> R {
        if ENGINE == Engine::Std {
            self.ghost.touch(self.ghost.freed.get(), what);
        }
        let result = step();
        if ENGINE != Engine::Std {
            self.ghost.touch(self.ghost.freed.get(), what);
        }
        result
    }

    /// `get_file`: takes a reference without looking at the count.
    pub fn get_file(&self) {
        self.access("f_count (get_file)", || self.f_count.get_file());
        self.fields.with(|_| ());
        if self.ghost.died.get() {
            violated(
                "NoResurrect",
                format_args!("get_file raised a count that was gone: the dying file is back"),
            );
        }
    }

    /// inc-not-zero.
    pub fn get_active(&self) -> bool {
        let got = self.access("f_count (inc-not-zero)", || self.f_count.get_active());
        self.fields.with(|_| ());
        got
    }

    /// `fput`: gives a reference back; `true` if the caller has `__fput` to run, later, outside every lock.
    #[must_use]
    pub fn fput(&self) -> bool {
        let last = self.access("f_count (fput)", || self.f_count.put());
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
        let watched =
            self.access("f_ep (eventpoll_release)", || self.f_ep.load(Ordering::Relaxed) != 0);
        self.fields.with(|_| ());
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
