//! A pool gives memory back: which, when not, and that nothing in it is ever mistaken for what was there.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{Count, FileRefCount, Key, Pool, Ref, Stash};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;

/// Counts its ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn fill(pool: &Pool<usize>, n: usize) -> Vec<Ref<usize>> {
    (0..n).map(|n| pool.insert(n).unwrap()).collect()
}

#[test]
fn an_empty_pool_gives_everything_back() {
    for mut pool in [Pool::new(), Pool::with_limit(1000)] {
        assert_eq!(pool.shrink(), Some(0));
        drop(fill(&pool, 500));
        let all = pool.capacity();
        assert!(all >= 500);
        assert_eq!(pool.shrink(), Some(all));
        assert_eq!((pool.capacity(), pool.len(), pool.iter().count()), (0, 0, 0));
        assert_eq!(pool.shrink(), Some(0));
        let again = fill(&pool, 500);
        assert_eq!(pool.len(), 500);
        drop(pool);
        assert_eq!(again.iter().map(|object| **object).sum::<usize>(), 499 * 250);
    }
}

#[test]
fn an_object_keeps_its_chunk_and_those_before_it() {
    for mut pool in [Pool::new(), Pool::with_limit(1000)] {
        let mut objects = fill(&pool, 1000);
        // In the chunk of 64 that comes after the first, of 32.
        let kept = objects.swap_remove(40);
        drop(objects);
        let before = pool.capacity();
        assert_eq!(pool.shrink(), Some(before - 96));
        assert_eq!((pool.capacity(), pool.len(), *kept), (96, 1, 40));
        assert_eq!(fill(&pool, 95).len(), 95);
        assert_eq!(pool.capacity(), 96, "what is free in the chunks that stay is used again");
        drop(kept);
        assert_eq!(pool.shrink(), Some(96));
    }
}

#[test]
fn a_limit_stays_exact() {
    let mut pool = Pool::with_limit(100);
    for _ in 0..10 {
        let objects = fill(&pool, 100);
        assert!(pool.insert(0).is_err());
        drop(objects);
        assert_eq!(pool.shrink(), Some(100));
    }
}

#[test]
fn whoever_else_has_a_handle_keeps_the_memory() {
    let mut pool: Pool<usize> = Pool::new();
    let object = pool.insert(1).unwrap();
    let clone = pool.clone();
    assert_eq!(pool.shrink(), None);
    drop(clone);
    let stash = Stash::new(&pool);
    stash.store(&object).unwrap();
    assert_eq!(pool.shrink(), None);
    drop(object);
    assert_eq!(pool.shrink(), None);
    assert!(stash.get_active().is_none());
    drop(stash);
    assert_eq!(pool.shrink(), Some(32));
    // The one handle is as good as before.
    let clone = pool.clone();
    drop(pool);
    assert!(clone.insert(2).is_ok());
}

#[test]
fn a_killed_pool_has_nothing_to_give() {
    let mut pool: Pool<usize> = Pool::new();
    drop(pool.insert(1));
    assert!(pool.kill(|| ()));
    assert_eq!(pool.shrink(), Some(0));
    assert_eq!(pool.capacity(), 32);
    assert!(pool.insert(2).unwrap_err().is_killed());
}

#[test]
fn a_hook_gets_no_handle_while_the_pool_shrinks_and_one_before_and_after() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let answers = Arc::clone(&asked);
    let mut pool = Pool::<usize>::builder()
        .on_release(move |object| answers.lock().unwrap().push(object.pool().is_some()))
        .build();
    drop(pool.insert(1));
    assert_eq!(pool.shrink(), Some(32));
    drop(pool.insert(1));
    assert_eq!(*asked.lock().unwrap(), [true, true]);
}

#[test]
fn a_hook_that_has_a_handle_refuses_the_shrinking() {
    let (enter, entered) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let left = Mutex::new(left);
    let mut pool = Pool::<usize>::builder()
        .on_release(move |object| {
            let pool = object.pool().unwrap();
            enter.send(()).unwrap();
            left.lock().unwrap().recv().unwrap();
            drop(pool);
        })
        .build();
    let object = pool.insert(1).unwrap();
    thread::scope(|scope| {
        let dropper = scope.spawn(move || drop(object));
        entered.recv().unwrap();
        assert_eq!(pool.shrink(), None);
        leave.send(()).unwrap();
        dropper.join().unwrap();
    });
    assert_eq!(pool.shrink(), Some(32));
}

/// Each key that ever was, in slots whose memory came and went.
fn no_key_comes_back<C: Count>(mut pool: Pool<usize, C>) {
    let mut keys: Vec<Key> = Vec::new();
    for round in 0..30 {
        let objects: Vec<_> = (0..=(round * 37) % 200).map(|n| pool.insert(n).unwrap()).collect();
        for &key in &keys {
            assert!(pool.get(key).is_none() && !pool.contains(key) && !pool.remove(key));
        }
        keys.extend(objects.iter().map(Ref::key));
        // Some slots more often than others.
        for n in 0..round {
            let object = pool.insert(n).unwrap();
            keys.push(Ref::key(&object));
        }
        let last = objects.len() - 1;
        let kept: Vec<_> = objects.into_iter().take(last * (round % 3) / 4).collect();
        assert!(pool.shrink().is_some());
        for object in &kept {
            assert!(Ref::ptr_eq(&pool.get(Ref::key(object)).unwrap(), object));
        }
    }
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all, "a key was given out twice");
}

