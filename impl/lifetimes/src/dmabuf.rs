//! dma-buf: fences, and a poll that leaves a callback on one of them for each direction.
//!
//! Spec: `DmaBuf`; with one direction and one fence, `Epoll`.

use crate::counts::FCount;
use crate::file::{File, FileOps, Poll};
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{Mutex, MutexGuard, Tracked, within};
use graceref::{at, local};

/// What keeps the buffer, of which the callbacks are a part, until they have run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// A reference to the file for each callback: the code since 2021.
    GetFile,
    /// The same, taken by get_file_active around ->poll: proposed in 2024 as the whole of the fix.
    GetFileActive,
    /// Nothing: the code before 2021.
    NoReference,
    /// Nothing, but ->release takes the callbacks off their fences.
    Cancel,
    /// A reference, but the scan does not stop at the first fence that takes the callback.
    EveryFence,
}

/// Writing and reading.
pub const DIRECTIONS: usize = 2;

/// A fence: signalled once, with the callbacks that wait for it.
#[derive(Debug, Default)]
struct Fence {
    lock: Mutex<()>,
    state: Tracked<FenceState>,
}

#[derive(Debug, Default, Clone, Copy)]
struct FenceState {
    signalled: bool,
    /// cb_list: the directions whose callback is there.
    queued: [bool; DIRECTIONS],
}

impl FenceState {
    /// The next callback, off the list.
    fn take(&mut self) -> Option<usize> {
        let next = self.queued.iter().position(|&queued| queued)?;
        self.queued[next] = false;
        Some(next)
    }
}

/// What there is of each direction.
#[derive(Debug, Default)]
struct Dcb {
    /// dcb.active, under poll_lock.
    active: Tracked<bool>,
    /// With [`Fix::Cancel`]: the fence that took the callback.
    on: Tracked<Option<usize>>,
    /// How many callbacks there are.
    callbacks: Ghost<u32>,
}

/// A fence for observers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFence {
    /// Whether somebody holds its lock.
    pub locked: bool,
    /// Whether it has signalled.
    pub signalled: bool,
    /// The directions whose callback waits for it.
    pub queued: [bool; DIRECTIONS],
}

/// struct dma_buf.
#[derive(Debug)]
pub struct DmaBuf {
    fix: Fix,
    poll_lock: Mutex<()>,
    dcb: Vec<Dcb>,
    fences: Vec<Fence>,
}

impl Fence {
    /// Under its lock.
    fn with<R>(&self, f: impl FnOnce(&mut FenceState) -> R) -> R {
        self.state.with_mut(|state| {
            // SAFETY: under the fence's lock (DmaBuf!TypeOK).
            f(unsafe { &mut *state })
        })
    }
}

impl DmaBuf {
    /// A buffer that is polled for so many directions, with so many fences, none signalled.
    pub fn new(fix: Fix, directions: usize, fences: usize) -> Self {
        Self {
            fix,
            poll_lock: Mutex::new(()),
            dcb: (0..directions).map(|_| Dcb::default()).collect(),
            fences: (0..fences).map(|_| Fence::default()).collect(),
        }
    }

    /// Whether a callback owns a reference to the file.
    fn takes_reference(&self) -> bool {
        matches!(self.fix, Fix::GetFile | Fix::GetFileActive | Fix::EveryFence)
    }

    /// One direction: a callback on the first fence that is not signalled, and a reference for it.
    fn poll_direction<C: FCount>(&self, direction: usize, file: &File<C>) -> bool {
        at!("active");
        let guard = self.lock(file);
        let mine = !self.set_active(direction, true);
        at!("active_unlock", mine = mine);
        Self::unlock(file, guard);
        local!(k = 1, took = false);
        if !mine {
            return false;
        }
        if self.takes_reference() {
            file.get_file();
        }
        if self.add_callback(direction) {
            return false;
        }
        let _scope = within("inline");
        let last = self.callback(direction, file);
        local!(last = last);
        last
    }

    /// `dma_buf_poll_add_cb`: whether a fence took the callback.
    fn add_callback(&self, direction: usize) -> bool {
        let mut took = false;
        for (i, fence) in self.fences.iter().enumerate() {
            at!("fence", k = i as u64 + 1);
            let guard = fence.lock.lock();
            let added = fence.with(|state| {
                state.queued[direction] = !state.signalled;
                !state.signalled
            });
            took |= added;
            if added {
                self.count_callback(direction);
            }
            if added && self.fix == Fix::Cancel {
                self.dcb[direction].on.with_mut(|on| {
                    // SAFETY: dcb.active is this thread's (DmaBuf!OneRefPerDirection).
                    unsafe { *on = Some(i) }
                });
            }
            at!("fence_unlock", took = took);
            drop(guard);
            if took && self.fix != Fix::EveryFence {
                break;
            }
        }
        took
    }

    /// The proof's count: each callback gives one reference back.
    fn count_callback(&self, direction: usize) {
        let callbacks = &self.dcb[direction].callbacks;
        callbacks.with(|n| *n += 1);
        if callbacks.get() > 1 {
            violated(
                "OneRefPerDirection",
                format_args!("one get_file, and {} callbacks that fput", callbacks.get()),
            );
        }
    }

    /// `dma_buf_poll_cb`. Returns whether its put was the last.
    fn callback<C: FCount>(&self, direction: usize, file: &File<C>) -> bool {
        at!("active");
        let guard = self.lock(file);
        self.set_active(direction, false);
        at!("active_unlock");
        Self::unlock(file, guard);
        self.takes_reference() && file.fput()
    }

