//! Pointers that are read under a guard. They have no keys: a look is a load of a pointer that is known, which a
//! table would still have to find.

use super::{Value, in_turn};
use crossbeam_epoch::Atomic;
use haphazard::HazardPointer;
use seize::Guard as _;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Pointers under a guard.
pub(crate) trait Guarded: Send + Sync + 'static {
    const NAME: &'static str;
    fn new(values: Vec<Value>) -> Self;
    /// Looks under one guard.
    fn peek(&self, from: usize, count: usize, looks: u64) -> u64;
    /// A guard of its own for each look.
    fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64;
    /// A guard, and nothing under it; none where there is no guard without a pointer.
    const LOCK: Option<fn(&Self, u64) -> u64>;
}

/// Counts a step that gives nothing to read.
#[inline(always)]
pub(super) fn repeat(rounds: u64, mut step: impl FnMut()) -> u64 {
    for _ in 0..rounds {
        step();
    }
    rounds
}

pub(crate) struct Epoch(Vec<Atomic<Value>>);

#[inline(always)]
fn read_epoch(place: &Atomic<Value>, guard: &crossbeam_epoch::Guard) -> u64 {
    let object = place.load(Ordering::Acquire, guard);
    // SAFETY: never null, and never taken out while the contender lives.
    unsafe { object.deref() }.read()
}

impl Guarded for Epoch {
    const NAME: &'static str = "crossbeam-epoch";

    fn new(values: Vec<Value>) -> Self {
        Epoch(values.into_iter().map(Atomic::new).collect())
    }

    fn peek(&self, from: usize, count: usize, looks: u64) -> u64 {
        let guard = crossbeam_epoch::pin();
        in_turn(&self.0[from..from + count], looks, |place| read_epoch(place, &guard))
    }

    fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64 {
        in_turn(&self.0[from..from + count], looks, |place| {
            read_epoch(place, &crossbeam_epoch::pin())
        })
    }

    const LOCK: Option<fn(&Self, u64) -> u64> =
        Some(|_, rounds| repeat(rounds, || drop(crossbeam_epoch::pin())));
}

impl Drop for Epoch {
    fn drop(&mut self) {
        for place in &mut self.0 {
            // SAFETY: the contender is this thread's alone, and each object is taken once.
            drop(unsafe { std::mem::take(place).into_owned() });
        }
    }
}

/// The same with the thread's participant at hand, which spares `pin` the look into thread-local storage.
pub(crate) struct EpochHandle {
    places: Epoch,
    collector: crossbeam_epoch::Collector,
}

impl Guarded for EpochHandle {
    const NAME: &'static str = "crossbeam-epoch handle";

    fn new(values: Vec<Value>) -> Self {
        EpochHandle { places: Epoch::new(values), collector: crossbeam_epoch::Collector::new() }
    }

    fn peek(&self, from: usize, count: usize, looks: u64) -> u64 {
        let participant = self.collector.register();
        let guard = participant.pin();
        in_turn(&self.places.0[from..from + count], looks, |place| read_epoch(place, &guard))
    }

    fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64 {
        let participant = self.collector.register();
        in_turn(&self.places.0[from..from + count], looks, |place| {
            read_epoch(place, &participant.pin())
        })
    }

    const LOCK: Option<fn(&Self, u64) -> u64> = Some(|this, rounds| {
        let participant = this.collector.register();
        repeat(rounds, || drop(participant.pin()))
    });
}

pub(crate) struct Seize {
    places: Vec<AtomicPtr<Value>>,
    collector: seize::Collector,
}

#[inline(always)]
fn read_seize(place: &AtomicPtr<Value>, guard: &seize::LocalGuard<'_>) -> u64 {
    let object = guard.protect(place, Ordering::Acquire);
    // SAFETY: never null, and freed only with the contender.
    unsafe { &*object }.read()
}

impl Guarded for Seize {
    const NAME: &'static str = "seize";

    fn new(values: Vec<Value>) -> Self {
        Seize { places: boxed(values), collector: seize::Collector::new() }
    }

    fn peek(&self, from: usize, count: usize, looks: u64) -> u64 {
        let guard = self.collector.enter();
        in_turn(&self.places[from..from + count], looks, |place| read_seize(place, &guard))
    }

    fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64 {
        in_turn(&self.places[from..from + count], looks, |place| {
            read_seize(place, &self.collector.enter())
        })
    }

    const LOCK: Option<fn(&Self, u64) -> u64> =
        Some(|this, rounds| repeat(rounds, || drop(this.collector.enter())));
}

impl Drop for Seize {
    fn drop(&mut self) {
        free(&mut self.places);
    }
}

/// The objects on the heap, each behind its pointer.
pub(super) fn boxed(values: Vec<Value>) -> Vec<AtomicPtr<Value>> {
    values.into_iter().map(|value| AtomicPtr::new(Box::into_raw(Box::new(value)))).collect()
}

pub(super) fn free(places: &mut [AtomicPtr<Value>]) {
    for place in places {
        // SAFETY: made by `Box::into_raw` in `boxed`, and freed here once, with its contender.
        drop(unsafe { Box::from_raw(*place.get_mut()) });
    }
}

