//! The model runner itself: what it must find, and what it must not claim.
#![cfg(any(feature = "model", graceref_loom, graceref_shuttle))]

use graceref::model::{Explored, Extent, Ghost, Model, require, violated, witness};
use graceref::sync::{AtomicU32, AtomicU64, AtomicUsize, ENGINE, Engine, Mutex, Ordering, Tracked};
use graceref::{at, model};

const MODELLED: bool = !matches!(ENGINE, Engine::Std);

/// Two threads that each read a counter and write it back.
fn lost_update(one_step: bool) -> Explored {
    let add = move |counter: &AtomicU64| {
        if one_step {
            counter.fetch_add(1, Ordering::Relaxed);
        } else {
            at!("read");
            let seen = counter.load(Ordering::Relaxed);
            at!("write");
            counter.store(seen + 1, Ordering::Relaxed);
        }
    };
    Model::new("counter", || AtomicU64::new(0))
        .thread("one", add)
        .thread("other", add)
        .at_end(|counter| require(counter.load(Ordering::Relaxed) == 2, "NothingLost"))
        .explore()
}

#[test]
fn a_lost_update_is_found_with_the_steps_that_lose_it() {
    let explored = lost_update(false);
    if !MODELLED {
        return;
    }
    let finding = explored.found("NothingLost").expect("an engine finds it");
    let labels: Vec<_> = finding.steps.iter().filter_map(|step| step.label).collect();
    let before_the_end = labels.iter().filter(|&&label| label != "finish").copied();
    assert_eq!(before_the_end.collect::<Vec<_>>(), ["read", "read", "write", "write"]);
    assert!(finding.steps[0].place.starts_with("tests/explore.rs:"), "{explored}");
    let text = explored.to_string();
    assert!(text.contains("CPU0: one") && text.contains("<== NothingLost"), "{text}");
}

#[test]
fn an_update_in_one_step_is_explored_in_full_and_holds() {
    let explored = lost_update(true);
    explored.assert_holds();
    explored.assert_complete();
    assert_eq!(explored.complete(), MODELLED, "real threads prove nothing: {explored}");
}

#[test]
fn an_atomic_usize_is_seen_as_the_others_are() {
    let model = |name| Model::new(name, || AtomicUsize::new(0));
    let split =
        |word: &AtomicUsize| word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    let whole = |word: &AtomicUsize| {
        word.fetch_add(1, Ordering::Relaxed);
    };
    let both = |word: &AtomicUsize| require(word.load(Ordering::Relaxed) == 2, "NothingLost");
    let explored =
        model("in two").thread("one", split).thread("other", split).at_end(both).explore();
    assert!(!MODELLED || explored.found("NothingLost").is_some(), "{explored}");
    let explored =
        model("in one").thread("one", whole).thread("other", whole).at_end(both).explore();
    explored.assert_holds();
    assert_eq!(explored.complete(), MODELLED, "{explored}");
}

#[test]
fn the_engines_explore_the_same_classes() {
    // Pinned, so that the build for the other engine can be held against it: 6 orders of two accesses each; two
    // orders of the threads' ends.
    let passes = lost_update(false).passes;
    if MODELLED {
        assert_eq!((passes[0].classes, passes[0].digest >> 32), CLASSES);
    }
}
const CLASSES: (u64, u64) = (12, 0xDE77_E4C4);

#[test]
#[cfg(any(graceref_loom, graceref_shuttle))]
fn locks_taken_in_opposite_orders_are_a_deadlock() {
    let explored = Model::new("two locks", || [Mutex::new(()), Mutex::new(())])
        .thread("up", |locks| {
            let _first = locks[0].lock();
            let _second = locks[1].lock();
        })
        .thread("down", |locks| {
            let _first = locks[1].lock();
            let _second = locks[0].lock();
        })
        .explore();
    assert!(explored.found("Deadlock").is_some(), "{explored}");
}

#[test]
fn locks_taken_in_one_order_are_none() {
    let take = |locks: &[Mutex<u32>; 2]| {
        let _first = locks[0].lock();
        *locks[1].lock() += 1;
    };
    let explored = Model::new("two locks", || [Mutex::new(0), Mutex::new(0)])
        .thread("one", take)
        .thread("other", take)
        .at_end(|locks| require(*locks[1].lock() == 2, "BothCounted"))
        .explore();
    explored.assert_holds();
    explored.assert_complete();
}

#[test]
fn a_panic_is_a_finding_and_the_next_model_is_explored_all_the_same() {
    let explored = Model::new("a panic", || AtomicU32::new(0))
        .thread("one", |word| {
            word.fetch_add(1, Ordering::Relaxed);
        })
        .thread("other", |word| {
            assert!(word.fetch_add(1, Ordering::Relaxed) < 2, "never");
            assert_eq!(word.load(Ordering::Relaxed), 3, "not so many");
        })
        .explore();
    let finding = explored.found("NoPanic").expect("it panics in each execution");
    assert!(finding.detail.contains("not so many"), "{explored}");
    assert_eq!(explored.passes[0].extent, Extent::Stopped);
    assert!(!explored.complete());
    lost_update(true).assert_holds();
}

/// A cell that one thread writes, and tells by a flag that it is written; the other reads it when it is told.
fn message(order: Ordering) -> Explored {
    struct World {
        cell: Tracked<u32>,
        flag: AtomicU32,
    }
    Model::new("message", || World { cell: Tracked::new(0), flag: AtomicU32::new(0) })
        .thread("writer", move |world| {
            // The content is not touched: two threads may really be here.
            world.cell.with_mut(|_| ());
            world.flag.fetch_add(1, order);
        })
        .thread("reader", move |world| {
            if world.flag.fetch_add(0, order) == 1 {
                world.cell.with(|_| ());
            }
        })
        .explore()
}

