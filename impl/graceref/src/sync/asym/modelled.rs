//! The model builds: full fences on both sides, and under shuttle, if a scenario asks, a store buffer in between.
//!
//! Shuttle is sequentially consistent. With a [`Buffer`] a reader's stores wait in a queue of the thread's own until it
//! is drained: by a step of somebody who plays the processor, by the reader's fence, or by the heavy side. That is TSO,
//! for the stores that go through [`store`].

use super::super::{AtomicU64, Ordering, fence, model, mutant};
use super::FenceKind;
use crate::at;
use std::boxed::Box;
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::Arc;
use std::vec::Vec;

#[cfg(graceref_loom)]
use loom::sync::Mutex;
#[cfg(graceref_shuttle)]
use shuttle::sync::Mutex;

/// Who orders a reader's stores in a scenario with a store buffer.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fences {
    /// The reader's own fence drains its buffer; the other side's is its own only.
    Reader,
    /// The other side's barrier drains the buffers of all, one by one; the reader has none.
    Barrier,
    /// Nobody: the light side is nothing, and the heavy side its caller's own.
    Nobody,
}

struct Tso {
    fences: Fences,
    buffers: Vec<Buffer>,
}

/// One thread's stores that nobody else sees yet, oldest first.
struct Buffer {
    /// Whether the thread is a reader at all.
    used: bool,
    /// What both sides of the queue touch: it carries the storing thread's clock to the one that drains.
    traffic: AtomicU64,
    stores: VecDeque<(NonNull<AtomicU64>, u64)>,
    /// Held while stores leave: a scheduler that knows no steps may not change their order.
    leaving: Arc<Mutex<()>>,
}

std::thread_local! {
    static TSO: std::cell::RefCell<Option<Box<Tso>>> = const { std::cell::RefCell::new(None) };
}

/// From here on, this execution's reader stores go through buffers. Of the set-up, before `model::start`.
#[doc(hidden)]
pub fn buffer_stores(readers: &[usize], fences: Fences) {
    let buffer = |role| Buffer {
        used: readers.contains(&role),
        traffic: AtomicU64::new(0),
        stores: VecDeque::new(),
        leaving: Arc::new(Mutex::new(())),
    };
    let roles = readers.iter().max().map_or(0, |last| last + 1);
    let buffers = (0..roles).map(buffer).collect();
    TSO.set(Some(Box::new(Tso { fences, buffers })));
}

/// Stores take effect at once again.
pub(in crate::sync) fn unbuffer() {
    drop(TSO.take());
}

/// The processor of this thread lets its oldest store be seen, if there is one. A step.
#[doc(hidden)]
pub fn drain_one(role: usize) {
    at!("drain");
    drain(role, 1);
}

/// What waits in the thread's buffer, oldest first, for observers outside the model.
#[doc(hidden)]
pub fn raw_buffer(role: usize) -> Vec<u64> {
    with(|tso| tso.buffers[role].stores.iter().map(|&(_, value)| value).collect())
        .unwrap_or_default()
}

fn with<R>(f: impl FnOnce(&mut Tso) -> R) -> Option<R> {
    TSO.with_borrow_mut(|tso| tso.as_mut().map(|tso| f(tso)))
}

fn fences() -> Option<Fences> {
    if model::running() { with(|tso| tso.fences) } else { None }
}

fn reader(role: usize) -> bool {
    with(|tso| tso.buffers.get(role).is_some_and(|buffer| buffer.used)) == Some(true)
}

fn traffic_of(role: usize) -> Option<NonNull<AtomicU64>> {
    with(|tso| NonNull::from(&tso.buffers[role].traffic))
}

/// The one access of a step on a buffer.
fn traffic(role: usize) {
    if let Some(word) = traffic_of(role) {
        // SAFETY: the buffers live until the next execution begins (Membarrier!TypeOK).
        unsafe { word.as_ref() }.carry();
    }
}

/// The thread's oldest stores are seen, so many at most, in one step.
fn drain(role: usize, most: usize) {
    traffic(role);
    let Some(leaving) = with(|tso| Arc::clone(&tso.buffers[role].leaving)) else { return };
    let _one_at_a_time = leaving.lock();
    for _ in 0..most {
        let oldest = with(|tso| tso.buffers[role].stores.pop_front()).flatten();
        let Some((word, value)) = oldest else { return };
        if let Some(traffic) = traffic_of(role) {
            // SAFETY: the buffers live until the next execution begins (Membarrier!TypeOK).
            unsafe { traffic.as_ref() }.catch_up();
        }
        // SAFETY: the scenario's records live until its end (Membarrier!TypeOK).
        unsafe { word.as_ref() }.land(value);
    }
}

pub(crate) fn light() {
    match (fences(), model::current()) {
        (Some(Fences::Reader), Some(me)) if reader(me) => {
            at!("fence");
            drain(me, usize::MAX);
        }
        (Some(_), _) => {}
        (None, _) if mutant("rcu.no_light") => {}
        // ORDERING: SeqCst pairs with the heavy side.
        (None, _) => fence(Ordering::SeqCst),
    }
}

pub(crate) fn heavy() {
    match fences() {
        Some(Fences::Barrier) => {
            for role in 0..with(|tso| tso.buffers.len()).unwrap_or(0) {
                if reader(role) {
                    at!("barrier");
                    drain(role, usize::MAX);
                }
            }
        }
        Some(_) => {}
        None if mutant("rcu.no_heavy") => {}
        // ORDERING: SeqCst pairs with the light side.
        None => fence(Ordering::SeqCst),
    }
}

/// A store by a reader, which only the fences order.
#[track_caller]
pub(crate) fn store(word: &AtomicU64, value: u64, order: Ordering) {
    match (fences(), model::current()) {
        (Some(_), Some(me)) if reader(me) => {
            traffic(me);
            let place = NonNull::from(word);
            with(|tso| tso.buffers[me].stores.push_back((place, value)));
        }
        _ => word.store(value, order),
    }
}

/// What the calling thread stored last with [`store`], where nobody else stores. No step: it knows.
pub(crate) fn own(word: &AtomicU64) -> u64 {
    let place = NonNull::from(word);
    let buffered = model::current().filter(|&me| reader(me)).and_then(|me| {
        let newest = |tso: &mut Tso| {
            tso.buffers[me].stores.iter().rfind(|store| store.0 == place).map(|store| store.1)
        };
        with(newest).flatten()
    });
    buffered.unwrap_or_else(|| word.raw_load())
}

pub(crate) fn kind() -> FenceKind {
    FenceKind::Fence
}
