//! Reference counts that never come back from the dead.
//!
//! For objects that are looked up by a number or a stashed pointer while other threads tear them down. The words are the
//! kernel's: *get* and *put*, *release* (what runs once after the last put), *dead* (the count is gone), *key* (a
//! name of 64 bits that dies with its object), *stash* (a slot that points to an object without owning it).
//!
//! ```
//! use graceref::{Key, Pool, Ref};
//!
//! let pool: Pool<String> = Pool::new();
//! let object = pool.insert("hello".to_owned()).unwrap();
//! let data: u64 = Ref::key(&object).to_u64();       // through epoll_event.data, say
//!
//! let key = Key::from_u64(data).unwrap();
//! assert_eq!(*pool.get(key).unwrap(), "hello");     // a reference of one's own, without a lock
//! drop(object);                                     // the last put: released, and the key is dead
//! assert!(pool.get(key).is_none());                 // for ever, whatever is in the slot by now
//! ```
//!
//! # Which one do I want?
//!
//! | I have | and want | use |
//! |---|---|---|
//! | a number that went through somebody else's hands | a reference, or to hear that the object is gone | [`Pool::get`] with a [`Key`] |
//! | the same, many times in an object's life | references as cheap as can be, for a dearer end | a pool with [`FileRefCount`]s |
//! | the same, on a hot path | a look that nobody else can see (no write) | [`RcuPool::peek`] under a guard |
//! | one place that points to the current object | the object, if it lives | [`Stash`] |
//! | a reference of my own | to pass the object on without a count, to somebody who may want to keep it | [`Ref::borrow`] |
//! | small numbers, lowest first, with dup and fork | what a process has for its files | [`Table`] |
//! | a pointer of my own to read while others replace it | to know when nobody reads the old one any more | [`rcu`] |
//! | memory of my own and a count in it | the count alone | [`CasCount`], [`FileRefCount`] |
//! | code of my own on top of all this | every interleaving of it | `model` (feature `model`) |
//!
//! # A slot's word and its life
//!
//! ```text
//!  63 .................. 32  31   30 ......... 0
//!   references - 1           live  generation        one word, so that one step asks and counts
//!
//!  fresh ──┐
//!          ├─take─▶ the inserter's ─init─▶ alive ─last put─▶ the releaser's ─give─▶ free ─┐
//!     ┌────┘                          (generation + 1)         (hook, Drop)               │
//!     └───────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A destructor has finished before its slot is used again. A slot that has had 2^31 - 2 objects is retired, never wrapped.
//!
//! # What it does not do
//!
//! - An object cannot be taken out of its pool; it is seen through `&T`.
//! - A pool's memory does not shrink by itself: [`Pool::shrink`] gives back what is behind the last object, and takes the
//!   only handle. A retired slot is lost until the pool's end, and keeps its chunk.
//! - Not for signal handlers: a handler that inserts or drops while its thread does the same breaks the thread's free slots.
//! - A key does not say which pool it is of: another pool refuses it unless the generations happen to be equal.
//! - What no engine that checked this crate sees: load buffering, spuriously failing compare-exchanges, and the asymmetric
//!   fences under loom (a model of a store buffer stands for them). Nor larger casts: they are of two to four threads; of
//!   the crate itself three in full, four at random.
//! - Tried on x86-64 Linux. On Linux of any architecture the readers' fence is left to `membarrier(2)`; the model of it is
//!   TSO; `GRACEREF_NO_MEMBARRIER` in the environment gives full fences. Elsewhere full fences.
//! - It ends the process if `membarrier(2)` works at first and is refused later, as by a seccomp filter: see
//!   [`rcu`](rcu#what-it-does-not-do).

#![no_std]
// The way of an object into its pool and out of it is one piece; `inline` alone leaves it in several (measured).
#![allow(clippy::inline_always)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// So that its example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

extern crate alloc;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
extern crate std;

#[cfg(all(feature = "std", unix, not(any(graceref_loom, graceref_shuttle))))]
mod at_fork;
mod borrowed;
mod count;
mod key;
#[cfg(any(feature = "model", graceref_loom, graceref_shuttle))]
pub mod model;
mod pool;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
pub mod rcu;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
mod rcu_pool;
mod reference;
mod slots;
mod stash;
pub mod sync;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
mod table;
mod thread;

pub use borrowed::Borrowed;
pub use count::{CasCount, Count, FileRefCount};
pub use key::{Key, ZeroKey};
pub use pool::{Builder, Full, Pool, Releasing, Vacant};
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
pub use rcu_pool::{ForeignGuard, RcuPool, Reader};
pub use reference::Ref;
#[cfg(any(graceref_loom, graceref_shuttle))]
#[doc(hidden)]
pub use slots::{RawCache, RawSlots, Watch};
pub use stash::{ForeignRef, Stash};
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
pub use table::{DupError, Fd, InstallError, InstallErrorKind, Local, NoNumber, Reserved, Table};
#[cfg(any(graceref_loom, graceref_shuttle))]
#[doc(hidden)]
pub use table::{RawTable, TableWatch};
