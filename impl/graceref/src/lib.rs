//! Reference counts that never come back from the dead.
//!
//! For objects that are looked up by a stashed pointer while other threads tear them down. The words are the
//! kernel's: *get* and *put*, *release* (what runs once after the last put), *dead* (the count is gone), *stash*
//! (a slot that points to an object without owning it).
//!
//! - [`Count`]: a sticky-zero, saturating count, in two algorithms: [`CasCount`] (inc-not-zero) and
//!   [`FileRefCount`] (the dead zone of Linux's `file_ref_t`).
//! - [`Pool`]: type-stable memory. A slot may be reused at once as another object; its memory never goes away
//!   under somebody who still looks at its count.
//! - [`Ref`]: a strong reference, the size of a pointer.
//! - [`Stash`]: a non-owning slot with an active get: one try, never a dead object, and, where destructors clear the
//!   stash, never another object than the stash held at some instant of the call.
//! - [`rcu`]: domains whose readers pay two plain stores and whose updaters wait for them (feature `std`, on by default).
//! - `Table` (feature `std`, on by default): a descriptor table: lowest number first, lookups without a lock.
//! - `model` (feature `model`): explores code of yours that is built on all this, under the same engines.
//! - [`RcuPool`]: a pool whose readers look at objects without counting, under a guard (likewise).
//! - [`sync`]: the facade over atomics that lets the same code run on real threads, under loom and under shuttle.
//!
//! ```
//! use graceref::{Pool, Stash};
//!
//! let pool: Pool<String> = Pool::new();
//! let stash = Stash::new(&pool);
//! let object = pool.insert("hello".to_owned()).unwrap();
//! stash.store(&object).unwrap();
//! assert_eq!(*stash.get_active().unwrap(), "hello");
//! drop(object);                             // the last put: the object is released here
//! assert!(stash.get_active().is_none());    // the stash still points there, and nothing is found
//! ```

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
extern crate std;

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