#[test]
fn no_key_comes_back_with_the_memory() {
    no_key_comes_back(Pool::<usize>::new());
    no_key_comes_back(Pool::<usize>::with_limit(1000));
    no_key_comes_back(Pool::<usize, FileRefCount>::new());
}

#[test]
fn what_went_had_its_generations_and_a_retired_slot_keeps_its_chunk() {
    let mut pool = Pool::<usize>::builder().limit(1).generations(3).build();
    for _ in 0..2 {
        drop(pool.insert(1).unwrap());
        assert_eq!(pool.shrink(), Some(1));
    }
    drop(pool.insert(1).unwrap());
    assert!(pool.insert(1).is_err(), "three objects were in the slot, in whichever memory");
    assert_eq!((pool.shrink(), pool.capacity()), (Some(0), 1));
}

#[test]
fn a_destructor_that_still_runs_keeps_its_slot() {
    struct Slow(mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            self.1.lock().unwrap().recv().unwrap();
        }
    }
    let mut pool: Pool<Slow> = Pool::new();
    let (enter, entered) = mpsc::channel();
    let (leave, left) = mpsc::channel();
    let object = pool.insert(Slow(enter, Mutex::new(left))).ok().unwrap();
    thread::scope(|scope| {
        let dropper = scope.spawn(move || drop(object));
        entered.recv().unwrap();
        assert_eq!(pool.shrink(), Some(0));
        leave.send(()).unwrap();
        dropper.join().unwrap();
    });
    assert_eq!(pool.shrink(), Some(32));
}

#[test]
fn the_memory_goes_once_and_with_it_what_the_pool_has() {
    let ended = Arc::new(AtomicUsize::new(0));
    let mut pool: Pool<Counted> = Pool::new();
    let objects: Vec<_> =
        (0..300).map(|_| pool.insert(Counted(Arc::clone(&ended))).ok().unwrap()).collect();
    let (kept, gone): (Vec<_>, Vec<_>) =
        objects.into_iter().enumerate().partition(|(n, _)| n % 100 == 0);
    drop(gone);
    assert!(pool.shrink().is_some());
    drop(pool);
    drop(kept);
    assert_eq!(ended.load(Ordering::Relaxed), 300);
}

/// Threads drop what one thread inserts, with and without a cache of their own, while that thread shrinks the pool.
/// For the sanitizers.
fn droppers_beside_a_shrinker<C: Count>(mut pool: Pool<usize, C>, hooked: bool) {
    const THREADS: usize = 3;
    let rounds = if cfg!(miri) { 3 } else { 300 };
    let mut shrunk = 0;
    thread::scope(|scope| {
        let send: Vec<_> = (0..THREADS)
            .map(|_| {
                let (send, receive) = mpsc::sync_channel::<Vec<Ref<usize, C>>>(2);
                scope.spawn(move || {
                    for objects in receive {
                        for object in objects {
                            assert!(*object < 90, "somebody else's memory");
                            drop(object);
                        }
                    }
                });
                send
            })
            .collect();
        let mut old = Vec::new();
        for round in 0..rounds {
            for send in &send {
                let objects: Vec<_> = (0..round % 90).map(|n| pool.insert(n).unwrap()).collect();
                old.extend(objects.iter().step_by(40).map(|object| (Ref::key(object), **object)));
                send.send(objects).unwrap();
            }
            // A hook may have a handle at the moment.
            let freed = pool.shrink();
            assert!(freed.is_some() || hooked);
            shrunk += freed.unwrap_or(0);
            for (key, value) in old.drain(..) {
                assert!(pool.get(key).is_none_or(|object| *object == value));
            }
        }
        drop(send);
    });
    let all = pool.capacity();
    assert_eq!(pool.shrink(), Some(all), "no slot was lost");
    assert!(shrunk + all > 0);
}

#[test]
fn threads_drop_while_another_shrinks() {
    droppers_beside_a_shrinker(Pool::<usize>::new(), false);
    droppers_beside_a_shrinker(Pool::<usize>::with_limit(2_000), false);
    droppers_beside_a_shrinker(Pool::<usize, FileRefCount>::new(), false);
}

#[test]
fn hooks_use_the_pool_while_another_thread_shrinks() {
    static PROBE: OnceLock<Key> = OnceLock::new();
    let build = || {
        Pool::<usize>::builder().on_release(|object| {
            if let Some(pool) = object.pool() {
                let probe = *PROBE.get_or_init(|| object.key());
                assert!(!pool.contains(object.key()) && pool.get(probe).is_none_or(|o| *o < 90));
                // Its own release asks for a handle too.
                if **object == 7 {
                    drop(pool.insert(8));
                }
            }
        })
    };
    droppers_beside_a_shrinker(build().build(), true);
    droppers_beside_a_shrinker(build().limit(2_000).build(), true);
}