/// A hazard pointer protects one object, so it is set anew for each look; the pointer itself is kept, as one would
/// keep it in a thread. Where each look has a guard of its own, it is taken and given back.
pub(crate) struct Hazard(Vec<haphazard::AtomicPtr<Value>>);

impl Guarded for Hazard {
    const NAME: &'static str = "haphazard";

    fn new(values: Vec<Value>) -> Self {
        Hazard(
            values.into_iter().map(|value| haphazard::AtomicPtr::from(Box::new(value))).collect(),
        )
    }

    fn peek(&self, from: usize, count: usize, looks: u64) -> u64 {
        let mut hazard = HazardPointer::new();
        in_turn(&self.0[from..from + count], looks, |place| {
            place.safe_load(&mut hazard).map_or(0, Value::read)
        })
    }

    fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64 {
        in_turn(&self.0[from..from + count], looks, |place| {
            place.safe_load(&mut HazardPointer::new()).map_or(0, Value::read)
        })
    }

    const LOCK: Option<fn(&Self, u64) -> u64> = None;
}

impl Drop for Hazard {
    fn drop(&mut self) {
        for place in self.0.drain(..) {
            // SAFETY: the domain is the one and only global one, and nobody reads the place any more.
            unsafe { place.retire() };
        }
    }
}

/// Its guard is made by loading.
pub(crate) struct Swap(Vec<arc_swap::ArcSwap<Value>>);

impl Guarded for Swap {
    const NAME: &'static str = "arc-swap";

    fn new(values: Vec<Value>) -> Self {
        Swap(values.into_iter().map(arc_swap::ArcSwap::from_pointee).collect())
    }

    fn peek(&self, from: usize, count: usize, looks: u64) -> u64 {
        self.lock_load(from, count, looks)
    }

    fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64 {
        in_turn(&self.0[from..from + count], looks, |place| place.load().read())
    }

    const LOCK: Option<fn(&Self, u64) -> u64> = None;
}

#[cfg(has_liburcu)]
pub(crate) use urcu::{Urcu, UrcuCalled};

/// liburcu, memb flavour; the loops are in C.
#[cfg(has_liburcu)]
mod urcu {
    use super::{Guarded, Value, boxed, free};
    use std::sync::atomic::AtomicPtr;

    // Linked by the build script.
    unsafe extern "C" {
        safe fn graceref_urcu_register();
        safe fn graceref_urcu_unregister();
        safe fn graceref_urcu_lock(rounds: u64) -> u64;
        safe fn graceref_urcu_lock_called(rounds: u64) -> u64;
        fn graceref_urcu_lock_load(places: *const AtomicPtr<Value>, mask: usize, looks: u64)
        -> u64;
        fn graceref_urcu_lock_load_called(
            places: *const AtomicPtr<Value>,
            mask: usize,
            looks: u64,
        ) -> u64;
        fn graceref_urcu_peek(places: *const AtomicPtr<Value>, mask: usize, looks: u64) -> u64;
    }

    /// A thread that liburcu knows: it must, before it reads.
    struct Registered;

    impl Registered {
        fn new() -> Registered {
            graceref_urcu_register();
            Registered
        }
    }

    impl Drop for Registered {
        fn drop(&mut self) {
            graceref_urcu_unregister();
        }
    }

    /// With its fast path inlined.
    pub(crate) struct Urcu(Vec<AtomicPtr<Value>>);

    impl Guarded for Urcu {
        const NAME: &'static str = "liburcu";

        fn new(values: Vec<Value>) -> Self {
            Urcu(boxed(values))
        }

        fn peek(&self, from: usize, count: usize, looks: u64) -> u64 {
            let _registered = Registered::new();
            let places = &self.0[from..from + count];
            // SAFETY: the thread is registered, the mask stays within the places, whose objects live.
            unsafe { graceref_urcu_peek(places.as_ptr(), places.len() - 1, looks) }
        }

        fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64 {
            let _registered = Registered::new();
            let places = &self.0[from..from + count];
            // SAFETY: the thread is registered, the mask stays within the places, whose objects live.
            unsafe { graceref_urcu_lock_load(places.as_ptr(), places.len() - 1, looks) }
        }

        const LOCK: Option<fn(&Self, u64) -> u64> = Some(|_, rounds| {
            let _registered = Registered::new();
            graceref_urcu_lock(rounds)
        });
    }

    impl Drop for Urcu {
        fn drop(&mut self) {
            free(&mut self.0);
        }
    }

    /// By calls into the shared library, as programs have it that may not or do not inline it.
    pub(crate) struct UrcuCalled(Urcu);

    impl Guarded for UrcuCalled {
        const NAME: &'static str = "liburcu called";

        fn new(values: Vec<Value>) -> Self {
            UrcuCalled(Urcu::new(values))
        }

        fn peek(&self, from: usize, count: usize, looks: u64) -> u64 {
            self.0.peek(from, count, looks)
        }

        fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64 {
            let _registered = Registered::new();
            let places = &self.0.0[from..from + count];
            // SAFETY: the thread is registered, the mask stays within the places, whose objects live.
            unsafe { graceref_urcu_lock_load_called(places.as_ptr(), places.len() - 1, looks) }
        }

        const LOCK: Option<fn(&Self, u64) -> u64> = Some(|_, rounds| {
            let _registered = Registered::new();
            graceref_urcu_lock_called(rounds)
        });
    }
}
