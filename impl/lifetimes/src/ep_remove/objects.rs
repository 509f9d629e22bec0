//! The objects that a removal goes through: the watched file, the epoll, and the item between them.

use super::{Count, Variant};
use crate::counts::file_ref::{FileRef, Merged};
use crate::counts::{AtomicLong, FCount};
use graceref::at;
use graceref::sync::model::{Ghost, around, violated};
use graceref::sync::{AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, Tracked, fence};

/// `f_count`.
#[derive(Debug)]
pub(super) enum FileCount {
    Long(AtomicLong),
    Ref(Merged),
}

impl FileCount {
    fn new(count: Count, references: usize) -> Self {
        match count {
            Count::AtomicLong => {
                let count = AtomicLong::new();
                (1..references).for_each(|_| count.get_file());
                Self::Long(count)
            }
            Count::FileRef => {
                assert_eq!(references, 1, "the spec has no calls on the item beside a file_ref_t");
                Self::Ref(Merged::new())
            }
        }
    }

    pub(super) fn get_active(&self) -> bool {
        match self {
            Self::Long(count) => count.get_active(),
            Self::Ref(count) => count.get_active(),
        }
    }

    pub(super) fn put(&self) -> bool {
        match self {
            Self::Long(count) => count.put(),
            Self::Ref(count) => count.put(),
        }
    }

    /// The number of references; below zero if a `file_ref_t` is dead.
    pub(super) fn raw(&self) -> i64 {
        match self {
            Self::Long(count) => count.raw(),
            Self::Ref(count) => count.raw() + 1,
        }
    }

    pub(super) fn raw_is_dead(&self) -> bool {
        match self {
            Self::Long(_) => self.raw() == 0,
            Self::Ref(_) => self.raw() < 0,
        }
    }
}

/// The watched file. Its struct is type-stable: the slot stays a struct file, but not this one.
#[derive(Debug)]
pub(super) struct File {
    pub(super) f_count: FileCount,
    pub(super) f_lock: Mutex<()>,
    pub(super) f_ep: AtomicU32,
    /// `f_op`, which tells whose the slot is: 1 this file's, 2 another's.
    pub(super) slot: AtomicU32,
    /// The file's own eventpoll, with the list that `f_ep` points to.
    pub(super) head: Tracked<()>,
    private_data: Tracked<()>,
    pub(super) released: Ghost<u32>,
    pub(super) strange: Ghost<bool>,
}

impl File {
    pub(super) fn new(count: Count, references: usize, watched: bool) -> Self {
        Self {
            f_count: FileCount::new(count, references),
            f_lock: Mutex::new(()),
            f_ep: AtomicU32::new(watched.into()),
            slot: AtomicU32::new(1),
            head: Tracked::new(()),
            private_data: Tracked::new(()),
            released: Ghost::default(),
            strange: Ghost::default(),
        }
    }

    /// A step on the struct file, by somebody who believes that it is the item's.
    pub(super) fn access<R>(&self, what: &str, step: impl FnOnce() -> R) -> R {
        around(step, || {
            if self.slot.raw_load() != 1 {
                self.strange.set(true);
                violated("SameFile", format_args!("{what} of a slot that is another file's"));
            }
        })
    }

    /// `->release`: the file's own eventpoll goes, or is handed to RCU.
    pub(super) fn release(&self, variant: Variant, gone: &Gone) {
        at!("release");
        self.private_data.with_mut(|_| ());
        self.released.with(|n| *n += 1);
        if self.released.get() > 1 {
            violated("ReleasedOnce", format_args!("->release ran a second time"));
        }
        if !variant.rcu_free {
            self.head.retire();
            gone.head.set(true);
        }
    }

    /// `file_free`, and the next `alloc_empty_file`, which takes the slot.
    pub(super) fn free(&self) {
        at!("free");
        // ORDERING: Relaxed; whoever still reads it has lost its file already.
        self.slot.store(2, Ordering::Relaxed);
    }

    /// The RCU callback, after a grace period: whoever has a spinlock cannot be preempted, and is waited for.
    pub(super) fn rcu_callback(&self, gone: &Gone) {
        at!("rcu_wait");
        let waited = self.f_lock.lock();
        at!("rcu_over");
        drop(waited);
        at!("rcu_free");
        self.head.retire();
        gone.head.set(true);
    }
}