    /// `dma_fence_signal` of one fence, with the callbacks that wait there. Returns whether a put of theirs was the
    /// last.
    pub fn signal<C: FCount>(&self, fence: usize, file: &File<C>) -> bool {
        let this = &self.fences[fence];
        at!("signal");
        let guard = this.lock.lock();
        this.with(|state| state.signalled = true);
        let mut last = false;
        while let Some(direction) = this.with(FenceState::take) {
            local!(cb = direction as u64 + 1);
            let _scope = within("cb");
            last |= self.callback(direction, file);
            self.dcb[direction].callbacks.with(|n| *n -= 1);
            local!(final = last);
        }
        at!("signal_unlock");
        drop(guard);
        last
    }

    /// `dma_fence_remove_callback` of each direction's callback.
    fn cancel(&self) {
        for (i, dcb) in self.dcb.iter().enumerate() {
            let on = dcb.on.with(|on| {
                // SAFETY: nobody polls any more (DmaBuf!NoUseAfterFree).
                unsafe { *on }
            });
            let Some(fence) = on else { continue };
            let fence = &self.fences[fence];
            at!("cancel", c = i as u64 + 1);
            let guard = fence.lock.lock();
            if fence.with(|state| std::mem::take(&mut state.queued[i])) {
                witness("Cancelled", format_args!("->release found a callback to cancel"));
                self.set_active(i, false);
                dcb.callbacks.with(|n| *n -= 1);
            } else {
                witness("TooLate", format_args!("the callback had run before ->release"));
            }
            at!("cancel_unlock");
            drop(guard);
        }
    }

    fn lock<C: FCount>(&self, file: &File<C>) -> MutexGuard<'_, ()> {
        file.ghost.around(&file.ghost.gone, "struct dma_buf", || self.poll_lock.lock())
    }

    fn unlock<C: FCount>(file: &File<C>, guard: MutexGuard<'_, ()>) {
        file.ghost.around(&file.ghost.gone, "struct dma_buf", || drop(guard));
    }

    /// Under poll_lock, or where no callback can run. Returns what it was.
    fn set_active(&self, direction: usize, active: bool) -> bool {
        self.dcb[direction].active.with_mut(|place| {
            // SAFETY: as said, and the mirror's memory is never really freed (DmaBuf!TypeOK).
            unsafe { std::mem::replace(&mut *place, active) }
        })
    }

    /// dcb.active of each direction, for observers.
    pub fn raw_active(&self) -> Vec<bool> {
        let look = |dcb: &Dcb| {
            // SAFETY: observers look between steps, when no thread is inside one (DmaBuf!TypeOK).
            unsafe { *dcb.active.as_ptr() }
        };
        self.dcb.iter().map(look).collect()
    }

    /// The fence that took each direction's callback, where ->release cancels; for observers.
    pub fn raw_on(&self) -> Vec<Option<usize>> {
        let look = |dcb: &Dcb| {
            // SAFETY: as `raw_active` (DmaBuf!TypeOK).
            unsafe { *dcb.on.as_ptr() }
        };
        self.dcb.iter().map(look).collect()
    }

    /// Whether somebody holds poll.lock, for observers.
    pub fn raw_poll_lock(&self) -> bool {
        self.poll_lock.raw_is_locked()
    }

    /// Each fence, for observers.
    pub fn raw_fences(&self) -> Vec<RawFence> {
        let look = |fence: &Fence| {
            // SAFETY: as `raw_active` (DmaBuf!TypeOK).
            let state = unsafe { *fence.state.as_ptr() };
            RawFence {
                locked: fence.lock.raw_is_locked(),
                signalled: state.signalled,
                queued: state.queued,
            }
        };
        self.fences.iter().map(look).collect()
    }
}

impl<C: FCount> Poll<C> for DmaBuf {
    /// `dma_buf_poll`.
    fn poll(&self, file: &File<C>) -> bool {
        let _scope = within("poll");
        let pins = self.fix == Fix::GetFileActive;
        if pins && !file.get_active() {
            return false;
        }
        let mut last = false;
        for direction in 0..self.dcb.len() {
            local!(d = direction as u64 + 1);
            last |= self.poll_direction(direction, file);
        }
        if pins {
            last |= file.fput();
            local!(last = last);
        }
        last
    }
}

impl<C: FCount> FileOps<C> for DmaBuf {
    fn release(&self, _: &File<C>) {
        if self.fix == Fix::Cancel {
            self.cancel();
        }
    }

    /// `dma_buf_release`: BUG_ON(active), then kfree.
    fn d_release(&self, file: &File<C>) {
        at!("dput");
        let active = file.ghost.around(&file.ghost.gone, "struct dma_buf", || {
            self.dcb.iter().fold(false, |any, dcb| {
                any | dcb.active.with(|place| {
                    // SAFETY: nobody else has the buffer any more, or that is the bug which is recorded here
                    // (DmaBuf!ReleaseImpliesNoCallback).
                    unsafe { *place }
                })
            })
        });
        if active {
            violated(
                "ReleaseImpliesNoCallback",
                format_args!("BUG_ON(dcb.active): dma_buf_release with a callback pending"),
            );
        }
        for dcb in &self.dcb {
            dcb.active.retire();
        }
        file.ghost.gone.set(true);
    }
}
