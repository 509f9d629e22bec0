//! struct file: its count, its place on an epoll's list, and `__fput`.
//!
//! Spec: `Epoll` (and `FileLife`, which it refines), `DmaBuf`, `Wrapper`.

use crate::counts::FCount;
use crate::epoll::{Eventpoll, Fix};
use crate::ghost::{FileGhost, FileGhosts};
use crate::mount::Mount;
use graceref::at;
use graceref::sync::model::violated;
use graceref::sync::{AtomicU32, Ordering, Tracked};
use std::sync::Arc;

/// What a driver does at the end of its file.
pub trait FileOps<C: FCount> {
    /// `->release`: what it does beyond having been called.
    fn release(&self, _file: &File<C>) {}
    /// What the dentry's last put ends: the object that private_data points to.
    fn d_release(&self, file: &File<C>);
}

/// A driver whose files can be polled.
pub trait Poll<C: FCount>: FileOps<C> {
    /// `->poll`. Returns whether a put in it was the last.
    fn poll(&self, file: &File<C>) -> bool;
}

/// A struct file.
#[derive(Debug)]
pub struct File<C> {
    pub(crate) f_count: C,
    /// Whether the epoll's item is on the file's list.
    pub(crate) f_ep: AtomicU32,
    /// The fields that are gone when the file is freed.
    fields: Tracked<()>,
    /// The epoll that watches it, if one ever has.
    ep: Option<Arc<Eventpoll>>,
    /// The mount that it is on, where that is one that somebody may unmount.
    mnt: Option<Arc<Mount>>,
    pub(crate) ghost: FileGhost,
}

impl<C: FCount> File<C> {
    /// An open file with one descriptor.
    pub fn new(mnt: Option<&Arc<Mount>>) -> Self {
        Self {
            f_count: C::new(),
            f_ep: AtomicU32::new(0),
            fields: Tracked::new(()),
            ep: None,
            mnt: mnt.cloned(),
            ghost: FileGhost::default(),
        }
    }

    /// The same, watched by an epoll.
    #[must_use]
    pub fn watched_by(self, ep: &Arc<Eventpoll>) -> Self {
        Self { f_ep: AtomicU32::new(1), ep: Some(Arc::clone(ep)), ..self }
    }

    /// The same, and its item is yet to be added.
    #[must_use]
    pub fn unlisted(self) -> Self {
        Self { f_ep: AtomicU32::new(0), ..self }
    }

    /// Whether its filesystem can be unmounted.
    pub(crate) fn mountable(&self) -> bool {
        self.mnt.is_some()
    }

    /// The struct file itself is accessed: it had better not be free.
    pub(crate) fn access<R>(&self, what: &str, step: impl FnOnce() -> R) -> R {
        self.ghost.around(&self.ghost.freed, what, step)
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

    /// `file_count`: a look, and no reference.
    pub(crate) fn file_count(&self) -> u64 {
        self.access("f_count (file_count)", || self.f_count.file_count())
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

    /// `__fput`: out of the epoll, then `->release`, then the dentry, then the struct file itself.
    pub fn __fput(&self, ops: &impl FileOps<C>) {
        if let Some(ep) = &self.ep
            && ep.fix() != Fix::AtClose
        {
            self.eventpoll_release();
        }
        self.release(ops);
        ops.d_release(self);
        if let Some(mnt) = &self.mnt {
            mnt.mntput();
        }
        self.free();
    }

    /// `__fput` as it was up to 2013: the struct file goes before the dentry.
    pub(crate) fn __fput_2013(&self, ops: &impl FileOps<C>) {
        self.release(ops);
        self.free();
        ops.d_release(self);
    }

    /// `eventpoll_release`: without a lock, right only while whoever writes f_ep holds the file.
    pub fn eventpoll_release(&self) {
        at!("f_ep");
        // ORDERING: Relaxed; in __fput the put that led here has acquired what the writers did. A close(2) that calls it
        // first may miss what an EPOLL_CTL_ADD does beside it, in the spec too.
        let watched =
            self.access("f_ep (eventpoll_release)", || self.f_ep.load(Ordering::Relaxed) != 0);
        self.fields.with(|_| ());
        if let Some(ep) = &self.ep
            && watched
        {
            ep.release_file(self);
        }
    }

    fn release(&self, ops: &impl FileOps<C>) {
        at!("release");
        self.fields.with(|_| ());
        self.ghost.released.with(|n| *n += 1);
        if self.ghost.released.get() > 1 {
            violated("ReleasedOnce", format_args!("->release ran a second time"));
        }
        ops.release(self);
    }

    fn free(&self) {
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

    /// The ghosts, for observers.
    pub fn ghosts(&self) -> FileGhosts {
        self.ghost.look()
    }
}
