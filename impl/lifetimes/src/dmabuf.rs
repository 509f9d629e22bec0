//! dma-buf: fences, and a poll that keeps a reference to its file until one of them signals.
//!
//! Spec: `Epoll`.

use crate::counts::FCount;
use crate::epoll::Fix;
use crate::file::File;
use crate::ghost::FileGhost;
use graceref::sync::model::violated;
use graceref::sync::{Mutex, Tracked, within};
use graceref::{at, local};

/// A fence: signalled once, with the callback that waits for it.
#[derive(Debug, Default)]
struct Fence {
    lock: Mutex<()>,
    state: Tracked<FenceState>,
}

#[derive(Debug, Default, Clone, Copy)]
struct FenceState {
    signalled: bool,
    queued: bool,
}

/// Which driver is behind the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// dma-buf itself: what the fix in the driver mends.
    DmaBuf,
    /// Another driver that takes references in ->poll; nobody has mended it.
    Other,
}

/// struct dma_buf, with the callback of one direction.
#[derive(Debug)]
pub struct DmaBuf {
    driver: Driver,
    poll_lock: Mutex<()>,
    /// dcb.active, under poll_lock.
    active: Tracked<bool>,
    fences: Vec<Fence>,
}

impl Fence {
    /// Under its lock.
    fn with<R>(&self, f: impl FnOnce(&mut FenceState) -> R) -> R {
        self.state.with_mut(|state| {
            // SAFETY: under the fence's lock (Epoll!TypeOK).
            f(unsafe { &mut *state })
        })
    }
}

impl DmaBuf {
    /// A buffer with so many fences, none signalled.
    pub fn new(driver: Driver, fences: usize) -> Self {
        Self {
            driver,
            poll_lock: Mutex::new(()),
            active: Tracked::new(false),
            fences: (0..fences).map(|_| Fence::default()).collect(),
        }
    }

    fn pins(&self, fix: Fix) -> bool {
        fix == Fix::InDriver && self.driver == Driver::DmaBuf
    }

    /// `dma_buf_poll`. Returns whether a put in it was the last.
    pub(crate) fn poll<C: FCount>(&self, file: &File<C>, fix: Fix) -> bool {
        let _scope = within("poll");
        let pins = self.pins(fix);
        if pins && !file.get_active() {
            return false;
        }
        let mut last = self.poll_direction(file);
        if pins {
            last |= file.fput();
            local!(last = last);
        }
        last
    }

    /// One direction: a callback on the first fence that is not signalled, and a reference for it.
    fn poll_direction<C: FCount>(&self, file: &File<C>) -> bool {
        at!("active");
        let guard = self.poll_lock.lock();
        let mine = !self.set_active(&file.ghost, true);
        at!("active_unlock", mine = mine);
        drop(guard);
        if !mine {
            return false;
        }
        file.get_file();
        for (i, fence) in self.fences.iter().enumerate() {
            at!("fence", k = i as u64 + 1);
            let guard = fence.lock.lock();
            let signalled = fence.with(|state| {
                state.queued = !state.signalled;
                state.signalled
            });
            at!("fence_unlock", mine = signalled);
            drop(guard);
            if !signalled {
                return false;
            }
        }
        let _scope = within("inline");
        let last = self.callback(file);
        local!(last = last);
        last
    }

    /// `dma_buf_poll_cb`. Returns whether its put was the last.
    fn callback<C: FCount>(&self, file: &File<C>) -> bool {
        at!("active");
        let guard = self.poll_lock.lock();
        self.set_active(&file.ghost, false);
        at!("active_unlock");
        drop(guard);
        file.fput()
    }

    /// `dma_fence_signal` of one fence, with the callback that waits there. Returns whether its put was the last.
    pub fn signal<C: FCount>(&self, fence: usize, file: &File<C>) -> bool {
        let this = &self.fences[fence];
        at!("signal", f = fence as u64 + 1);
        let guard = this.lock.lock();
        let had = this.with(|state| {
            state.signalled = true;
            std::mem::take(&mut state.queued)
        });
        local!(had = had, final = false);
        let last = had && {
            let _scope = within("cb");
            self.callback(file)
        };
        at!("signal_unlock", final = last);
        drop(guard);
        last
    }

    /// Under poll_lock. Returns what it was.
    fn set_active(&self, ghost: &FileGhost, active: bool) -> bool {
        ghost.touch(ghost.released.get() > 0, "struct dma_buf");
        self.active.with_mut(|place| {
            // SAFETY: under poll_lock, and the mirror's memory is never really freed (Epoll!TypeOK).
            unsafe { std::mem::replace(&mut *place, active) }
        })
    }

    /// `dma_buf_release`, the dentry's last put: BUG_ON(active), then kfree.
    pub(crate) fn release(&self, ghost: &FileGhost) {
        at!("release");
        let active = self.active.with(|place| {
            // SAFETY: nobody else has the buffer any more, or that is the bug which is recorded here
            // (Epoll!ReleaseImpliesNoCallback).
            unsafe { *place }
        });
        if active {
            violated(
                "ReleaseImpliesNoCallback",
                format_args!("BUG_ON(dcb.active): dma_buf_release with a callback pending"),
            );
        }
        self.active.retire();
        ghost.released.with(|n| *n += 1);
        if ghost.released.get() > 1 {
            violated("ReleasedOnce", format_args!("->release ran a second time"));
        }
    }

    /// dcb.active, for observers.
    pub fn raw_active(&self) -> bool {
        // SAFETY: observers look between steps, when no thread is inside one (Epoll!TypeOK).
        unsafe { *self.active.as_ptr() }
    }

    /// Whether somebody holds poll.lock, for observers.
    pub fn raw_poll_lock(&self) -> bool {
        self.poll_lock.raw_is_locked()
    }

    /// Each fence: locked, signalled, with the callback queued; for observers.
    pub fn raw_fences(&self) -> Vec<(bool, bool, bool)> {
        let look = |fence: &Fence| {
            // SAFETY: as `raw_active` (Epoll!TypeOK).
            let state = unsafe { *fence.state.as_ptr() };
            (fence.lock.raw_is_locked(), state.signalled, state.queued)
        };
        self.fences.iter().map(look).collect()
    }
}
