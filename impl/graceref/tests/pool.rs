//! Where a pool could go wrong: panicking destructors, odd layouts, growth, limits, and who drops what last.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{CasCount, Count, FileRefCount, Pool, Ref, Stash};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;

fn address<T, C: Count>(object: &Ref<T, C>) -> usize {
    std::ptr::from_ref(&**object).addr()
}

/// Counts its ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Panics {
    armed: bool,
    _counted: Counted,
}

impl Panics {
    fn new(ends: &Arc<AtomicUsize>) -> Self {
        Self { armed: true, _counted: Counted(Arc::clone(ends)) }
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(!self.armed, "this destructor panics, as the test wants");
    }
}

fn refuses(pool: &Pool<Panics>) {
    let refused = pool.insert(Panics::new(&Arc::default())).err();
    refused.expect("the one slot is taken").into_inner().armed = false;
}

#[test]
fn a_panicking_destructor_gives_its_slot_back_once() {
    let ends = Arc::new(AtomicUsize::new(0));
    let pool: Pool<Panics> = Pool::with_limit(1);
    for round in 1..=3 {
        let object = pool.insert(Panics::new(&ends)).expect("one slot is free");
        refuses(&pool);
        let place = address(&object);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(object))).is_err());
        assert_eq!(ends.load(Ordering::Relaxed), round, "its field is dropped too, once");
        // One slot, once: the next object fits and a second does not.
        let next = pool.insert(Panics::new(&ends)).ok().unwrap();
        assert_eq!(address(&next), place);
        refuses(&pool);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(next))).is_err());
        ends.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_panicking_destructor_may_be_the_last_that_keeps_the_memory() {
    let ends = Arc::new(AtomicUsize::new(0));
    let pool: Pool<Panics, FileRefCount> = Pool::new();
    let object = pool.insert(Panics::new(&ends)).ok().unwrap();
    drop(pool);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(object))).is_err());
    assert_eq!(ends.load(Ordering::Relaxed), 1);
}

#[test]
fn a_reference_dropped_by_an_unwinding_thread_is_given_back() {
    let ends = Arc::new(AtomicUsize::new(0));
    let pool: Pool<Counted> = Pool::with_limit(1);
    let object = pool.insert(Counted(Arc::clone(&ends))).ok().unwrap();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _object = object;
        panic!("as the test wants");
    }));
    assert!(unwound.is_err());
    assert_eq!(ends.load(Ordering::Relaxed), 1);
    assert!(pool.insert(Counted(ends)).is_ok());
}

#[test]
fn zero_sized_objects_have_places_and_ends_of_their_own() {
    static ENDS: AtomicUsize = AtomicUsize::new(0);
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            ENDS.fetch_add(1, Ordering::Relaxed);
        }
    }
    let pool: Pool<Nothing> = Pool::new();
    let objects: Vec<_> = (0..100).map(|_| pool.insert(Nothing).ok().unwrap()).collect();
    let places: BTreeSet<usize> = objects.iter().map(address).collect();
    assert_eq!(places.len(), 100);
    let stash = Stash::new(&pool);
    stash.store(&objects[7]).unwrap();
    assert!(!stash.clear(&objects[8]));
    assert!(!stash.clear(&Nothing), "an object that is in no pool");
    assert!(Ref::ptr_eq(&stash.get_active().unwrap(), &objects[7]));
    assert!(stash.clear(&objects[7]));
    assert!(stash.get_active().is_none());
    drop(objects);
    assert_eq!(ENDS.load(Ordering::Relaxed), 101);
}

#[test]
fn over_aligned_objects_are_aligned_in_every_chunk() {
    #[repr(align(64))]
    struct Line(u8);
    #[repr(align(4096))]
    struct Page(u8);
    let (lines, pages) = (Pool::<Line>::new(), Pool::<Page, FileRefCount>::with_limit(70));
    let held: Vec<_> = (0..=99).map(|i| lines.insert(Line(i)).ok().unwrap()).collect();
    let big: Vec<_> = (0..70).map(|i| pages.insert(Page(i)).ok().unwrap()).collect();
    assert!(held.iter().all(|line| address(line).is_multiple_of(64)));
    assert!(big.iter().all(|page| address(page).is_multiple_of(4096)));
    assert!(held.iter().zip(0..).all(|(line, i)| line.0 == i));
    assert!(big.iter().zip(0..).all(|(page, i)| page.0 == i));
    assert!(pages.insert(Page(0)).is_err());
    let stash = Stash::new(&pages);
    stash.store(&big[69]).unwrap();
    assert_eq!(stash.get_active().unwrap().0, 69);
    assert!(stash.clear(&big[69]));
}

