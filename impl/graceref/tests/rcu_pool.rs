//! `RcuPool` on real threads: what readers may look at, when objects are dropped, and what a reader that stays costs.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::rcu::{Domain, WouldDeadlock};
use graceref::{ForeignGuard, Key, Pool, RcuPool, Reader, Ref, Stash};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

assert_impl_all!(RcuPool<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Default, std::fmt::Debug);
assert_not_impl_any!(RcuPool<Cell<u8>>: Send, Sync);
// A reader is its guard's, and a guard its thread's.
assert_impl_all!(Reader<'static, u8>: Copy);
assert_not_impl_any!(Reader<'static, u8>: Send);
assert_not_impl_any!(Reader<'static, u8>: Sync);
assert_impl_all!(ForeignGuard: std::error::Error, Send, Sync, Copy, Eq);

const BATCH: u64 = RcuPool::<()>::BATCH as u64;

/// A domain of the test's own: other tests' readers hold nothing back.
fn domain() -> &'static Domain {
    /// For ever, and no leak.
    static KEPT: Mutex<Vec<&'static Domain>> = Mutex::new(Vec::new());
    let domain = Box::leak(Box::default());
    KEPT.lock().unwrap().push(domain);
    domain
}

/// Says how often it was dropped.
#[derive(Debug)]
struct Told(Arc<AtomicU64>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn told() -> (Arc<AtomicU64>, impl Fn() -> Told + Clone) {
    let dropped = Arc::new(AtomicU64::new(0));
    let make = Arc::clone(&dropped);
    (dropped, move || Told(Arc::clone(&make)))
}

fn count(dropped: &AtomicU64) -> u64 {
    dropped.load(Ordering::SeqCst)
}

/// A thread with a guard; dropping it ends the guard, and waits for that.
struct Inside(Option<(mpsc::Sender<()>, thread::JoinHandle<()>)>);

impl Inside {
    fn new(domain: &'static Domain) -> Self {
        let (leave, left) = mpsc::channel::<()>();
        let (tell, entered) = mpsc::channel();
        let thread = thread::spawn(move || {
            let guard = domain.read_lock();
            tell.send(()).unwrap();
            let _ = left.recv();
            drop(guard);
        });
        entered.recv().unwrap();
        Self(Some((leave, thread)))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some((leave, thread)) = self.0.take() {
            drop(leave);
            thread.join().unwrap();
        }
    }
}

#[test]
fn the_overhead_is_that_of_a_pool() {
    assert_eq!(Pool::<u64>::SLOT_SIZE, size_of::<u64>() + 16);
}

#[test]
fn peek_finds_what_is_alive_and_nothing_else() {
    let pool = RcuPool::in_domain(domain());
    let guard = pool.read_lock();
    let a = pool.insert("a".to_owned()).unwrap();
    let key = Ref::key(&a);
    assert_eq!(pool.peek(key, &guard).unwrap(), "a");
    let seen = pool.peek(key, &guard).unwrap();
    drop(a);
    assert!(pool.peek(key, &guard).is_none());
    assert!(pool.get(key).is_none());
    assert_eq!(seen, "a"); // dead, and not dropped
    assert_eq!(pool.garbage(), 1);
    let removed = pool.insert("b".to_owned()).unwrap();
    assert!(pool.remove(Ref::key(&removed)));
    assert!(pool.peek(Ref::key(&removed), &guard).is_none());
    for bits in [1, u64::MAX, 1 << 32, u64::from(u32::MAX), key.to_u64() ^ (1 << 32)] {
        assert!(pool.peek(Key::from_u64(bits).unwrap(), &guard).is_none(), "{bits:#x}");
    }
    let place = pool.vacant().unwrap();
    assert!(pool.peek(place.key(), &guard).is_none());
    let key = place.key();
    let late = place.insert("c".to_owned());
    assert_eq!(pool.peek(key, &guard).unwrap(), &*late);
}

#[test]
fn a_slot_that_is_used_again_is_not_found_by_the_old_key() {
    let pool = RcuPool::<u32>::builder().limit(1).build_in(domain());
    let mut old: Vec<Key> = Vec::new();
    for n in 0..100 {
        let object = pool.insert(n).expect("the one before is dropped to make room");
        let guard = pool.read_lock();
        let reader = pool.reader(&guard).unwrap();
        assert!(old.iter().all(|&key| reader.peek(key).is_none()));
        assert_eq!(reader.peek(Ref::key(&object)), Some(&n));
        old.push(Ref::key(&object));
    }
}

#[test]
fn a_guard_of_another_domain_is_refused() {
    let pool = RcuPool::in_domain(domain());
    let object = pool.insert(1).unwrap();
    let guard = domain().read_lock();
    assert_eq!(pool.peek(Ref::key(&object), &guard), None);
    let refused = pool.reader(&guard).unwrap_err();
    assert!(refused.to_string().contains("pool.read_lock()"), "{refused}");
}

#[test]
fn without_readers_there_is_less_than_a_batch_of_garbage() {
    let (dropped, make) = told();
    let pool = RcuPool::in_domain(domain());
    for n in 1..=10 * BATCH {
        drop(pool.insert(make()).unwrap());
        assert_eq!(count(&dropped), n - n % BATCH);
        assert_eq!(pool.garbage(), n % BATCH);
    }
    drop(pool.insert(make()));
    pool.reclaim();
    assert_eq!((count(&dropped), pool.garbage()), (10 * BATCH + 1, 0));
}

/// What the documentation says of a reader that stays, in numbers.
#[test]
fn a_reader_that_stays_keeps_everything_and_nobody_waits() {
    const PUTS: u64 = 100_000;
    let (dropped, make) = told();
    let domain = domain();
    let pool = RcuPool::in_domain(domain);
    let reader = Inside::new(domain);
    for _ in 0..PUTS {
        drop(pool.insert(make()).unwrap());
    }
    let bytes = Pool::<Told>::SLOT_SIZE as u64 * PUTS;
    println!(
        "a reader that stays, no limit: {PUTS} puts, {} objects of garbage in at least {bytes} bytes, {} pieces of \
         deferred work",
        pool.garbage(),
        domain.backlog(),
    );
    assert_eq!((count(&dropped), pool.garbage()), (0, PUTS));
    assert_eq!(domain.backlog() as u64, PUTS / BATCH);
    // It leaves, and on its way does what was left to it.
    drop(reader);
    assert_eq!((count(&dropped), pool.garbage()), (PUTS - PUTS % BATCH, PUTS % BATCH));
    // The memory is used again.
    let before = pool.capacity();
    for _ in 0..PUTS {
        drop(pool.insert(make()).unwrap());
    }
    assert_eq!(pool.capacity(), before);
}

/// Each reader enters before the one before it leaves, so that there is always one. A grace period that begins under two
/// of them is over two readers later.
#[test]
fn readers_that_come_and_go_keep_what_is_put_during_two_grace_periods() {
    const ROUNDS: usize = 60;
    const PUTS: u64 = 5 * BATCH + 7;
    let (dropped, make) = told();
    let domain = domain();
    let pool = RcuPool::in_domain(domain);
    let put = || (0..PUTS).for_each(|_| drop(pool.insert(make()).unwrap()));
    let (mut inside, mut most) = (Inside::new(domain), 0);
    for round in 1..=ROUNDS as u64 {
        let next = Inside::new(domain);
        put();
        let before = std::mem::replace(&mut inside, next);
        // Under two readers, one of whom has seen all of this round.
        assert!(pool.garbage() >= PUTS, "the reader's own");
        most = most.max(pool.garbage());
        drop(before);
        assert_eq!(count(&dropped) + pool.garbage(), round * PUTS);
    }
    println!(
        "readers that come and go, {PUTS} puts while each is there: at most {most} objects of garbage"
    );
    // Two periods of two rounds each, and a batch that is not full.
    assert!(most > 2 * PUTS && most < 4 * PUTS + BATCH, "{most} of garbage at {PUTS} puts a round");
    drop(inside);
    pool.flush().unwrap();
    assert_eq!((count(&dropped), pool.garbage()), (ROUNDS as u64 * PUTS, 0));
}

#[test]
fn a_reader_that_stays_fills_a_pool_with_a_limit() {
    const LIMIT: u32 = 1000;
    let (dropped, make) = told();
    let domain = domain();
    let pool = RcuPool::builder().limit(LIMIT).build_in(domain);
    let reader = Inside::new(domain);
    let mut puts = 0_u32;
    let full = loop {
        match pool.insert(make()) {
            Ok(object) => drop(object),
            Err(full) => break full,
        }
        puts += 1;
    };
    println!(
        "a reader that stays, limit {LIMIT}: full after {puts} puts, {} of garbage",
        pool.garbage()
    );
    assert_eq!((puts, pool.garbage(), full.is_killed()), (LIMIT, u64::from(LIMIT), false));
    assert_eq!((pool.len(), count(&dropped)), (0, 0));
    drop(full); // the value that found no place
    drop(reader);
    let again: Vec<_> = (0..LIMIT).map(|_| pool.insert(make()).unwrap()).collect();
    assert_eq!(count(&dropped), u64::from(LIMIT) + 1);
    drop(again);
}

#[test]
fn who_drops_in_a_guard_leaves_it_to_the_guard() {
    let (dropped, make) = told();
    let pool = RcuPool::in_domain(domain());
    let guard = pool.read_lock();
    for _ in 0..3 * BATCH {
        drop(pool.insert(make()).unwrap());
    }
    pool.reclaim();
    assert_eq!((count(&dropped), pool.garbage()), (0, 3 * BATCH));
    assert_eq!(pool.flush(), Err(WouldDeadlock::InReader));
    drop(guard);
    assert_eq!((count(&dropped), pool.garbage()), (3 * BATCH, 0));
}

#[test]
fn flush_waits_for_the_reader() {
    let (dropped, make) = told();
    let domain = domain();
    let pool = RcuPool::in_domain(domain);
    // A batch that is left to the domain, and one that is not full.
    let reader = Inside::new(domain);
    for _ in 0..=BATCH {
        drop(pool.insert(make()).unwrap());
    }
    let flushed = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            pool.flush().unwrap();
            // Some may still be in the hands of the thread whose guard went.
            assert_eq!(pool.garbage(), 0);
            flushed.store(true, Ordering::SeqCst);
        });
        thread::sleep(Duration::from_millis(20));
        assert!(!flushed.load(Ordering::SeqCst));
        drop(reader);
    });
    assert!(flushed.into_inner());
    assert_eq!(count(&dropped), BATCH + 1);
}

