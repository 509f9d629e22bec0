//! `refcount_t` in a few bits, and the `atomic_t` that it took the place of: what they do when there are too many
//! references.
//!
//! Spec: `Overflow`.

use graceref::sync::model::{Ghost, around};
use graceref::sync::{AtomicU64, Ordering, fence};
use graceref::{at, local};

/// What comes after the highest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Zero, as in any `atomic_t`; two bits.
    Wrap,
    /// A zone of four values, to whose middle the count is brought; three bits.
    Saturate,
    /// A zone of four values, to whose end the count is brought; three bits.
    Edge,
    /// A zone of one value; two bits.
    Narrow,
}

/// A count in the highest bits of its word: the processor's own arithmetic wraps it.
#[derive(Debug)]
pub struct Refcount {
    word: AtomicU64,
    overflow: Overflow,
    refs: Ghost<u32>,
}

impl Overflow {
    /// One reference.
    const fn one(self) -> u64 {
        match self {
            Self::Wrap | Self::Narrow => 1 << 62,
            Self::Saturate | Self::Edge => 1 << 61,
        }
    }

    /// As many references as there can be; what is above is saturated.
    const fn most(self) -> u32 {
        match self {
            Self::Narrow => 2,
            Self::Wrap | Self::Saturate | Self::Edge => 3,
        }
    }

    /// `REFCOUNT_SATURATED`.
    const fn saturated(self) -> u64 {
        match self {
            Self::Saturate => 6 * self.one(),
            Self::Edge => 7 * self.one(),
            Self::Wrap | Self::Narrow => 3 * self.one(),
        }
    }

    /// Whether an operation from `old` to `new` has to saturate.
    const fn bad(self, old: u64, new: u64) -> bool {
        let most = self.most() as u64 * self.one();
        !matches!(self, Self::Wrap) && (old == 0 || old > most || new > most)
    }
}

impl Refcount {
    /// One reference.
    pub fn new(overflow: Overflow) -> Self {
        Self::with(1, overflow)
    }

    /// As many references as the count can hold.
    pub fn full(overflow: Overflow) -> Self {
        Self::with(overflow.most(), overflow)
    }

    fn with(refs: u32, overflow: Overflow) -> Self {
        Self {
            word: AtomicU64::new(u64::from(refs) * overflow.one()),
            overflow,
            refs: Ghost::new(refs),
        }
    }

    /// `refcount_inc`: for one who has a reference.
    pub fn get(&self) {
        let one = self.overflow.one();
        at!("get");
        // ORDERING: Relaxed; the caller's own reference keeps the object.
        let old = self.word.fetch_add(one, Ordering::Relaxed);
        self.refs.with(|n| *n += 1);
        if self.overflow.bad(old, old.wrapping_add(one)) {
            at!("get_saturate");
            self.saturate();
        }
    }

    /// `refcount_inc_not_zero`.
    pub fn get_active(&self) -> bool {
        loop {
            at!("get_load");
            // ORDERING: Relaxed; the compare-exchange decides.
            let seen = self.word.load(Ordering::Relaxed);
            local!(seen = seen / self.overflow.one());
            if seen == 0 {
                return false;
            }
            let more = seen.wrapping_add(self.overflow.one());
            at!("get_cas");
            // ORDERING: Relaxed; the object was complete before anybody looked.
            if self.word.compare_exchange(seen, more, Ordering::Relaxed, Ordering::Relaxed).is_err()
            {
                continue;
            }
            self.refs.with(|n| *n += 1);
            if self.overflow.bad(seen, more) {
                at!("get_saturate");
                self.saturate();
            }
            return true;
        }
    }

    /// `refcount_dec_and_test`: `true` if the caller must release.
    pub fn put(&self) -> bool {
        let one = self.overflow.one();
        at!("put");
        // ORDERING: Release pairs with the Acquire fence of the last put.
        let old =
            around(|| self.word.fetch_sub(one, Ordering::Release), || self.refs.with(|n| *n -= 1));
        if old == one {
            // ORDERING: Acquire pairs with the Release of the other puts.
            fence(Ordering::Acquire);
            return true;
        }
        if self.overflow.bad(old, old.wrapping_sub(one)) {
            at!("put_saturate");
            self.saturate();
        }
        false
    }

    /// The second step of whatever finds the count in the zone, or leads it there.
    fn saturate(&self) {
        // ORDERING: Relaxed; a saturated object is never released, so nothing follows from it.
        self.word.store_racing(self.overflow.saturated(), Ordering::Relaxed);
    }

    /// The count is where it is kept once it has overflowed, for observers.
    pub fn is_saturated(&self) -> bool {
        self.word.raw_load() == self.overflow.saturated()
    }

    /// The count, for observers.
    pub fn raw(&self) -> i64 {
        (self.word.raw_load() / self.overflow.one()).cast_signed()
    }

    /// The references that somebody has, whatever the count says, for observers.
    pub fn refs(&self) -> u32 {
        self.refs.get()
    }
}