#[test]
fn a_pool_grows_over_several_chunks_and_moves_nothing() {
    let pool: Pool<usize> = Pool::new();
    let objects: Vec<_> = (0..5_000).map(|i| pool.insert(i).unwrap()).collect();
    let places: Vec<usize> = objects.iter().map(address).collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), 5_000);
    assert!(objects.iter().zip(0..).all(|(object, i)| **object == i && pool.owns(object)));
    drop(objects);
    let capacity = pool.capacity();
    let again: Vec<_> = (0..5_000).map(|i| pool.insert(i).unwrap()).collect();
    assert_eq!(pool.capacity(), capacity, "the slots are used again");
    let places: BTreeSet<usize> = places.into_iter().collect();
    assert!(again.iter().filter(|object| places.contains(&address(object))).count() > 4_900);
}

#[test]
fn a_limit_is_exact() {
    for limit in [0, 1, 2, 31, 32, 33, 95, 96, 97, 1_000] {
        let pool: Pool<u32> = Pool::with_limit(limit);
        let mut objects: Vec<_> = (0..limit).map(|i| pool.insert(i).unwrap()).collect();
        for _ in 0..2 {
            assert_eq!(pool.insert(limit).unwrap_err().into_inner(), limit);
            assert_eq!(objects.len(), limit as usize);
            if objects.pop().is_some() {
                objects.push(pool.insert(limit).unwrap());
            }
        }
    }
}