#[test]
fn the_last_handle_goes_in_a_guard() {
    let (dropped, make) = told();
    let domain = domain();
    let pool = RcuPool::in_domain(domain);
    let late = pool.insert(make()).unwrap();
    drop(pool.insert(make()));
    let guard = domain.read_lock();
    drop(pool);
    assert_eq!(count(&dropped), 0);
    drop(guard);
    assert_eq!(count(&dropped), 1);
    // After the end nothing waits for a batch.
    drop(late);
    assert_eq!(count(&dropped), 2);
}

#[test]
fn the_end_of_a_pool_waits_for_nobody() {
    let (dropped, make) = told();
    let domain = domain();
    let pool = RcuPool::in_domain(domain);
    let late = pool.insert(make()).unwrap();
    drop(pool.insert(make()));
    let reader = Inside::new(domain);
    drop(pool);
    drop(late);
    assert_eq!(count(&dropped), 0);
    drop(reader);
    assert_eq!(count(&dropped), 2);
}

#[test]
fn a_killed_pool_is_drained_when_the_destructors_have_run() {
    let (dropped, make) = told();
    let domain = domain();
    let pool = RcuPool::in_domain(domain);
    let object = pool.insert(make()).unwrap();
    let key = Ref::key(&object);
    drop(pool.insert(make()));
    let reader = Inside::new(domain);
    let at = Arc::new(AtomicU64::new(u64::MAX));
    let (set, counted) = (Arc::clone(&at), Arc::clone(&dropped));
    assert!(pool.kill(move || set.store(count(&counted), Ordering::SeqCst)));
    assert!(pool.peek(key, &pool.read_lock()).is_none());
    assert!(pool.insert(make()).unwrap_err().is_killed()); // which drops one more, here
    drop(object);
    assert_eq!((at.load(Ordering::SeqCst), count(&dropped)), (u64::MAX, 1));
    drop(reader);
    assert_eq!((at.load(Ordering::SeqCst), count(&dropped)), (3, 3));
}