/// The item. Its words are under the lock of whoever's list they are.
#[derive(Debug)]
pub(super) struct Item {
    /// On the file's list; under `f_lock`.
    pub(super) link: AtomicU32,
    /// In the epoll's tree; under `ep->mtx`.
    pub(super) rbr: AtomicU32,
    /// Under `f_lock`.
    pub(super) dying: AtomicU32,
    /// `epi->ep`, and what is gone when the item is freed.
    pub(super) memory: Tracked<()>,
    pub(super) removed: Ghost<u32>,
}

impl Item {
    pub(super) fn new(there: bool) -> Self {
        Self {
            link: AtomicU32::new(there.into()),
            rbr: AtomicU32::new(there.into()),
            dying: AtomicU32::new(0),
            memory: Tracked::new(()),
            removed: Ghost::default(),
        }
    }
}

/// The epoll that watches.
#[derive(Debug)]
pub(super) struct Eventpoll {
    /// The count of the epoll's own struct file.
    pub(super) e_count: AtomicLong,
    pub(super) mtx: Mutex<()>,
    /// `ep->refcount`.
    pub(super) refs: AtomicU64,
    /// What is gone when it is freed, the mutex with it.
    pub(super) memory: Tracked<()>,
}

impl Eventpoll {
    pub(super) fn new(references: usize, items: u64) -> Self {
        let e_count = AtomicLong::new();
        (1..references).for_each(|_| e_count.get_file());
        Self {
            e_count,
            mtx: Mutex::new(()),
            refs: AtomicU64::new(1 + items),
            memory: Tracked::new(()),
        }
    }

    /// One reference less. Returns whether it was the last.
    pub(super) fn put_ref(&self, gone: &Gone) -> bool {
        // ORDERING: Release pairs with the Acquire fence of the last put.
        let last = gone.touch("ep", || self.refs.fetch_sub(1, Ordering::Release) == 1);
        if last {
            // ORDERING: Acquire pairs with the Release of the other puts.
            fence(Ordering::Acquire);
        }
        last
    }

    /// `mutex_unlock`: the owner's word, and after it, when the mutex may be another's, the list of waiters.
    pub(super) fn unlock(&self, guard: MutexGuard<'_, ()>, gone: &Gone) {
        at!("mtx_unlock");
        gone.touch("mutex", || drop(guard));
        at!("mtx_tail");
        gone.touch("mutex", || self.memory.with(|_| ()));
    }

    /// `ep_free`.
    pub(super) fn free(&self, gone: &Gone) {
        at!("ep_free");
        self.memory.retire();
        gone.ep.set(true);
    }
}

/// What has been freed, and what of it was used after that.
#[derive(Debug, Default)]
pub(super) struct Gone {
    pub(super) ep: Ghost<bool>,
    pub(super) item: Ghost<bool>,
    pub(super) head: Ghost<bool>,
    /// The epoll, its mutex, the item, the file's own eventpoll.
    pub(super) used: Ghost<[bool; 4]>,
}

/// The names of [`Gone::used`], in the spec and as properties.
pub(super) const USES: [(&str, &str); 4] = [
    ("ep", "NoUseAfterFree"),
    ("mutex", "MutexThere"),
    ("item", "ItemThere"),
    ("head", "HeadThere"),
];

impl Gone {
    /// A step on the epoll, its mutex, the item, or the head of the file's list.
    pub(super) fn touch<R>(&self, what: &'static str, step: impl FnOnce() -> R) -> R {
        around(step, || {
            let freed = match what {
                "head" => &self.head,
                "item" => &self.item,
                _ => &self.ep,
            };
            if freed.get() {
                for (i, (name, property)) in USES.into_iter().enumerate() {
                    if name == what {
                        self.used.with(|used| used[i] = true);
                        violated(property, format_args!("{what} was used after it was freed"));
                    }
                }
                violated("NoUseAfterFree", format_args!("{what} was used after it was freed"));
            }
        })
    }
}
