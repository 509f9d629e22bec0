//! `rcuref_t`, before and after the fix of its slow path.
//!
//! Spec: `Rcuref`.

use super::zones::{DEAD, NO_REF, ONE_REF, RELEASED, VALID_MAX, show};
use graceref::sync::model::{Ghost, violated};
use graceref::sync::{AtomicU64, Ordering};
use graceref::{at, local};

/// What the slow path of a put judges by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// It reads the count again.
    Reread,
    /// It uses what the decrement returned.
    Returned,
}

/// An `rcuref_t` with one reference.
#[derive(Debug)]
pub struct Rcuref {
    word: AtomicU64,
    fix: Fix,
    warned: Ghost<bool>,
}

impl Rcuref {
    /// One reference.
    pub fn new(fix: Fix) -> Self {
        Self { word: AtomicU64::new(ONE_REF), fix, warned: Ghost::new(false) }
    }

    /// `rcuref_get`.
    pub fn get(&self) -> bool {
        at!("get");
        // ORDERING: Relaxed; readers are RCU's, the object is complete before it is found.
        if self.word.fetch_add(1, Ordering::Relaxed).wrapping_add(1) <= VALID_MAX {
            return true;
        }
        at!("slow_read");
        // ORDERING: Relaxed, as above.
        let seen = self.word.load(Ordering::Relaxed);
        local!(seen = show(seen));
        if seen < RELEASED {
            return true;
        }
        at!("slow_store");
        // ORDERING: Relaxed; dead stays dead.
        self.word.store_racing(DEAD, Ordering::Relaxed);
        false
    }

    /// `rcuref_put`: `true` if the caller must release.
    pub fn put(&self) -> bool {
        at!("put");
        // ORDERING: Release pairs with the Acquire of the kill.
        let mut after = self.word.fetch_sub(1, Ordering::Release).wrapping_sub(1);
        local!(after = show(after));
        if after <= VALID_MAX {
            return false;
        }
        if self.fix == Fix::Reread {
            at!("reread");
            // ORDERING: Relaxed; the read is the bug, whatever its ordering.
            after = self.word.load(Ordering::Relaxed);
            local!(after = show(after));
            if after <= VALID_MAX {
                return false;
            }
        }
        if after == NO_REF {
            at!("kill");
            // ORDERING: Acquire pairs with the Release of the puts.
            let killed =
                self.word.compare_exchange(NO_REF, DEAD, Ordering::Acquire, Ordering::Relaxed);
            return killed.is_ok();
        }
        at!("warn");
        // ORDERING: Relaxed; nothing is released after this.
        self.word.store_racing(DEAD, Ordering::Relaxed);
        self.warned.set(true);
        violated("NoFalseAlarm", format_args!("\"imbalanced put()\", and every put had its get"));
        false
    }

    /// The word in the spec's scale, for observers.
    pub fn raw(&self) -> i64 {
        show(self.word.raw_load())
    }

    /// Whether a put was called imbalanced, for observers.
    pub fn warned(&self) -> bool {
        self.warned.get()
    }
}