#[test]
fn kill_and_wait_waits_for_the_reader() {
    let (dropped, make) = told();
    let domain = domain();
    let pool = RcuPool::in_domain(domain);
    let object = pool.insert(make()).unwrap();
    let reader = Inside::new(domain);
    thread::scope(|s| {
        s.spawn(|| {
            drop(object);
            thread::sleep(Duration::from_millis(20));
            assert_eq!(count(&dropped), 0);
            drop(reader);
        });
        assert!(pool.kill_and_wait());
        assert_eq!(count(&dropped), 1);
        assert!(!pool.kill_and_wait());
    });
}

#[test]
fn a_panic_in_a_destructor_goes_no_further_and_loses_nothing() {
    struct Loud(u64, #[allow(dead_code)] Told);
    impl Drop for Loud {
        fn drop(&mut self) {
            assert!(!self.0.is_multiple_of(3), "a destructor panics, as the test wants");
        }
    }
    let (dropped, make) = told();
    let limit = u32::try_from(BATCH).unwrap();
    let pool = RcuPool::builder().limit(limit).build_in(domain());
    for _ in 0..3 {
        // The last of them drops the batch, and does not panic.
        let dropping = catch_unwind(AssertUnwindSafe(|| {
            for n in 0..BATCH {
                drop(pool.insert(Loud(n, make())).unwrap());
            }
        }));
        assert!(dropping.is_ok());
    }
    assert_eq!((count(&dropped), pool.garbage()), (3 * BATCH, 0));
    let all: Vec<_> = (0..limit).map(|_| pool.insert(Loud(1, make())).unwrap()).collect();
    assert_eq!(all.len() as u64, BATCH); // each slot came back
}

#[test]
fn destructors_may_use_the_pool_and_do_not_nest() {
    const DEPTH: u64 = 200;
    struct Node {
        next: Mutex<Vec<Ref<Node>>>,
        pool: Pool<Node>,
        #[allow(dead_code)]
        tell: Told,
    }
    impl Drop for Node {
        fn drop(&mut self) {
            assert!(self.pool.vacant().is_some());
            // Each ends the life of more, deep down.
            self.next.get_mut().unwrap().clear();
        }
    }
    let (dropped, make) = told();
    let pool = RcuPool::in_domain(domain());
    let node = |next| {
        let node = Node { next: Mutex::new(next), pool: Pool::clone(&pool), tell: make() };
        pool.insert(node).unwrap()
    };
    // Levels of two batches, each below the first of the next; on a small stack.
    thread::scope(|s| {
        let run = || {
            let mut level = Vec::new();
            for _ in 0..DEPTH {
                let below = std::mem::take(&mut level);
                level = (0..2 * BATCH).map(|_| node(Vec::new())).collect();
                level[0].next.lock().unwrap().extend(below);
            }
            drop(level);
        };
        thread::Builder::new().stack_size(128 << 10).spawn_scoped(s, run).unwrap();
    });
    for _ in 0..=DEPTH {
        pool.flush().unwrap();
    }
    assert_eq!((count(&dropped), pool.garbage()), (2 * BATCH * DEPTH, 0));
}

#[test]
fn a_hook_comes_after_the_grace_period() {
    let domain = domain();
    let hooked = Arc::new(AtomicU32::new(0));
    let tell = Arc::clone(&hooked);
    let pool = RcuPool::<u32>::builder()
        .on_release(move |object| {
            assert!(object.pool().unwrap().get(object.key()).is_none());
            tell.fetch_add(**object, Ordering::SeqCst);
            **object = 0; // its own
            panic!("a hook panics, as the test wants");
        })
        .build_in(domain);
    let object = pool.insert(7).unwrap();
    let key = Ref::key(&object);
    let guard = pool.read_lock();
    let seen = pool.peek(key, &guard).unwrap();
    drop(object);
    pool.reclaim();
    assert_eq!((*seen, hooked.load(Ordering::SeqCst)), (7, 0));
    drop(guard);
    assert_eq!((pool.garbage(), hooked.load(Ordering::SeqCst)), (0, 7));
}

#[test]
fn a_stash_finds_nothing_that_waits_to_be_dropped() {
    let pool = RcuPool::in_domain(domain());
    let stash = Stash::new(&pool);
    let object = pool.insert(1).unwrap();
    stash.store(&object).unwrap();
    let guard = pool.read_lock();
    drop(object);
    assert!(stash.get_active().is_none());
    assert_eq!((pool.len(), pool.iter().count(), pool.garbage()), (0, 0, 1));
    drop(guard);
}

#[test]
fn the_default_domain_serves_who_has_none() {
    let pool = RcuPool::default();
    let object = pool.insert(1).unwrap();
    let guard = graceref::rcu::default().read_lock();
    assert_eq!(pool.peek(Ref::key(&object), &guard), Some(&1));
    assert_eq!(pool.clone().peek(Ref::key(&object), &pool.read_lock()), Some(&1));
    assert!(format!("{pool:?}").contains("garbage: 0"));
    assert!(RcuPool::<u8>::with_limit(0).insert(1).is_err());
}

/// Readers peek by keys that writers replace all the time; every object seen is whole and alive.
#[test]
fn readers_and_writers_meet() {
    const SLOTS: usize = 16;
    const ALIVE: u64 = 0x0123_4567_89AB_CDEF;
    struct Whole([u64; 4], #[allow(dead_code)] Told);
    impl Drop for Whole {
        fn drop(&mut self) {
            for word in &mut self.0 {
                // A store that is not optimised away, for a reader that comes too late.
                // SAFETY: a place of its own. (Invariant: none of the spec.)
                unsafe { std::ptr::from_mut(word).write_volatile(0) };
            }
        }
    }
    for limit in [None, Some(300)] {
        let (dropped, make) = told();
        let domain = domain();
        let builder = RcuPool::<Whole>::builder();
        let pool = limit.map_or(RcuPool::builder(), |n| builder.limit(n)).build_in(domain);
        let keys: [AtomicU64; SLOTS] = Default::default();
        let stop = AtomicBool::new(false);
        let (mut found, mut inserted) = (0, 0);
        thread::scope(|s| {
            let write = |_| {
                s.spawn(|| {
                    let mut done = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        for key in &keys {
                            // A guard now and then, and a full pool: other writers hold garbage.
                            let guard = done.is_multiple_of(5).then(|| pool.read_lock());
                            let Ok(object) = pool.insert(Whole([ALIVE; 4], make())) else {
                                continue;
                            };
                            done += 1;
                            key.store(Ref::key(&object).to_u64(), Ordering::Relaxed);
                            drop(pool.get(Ref::key(&object)));
                            thread::yield_now();
                            drop(object);
                            drop(guard);
                        }
                    }
                    done
                })
            };
            let read = |_| {
                s.spawn(|| {
                    let mut found = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        let guard = pool.read_lock();
                        let reader = pool.reader(&guard).unwrap();
                        let bits = keys.iter().map(|key| key.load(Ordering::Relaxed));
                        let seen: Vec<&Whole> =
                            bits.filter_map(Key::from_u64).filter_map(|k| reader.peek(k)).collect();
                        thread::yield_now();
                        for whole in seen {
                            assert_eq!(whole.0, [ALIVE; 4]);
                            found += 1;
                        }
                    }
                    found
                })
            };
            let writers: Vec<_> = (0..2).map(write).collect();
            let readers: Vec<_> = (0..2).map(read).collect();
            thread::sleep(Duration::from_millis(300));
            stop.store(true, Ordering::Relaxed);
            inserted = writers.into_iter().map(|t| t.join().unwrap()).sum();
            found = readers.into_iter().map(|t| t.join().unwrap()).sum();
        });
        pool.flush().unwrap();
        println!("limit {limit:?}: {inserted} objects, found {found} times");
        assert!(inserted > 0 && found > 0);
        assert_eq!(pool.garbage(), 0);
        assert!(count(&dropped) >= inserted);
    }
}

#[test]
fn a_flush_in_a_destructor_says_that_it_cannot_wait() {
    static POOL: OnceLock<RcuPool<Flushes>> = OnceLock::new();
    static SAID: Mutex<Vec<Result<(), WouldDeadlock>>> = Mutex::new(Vec::new());

    struct Flushes;
    impl Drop for Flushes {
        fn drop(&mut self) {
            SAID.lock().unwrap().push(POOL.get().unwrap().flush());
        }
    }

    let pool = POOL.get_or_init(|| RcuPool::in_domain(domain()));
    let fill = |n| drop((0..n).map(|_| pool.insert(Flushes).ok().unwrap()).collect::<Vec<_>>());
    // Dropped by the thread that flushes,
    fill(10);
    pool.flush().unwrap();
    // and by the domain.
    let guard = pool.read_lock();
    fill(64);
    drop(guard);
    pool.flush().unwrap();
    assert_eq!(*SAID.lock().unwrap(), vec![Err(WouldDeadlock::InDeferred); 74]);
}
