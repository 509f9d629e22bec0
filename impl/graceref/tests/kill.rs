//! Killed pools: nothing is found, nothing is inserted, and somebody is told once, after the last destructor.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{Key, Pool, Ref};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;

/// Counts its ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Kills the pool; the number of ends, at the moment when it is drained, comes out of the channel.
fn kill(pool: &Pool<Counted>, ends: &Arc<AtomicUsize>) -> Receiver<usize> {
    let (tell, told) = channel();
    let ends = Arc::clone(ends);
    assert!(pool.kill(move || tell.send(ends.load(Ordering::SeqCst)).unwrap()));
    told
}

fn kinds() -> [Pool<Counted>; 3] {
    [Pool::new(), Pool::with_limit(10), Pool::builder().limit(4_000).generations(3).build()]
}

#[test]
fn an_empty_pool_is_drained_by_the_kill_itself() {
    for pool in kinds() {
        let ends = Arc::new(AtomicUsize::new(0));
        drop(pool.insert(Counted(Arc::clone(&ends))));
        assert_eq!(kill(&pool, &ends).try_iter().collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn the_pool_is_drained_once_when_the_last_of_its_references_goes() {
    for pool in kinds() {
        let ends = Arc::new(AtomicUsize::new(0));
        let mut objects: Vec<_> =
            (0..10).map(|_| pool.insert(Counted(Arc::clone(&ends))).ok().unwrap()).collect();
        let keys: Vec<Key> = objects.iter().map(Ref::key).collect();
        let more = objects[3].clone();
        let told = kill(&pool, &ends);
        assert!(keys.iter().all(|&key| pool.get(key).is_none() && !pool.contains(key)));
        assert!(keys.iter().all(|&key| !pool.remove(key)), "they are removed already");
        assert_eq!(pool.iter().count(), 0);
        assert_eq!(pool.len(), 10, "alive, though not to be found");
        assert!(pool.insert(Counted(Arc::default())).err().unwrap().is_killed());
        assert!(pool.vacant().is_none());
        assert!(pool.insert_with_key(|_| unreachable!()).err().unwrap().is_killed());
        while objects.pop().is_some() {
            assert!(told.try_recv().is_err(), "drained too early");
        }
        drop(more);
        assert_eq!(told.iter().collect::<Vec<_>>(), [10], "once, after the last destructor");
    }
}

#[test]
fn a_second_kill_does_nothing_and_is_never_told() {
    let pool: Pool<u32> = Pool::new();
    let object = pool.insert(1).unwrap();
    let (first, second) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = |calls: &Arc<AtomicUsize>| {
        let calls = Arc::clone(calls);
        move || {
            calls.fetch_add(1, Ordering::SeqCst);
        }
    };
    assert!(pool.kill(count(&first)));
    assert!(!pool.kill(count(&second)) && !pool.clone().kill_and_wait());
    drop(object);
    assert!(!pool.kill(count(&second)));
    drop(pool);
    assert_eq!(first.load(Ordering::SeqCst), 1);
    assert_eq!((second.load(Ordering::SeqCst), Arc::strong_count(&second)), (0, 1));
}

#[test]
fn a_killed_pool_whose_handles_go_first_is_drained_by_the_last_reference() {
    for pool in kinds() {
        let ends = Arc::new(AtomicUsize::new(0));
        let object = pool.insert(Counted(Arc::clone(&ends))).ok().unwrap();
        let told = kill(&pool, &ends);
        drop(pool);
        assert!(told.try_recv().is_err());
        drop(object);
        assert_eq!(told.iter().collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn of_the_last_reference_and_the_last_handle_of_a_killed_pool_one_tells_and_one_frees() {
    const ROUNDS: usize = 30_000;
    /// If one thread panics the other does not wait for it.
    struct Go<'a>(&'a AtomicUsize);
    impl Drop for Go<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                self.0.store(usize::MAX / 2, Ordering::Release);
            }
        }
    }
    let told = Arc::new(AtomicUsize::new(0));
    let passed: Mutex<Option<Ref<u32>>> = Mutex::new(None);
    let turn = AtomicUsize::new(0);
    // A spinning hand-over, so that the two drops fall into the same instant again and again.
    let wait_for = |round| {
        while turn.load(Ordering::Acquire) < round {
            thread::yield_now();
        }
    };
    thread::scope(|s| {
        s.spawn(|| {
            let _go = Go(&turn);
            for round in 0..ROUNDS {
                wait_for(2 * round + 1);
                let object = passed.lock().unwrap().take();
                turn.fetch_add(1, Ordering::AcqRel);
                drop(object);
            }
        });
        let _go = Go(&turn);
        for round in 0..ROUNDS {
            let pool: Pool<u32> = Pool::with_limit(1);
            *passed.lock().unwrap() = Some(pool.insert(1).unwrap());
            let told = Arc::clone(&told);
            assert!(pool.kill(move || {
                told.fetch_add(1, Ordering::SeqCst);
            }));
            turn.fetch_add(1, Ordering::AcqRel);
            wait_for(2 * round + 2);
            drop(pool);
        }
    });
    assert_eq!(told.load(Ordering::SeqCst), ROUNDS);
}

#[test]
fn kills_inserts_gets_and_drops_of_several_threads_end_in_one_drain_after_all_destructors() {
    const THREADS: usize = 4;
    for round in 0..150 {
        let pool: Pool<Counted> = if round % 2 == 0 { Pool::new() } else { Pool::with_limit(50) };
        let (ends, inserted) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let (start, killed) = (Barrier::new(THREADS), AtomicUsize::new(0));
        let (tell, told) = channel();
        thread::scope(|s| {
            for me in 0..THREADS {
                let (pool, ends, tell) = (pool.clone(), Arc::clone(&ends), tell.clone());
                let (start, killed, inserted) = (&start, &killed, &inserted);
                s.spawn(move || {
                    start.wait();
                    let mut held = Vec::new();
                    for n in 0..1_000 {
                        match pool.insert(Counted(Arc::clone(&ends))) {
                            Ok(object) => {
                                inserted.fetch_add(1, Ordering::SeqCst);
                                held.extend(pool.get(Ref::key(&object)));
                                held.push(object);
                            }
                            Err(full) => {
                                // The value that found no place ends without having lived there.
                                let dead = full.is_killed();
                                inserted.fetch_add(1, Ordering::SeqCst);
                                drop(full);
                                if dead {
                                    break;
                                }
                            }
                        }
                        if held.len() > 6 {
                            held.drain(..4);
                        }
                        let at = 100 * (1 + me) + round;
                        if n == at {
                            let (tell, seen) = (tell.clone(), Arc::clone(&ends));
                            let told = move || tell.send(seen.load(Ordering::SeqCst)).unwrap();
                            if pool.kill(told) {
                                killed.fetch_add(1, Ordering::SeqCst);
                                // What was there before is found no more.
                                let found = |object| pool.get(Ref::key(object)).is_some();
                                assert!(!held.iter().any(found));
                            }
                        }
                    }
                });
            }
        });
        drop(tell);
        let told: Vec<usize> = told.iter().collect();
        assert_eq!((killed.load(Ordering::SeqCst), told.len()), (1, 1), "one kill, told once");
        assert_eq!(ends.load(Ordering::SeqCst), inserted.load(Ordering::SeqCst));
        assert_eq!(pool.len(), 0);
    }
}

#[test]
fn whoever_kills_and_waits_goes_on_after_the_last_destructor() {
    for pool in kinds() {
        let ends = Arc::new(AtomicUsize::new(0));
        let objects: Vec<_> =
            (0..10).map(|_| pool.insert(Counted(Arc::clone(&ends))).ok().unwrap()).collect();
        let killed = AtomicBool::new(false);
        thread::scope(|s| {
            for object in objects {
                let (killed, pool) = (&killed, pool.clone());
                s.spawn(move || {
                    // Not before the kill, as far as this thread can tell.
                    while pool.contains(Ref::key(&object)) {
                        thread::yield_now();
                    }
                    assert!(!killed.load(Ordering::SeqCst), "a reference is still here");
                    drop(object);
                });
            }
            assert!(pool.kill_and_wait());
            killed.store(true, Ordering::SeqCst);
            assert_eq!(ends.load(Ordering::SeqCst), 10);
        });
    }
}

#[test]
fn whoever_is_told_may_own_the_last_handle_and_may_panic() {
    let pool: Pool<u32> = Pool::new();
    let object = pool.insert(1).unwrap();
    let own = pool.clone();
    assert!(pool.kill(move || {
        assert!(own.insert(2).unwrap_err().is_killed());
        drop(own);
        panic!("as the test wants");
    }));
    drop(pool);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(object))).is_err());
    let empty: Pool<u32> = Pool::with_limit(3);
    assert!(catch_unwind(AssertUnwindSafe(|| empty.kill(|| panic!("as the test wants")))).is_err());
    assert!(empty.insert(1).unwrap_err().is_killed());
}