#[test]
fn a_message_without_release_and_acquire_is_a_data_race_in_weak_memory() {
    let explored = message(Ordering::Relaxed);
    // shuttle's memory is sequentially consistent, and so is loom's first pass.
    assert_eq!(explored.found("NoDataRace").is_some(), ENGINE == Engine::Loom, "{explored}");
    if let Some(finding) = explored.found("NoDataRace") {
        assert_eq!(finding.pass, "native");
    }
    message(Ordering::AcqRel).assert_holds();
}

#[test]
fn a_thread_that_waits_in_a_loop_is_cut_off_and_not_called_complete() {
    let explored = Model::new("a wait", || AtomicU32::new(0))
        .thread("waits", |word| {
            while word.load(Ordering::Relaxed) == 0 {
                core::hint::spin_loop();
            }
        })
        .thread("comes", |word| {
            word.fetch_add(1, Ordering::Relaxed);
        })
        .rounds(100)
        .explore();
    assert!(explored.holds(), "{explored}");
    assert!(!explored.complete(), "{explored}");
    if MODELLED {
        assert!(matches!(explored.passes[0].extent, Extent::CutOff(_)), "{explored}");
        assert!(explored.to_string().contains("NOT ALL"), "{explored}");
    }
}

#[test]
fn a_search_that_reaches_its_limit_is_not_called_complete() {
    let many = |word: &AtomicU32| {
        for _ in 0..6 {
            word.fetch_add(1, Ordering::Relaxed);
        }
    };
    let explored = Model::new("much", || AtomicU32::new(0))
        .thread("one", many)
        .thread("other", many)
        .limit(20)
        .rounds(100)
        .explore();
    assert!(explored.holds() && !explored.complete(), "{explored}");
    if MODELLED {
        assert!(matches!(explored.passes[0].extent, Extent::CutOff(_)), "{explored}");
    }
}

/// A ghost that depends on the order of steps that share nothing.
fn last_writer(watched: bool) -> Explored {
    struct World {
        words: [AtomicU32; 2],
        last: Ghost<u64>,
        same: AtomicU32,
    }
    let part = |me: usize| {
        move |world: &World| {
            world.words[me].fetch_add(1, Ordering::Relaxed);
            world.last.set(me as u64 + 1);
            world.same.fetch_add(1, Ordering::Relaxed);
        }
    };
    let model = Model::new("the last writer", || World {
        words: [AtomicU32::new(0), AtomicU32::new(0)],
        last: Ghost::new(0),
        same: AtomicU32::new(0),
    })
    .thread("one", part(0))
    .thread("other", part(1))
    .at_end(|world| match world.last.get() {
        1 => witness("One", format_args!("last")),
        _ => witness("Other", format_args!("last")),
    });
    if watched { model.watch(|world| world.last.get()).explore() } else { model.explore() }
}

#[test]
fn a_ghost_that_is_watched_tells_states_apart() {
    // loom does not know of ghosts at all.
    if ENGINE == Engine::Shuttle {
        let executions = |watched| last_writer(watched).passes[0].executions;
        assert!(executions(true) > executions(false));
        let seen = last_writer(true).witnesses;
        assert!(seen.contains_key("One") && seen.contains_key("Other"), "{seen:?}");
    }
}

#[test]
fn four_threads_are_explored() {
    let add = |word: &AtomicU32| {
        word.fetch_add(1, Ordering::Relaxed);
    };
    let explored = Model::new("four", || AtomicU32::new(0))
        .thread("a", add)
        .thread("b", add)
        .thread("c", add)
        .thread("d", add)
        .at_end(|word| require(word.load(Ordering::Relaxed) == 4, "AllCounted"))
        .preemption_bound(1)
        .explore();
    explored.assert_holds();
    let bounded = explored.passes.iter().any(|pass| matches!(pass.extent, Extent::Bounded(_)));
    assert_eq!(bounded, ENGINE == Engine::Loom, "{explored}");
}

#[test]
#[should_panic(expected = "has 0 threads, but must have 1 to 4")]
fn a_model_without_threads_is_refused() {
    let _ = Model::new("nobody", || ()).explore();
}

#[test]
#[cfg(any(graceref_loom, graceref_shuttle))]
#[should_panic(expected = "The threads meet nowhere")]
fn threads_that_share_nothing_are_told() {
    // A std atomic is invisible; only the ends of the threads are steps.
    let word = |word: &std::sync::atomic::AtomicU32| {
        word.fetch_add(1, Ordering::Relaxed);
    };
    Model::new("apart", || std::sync::atomic::AtomicU32::new(0))
        .thread("one", word)
        .thread("other", word)
        .explore()
        .assert_holds();
}

#[test]
#[should_panic(expected = "Wrong broke")]
fn a_violation_fails_the_test_that_asserts() {
    let explored = Model::new("wrong", || ())
        .thread("one", |()| violated("Wrong", format_args!("always")))
        .explore();
    assert_eq!(explored.found("Wrong").map(|finding| finding.detail.as_str()), Some("always"));
    explored.assert_holds();
}

#[test]
#[should_panic(expected = "nothing is in this hand")]
fn a_hand_is_empty_after_it_was_taken_from() {
    let hand = model::Hand::holding(1);
    assert_eq!(hand.take(), 1);
    hand.take();
}