#[test]
fn references_and_handles_may_go_in_any_order_on_any_thread() {
    for round in 0..200 {
        let ends = Arc::new(AtomicUsize::new(0));
        let pool: Pool<Counted> = Pool::new();
        let object = pool.insert(Counted(Arc::clone(&ends))).ok().unwrap();
        let clone = object.clone();
        let start = Barrier::new(3);
        thread::scope(|s| {
            for i in 0..3 {
                let (pool, object, clone, start) =
                    (pool.clone(), object.clone(), clone.clone(), &start);
                s.spawn(move || {
                    start.wait();
                    if (round + i) % 2 == 0 {
                        drop(pool);
                        drop((object, clone));
                    } else {
                        drop((object, clone));
                        drop(pool);
                    }
                });
            }
            if round % 2 == 0 {
                drop(pool);
            }
            drop((object, clone));
        });
        assert_eq!(ends.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn an_object_may_own_the_last_handle_of_its_own_pool() {
    struct Owner {
        pool: Option<Pool<Owner>>,
        _counted: Counted,
    }
    let ends = Arc::new(AtomicUsize::new(0));
    let pool: Pool<Owner> = Pool::new();
    let handle = pool.clone();
    let object = pool
        .insert(Owner { pool: Some(handle), _counted: Counted(Arc::clone(&ends)) })
        .ok()
        .unwrap();
    drop(pool);
    assert!(object.pool.is_some());
    drop(object);
    assert_eq!(ends.load(Ordering::Relaxed), 1);
}

#[test]
fn a_destructor_may_insert_into_its_own_pool() {
    struct Again(Pool<Again>, u32, Arc<AtomicUsize>);
    impl Drop for Again {
        fn drop(&mut self) {
            self.2.fetch_add(1, Ordering::Relaxed);
            if self.1 > 0 {
                drop(self.0.insert(Again(self.0.clone(), self.1 - 1, Arc::clone(&self.2))));
            }
        }
    }
    let ends = Arc::new(AtomicUsize::new(0));
    let pool: Pool<Again> = Pool::new();
    drop(pool.insert(Again(pool.clone(), 40, Arc::clone(&ends))));
    assert_eq!(ends.load(Ordering::Relaxed), 41);
}

#[test]
fn an_object_in_its_destructor_is_not_to_be_had() {
    struct Looks(Arc<OnceLock<Stash<Looks>>>, Arc<AtomicBool>);
    impl Drop for Looks {
        fn drop(&mut self) {
            let stash = self.0.get().unwrap();
            self.1.store(stash.get_active().is_none(), Ordering::Relaxed);
            assert!(stash.clear(self), "it was in there");
            assert!(!stash.clear(self), "and now is not");
            assert!(stash.get().is_none());
        }
    }
    let (stash, refused) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
    let pool: Pool<Looks> = Pool::new();
    let object = pool.insert(Looks(Arc::clone(&stash), Arc::clone(&refused))).ok().unwrap();
    stash.get_or_init(|| Stash::new(&pool)).store(&object).unwrap();
    drop(object);
    assert!(refused.load(Ordering::Relaxed));
}

/// Objects are made, stashed, looked up and dropped by two threads in two slots.
fn churn<C: Count>() {
    const ROUNDS: usize = 20_000;
    /// An object that is only ever whole: two numbers that agree.
    struct Pair<C: Count> {
        a: usize,
        b: usize,
        stash: Arc<OnceLock<Stash<Pair<C>, C>>>,
        ends: Arc<AtomicUsize>,
    }
    impl<C: Count> Drop for Pair<C> {
        fn drop(&mut self) {
            assert_eq!(self.a, self.b);
            self.stash.get().unwrap().clear(self);
            self.a = usize::MAX;
            self.ends.fetch_add(1, Ordering::Relaxed);
        }
    }
    let pool: Pool<Pair<C>, C> = Pool::with_limit(2);
    let (stash, ends) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
    stash.get_or_init(|| Stash::new(&pool));
    let (start, made) = (Barrier::new(2), AtomicUsize::new(0));
    thread::scope(|s| {
        for me in 0..2 {
            let (pool, stash, ends, start, made) = (pool.clone(), &stash, &ends, &start, &made);
            s.spawn(move || {
                start.wait();
                for i in 0..ROUNDS {
                    let n = me * ROUNDS + i;
                    let pair =
                        Pair { a: n, b: n, stash: Arc::clone(stash), ends: Arc::clone(ends) };
                    match pool.insert(pair) {
                        Ok(object) => {
                            assert_eq!((object.a, object.b), (n, n));
                            stash.get().unwrap().store(&object).unwrap();
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                        // Its destructor counts as well.
                        Err(_) => {
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    if let Some(found) = stash.get().unwrap().get_active() {
                        assert_eq!(found.a, found.b);
                    }
                }
            });
        }
    });
    assert_eq!(ends.load(Ordering::Relaxed), made.load(Ordering::Relaxed));
    assert!(stash.get().unwrap().get().is_none(), "every destructor cleared the stash");
}

#[test]
fn two_threads_in_two_slots_with_cas_counts_lose_and_double_nothing() {
    churn::<CasCount>();
}

#[test]
fn two_threads_in_two_slots_with_file_ref_counts_lose_and_double_nothing() {
    churn::<FileRefCount>();
}

#[test]
fn threads_that_grow_a_pool_at_once_share_no_slot() {
    for _ in 0..20 {
        let pool: Pool<usize> = Pool::new();
        let start = Barrier::new(2);
        let grow = |from: usize| {
            start.wait();
            (from..from + 400).map(|i| pool.insert(i).unwrap()).collect::<Vec<_>>()
        };
        let (a, b) = thread::scope(|s| {
            let other = s.spawn(|| grow(1_000));
            (grow(0), other.join().unwrap())
        });
        assert_eq!(a.iter().chain(&b).map(address).collect::<BTreeSet<_>>().len(), 800);
        assert!(a.iter().zip(0..).all(|(object, i)| **object == i));
        assert!(b.iter().zip(1_000..).all(|(object, i)| **object == i));
    }
}

#[test]
fn a_stash_finds_nothing_that_was_removed_and_does_not_wait_for_it() {
    let pool: Pool<u32> = Pool::new();
    let stash = Stash::new(&pool);
    let object = pool.insert(1).unwrap();
    stash.store(&object).unwrap();
    assert!(pool.remove(Ref::key(&object)));
    assert!(stash.get().is_none());
    assert!(stash.get_active().is_none());
    let next = pool.insert(2).unwrap();
    stash.store(&next).unwrap();
    assert_eq!(stash.get().as_deref(), Some(&2));
}