#[test]
fn a_destructor_may_kill_its_own_pool() {
    static TOLD: AtomicUsize = AtomicUsize::new(0);
    struct Kills(OnceLock<Pool<Kills>>);
    impl Drop for Kills {
        fn drop(&mut self) {
            let pool = self.0.take().unwrap();
            assert!(pool.kill(|| {
                TOLD.fetch_add(1, Ordering::SeqCst);
            }));
            assert_eq!(TOLD.load(Ordering::SeqCst), 0, "this object is not gone yet");
        }
    }
    let pool = Pool::new();
    let object = pool.insert(Kills(OnceLock::from(pool.clone()))).ok().unwrap();
    drop(pool);
    drop(object);
    assert_eq!(TOLD.load(Ordering::SeqCst), 1);
}

#[test]
fn a_place_that_was_reserved_before_the_kill_is_waited_for() {
    for pool in kinds() {
        let ends = Arc::new(AtomicUsize::new(0));
        let (used, unused) = (pool.vacant().unwrap(), pool.vacant().unwrap());
        let told = kill(&pool, &ends);
        let key = used.key();
        let object = used.insert(Counted(Arc::clone(&ends)));
        assert!(pool.get(key).is_none(), "made after the kill: nobody finds it");
        drop(unused);
        assert!(told.try_recv().is_err());
        drop(object);
        assert_eq!(told.iter().collect::<Vec<_>>(), [1]);
    }
}
