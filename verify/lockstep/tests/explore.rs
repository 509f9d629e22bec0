//! The exploration looks at every interleaving, and finds what only one of them shows.

mod steps;

use lockstep::divergence::race;
use lockstep::explore::{DEADLOCK, Exploration, LONGEST, explore};
use lockstep::probe::Observation;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use steps::{Me, Window, Word, execute, record};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// For each thread, the objects that it accesses, in order.
type Script = Vec<Vec<u64>>;

fn run(script: &Script, limit: u64) -> Exploration {
    let script = script.clone();
    let window = Window::on(&NAMES[..script.len()]);
    explore(window, limit, move || {
        let words: Vec<Word> = (0..3).map(|id| Word::new(id, 0)).collect();
        let world = (words, script.clone());
        let nothing = |_: &(Vec<Word>, Script)| Observation::new();
        execute(world.1.len(), world, nothing, |me: Me, (words, script)| {
            for object in &script[me.0] {
                me.load("step", &words[usize::try_from(*object).expect("it is small")]);
            }
        });
    })
}

/// What each thread has found at each of its accesses: the how-manieth access to the object it was.
type History = Vec<Vec<usize>>;

/// Every interleaving, one after the other: the histories of all beginnings, and of the whole executions.
fn by_hand(script: &Script) -> (BTreeSet<History>, BTreeSet<History>) {
    fn go(
        script: &Script,
        at: &History,
        all: &mut BTreeSet<History>,
        whole: &mut BTreeSet<History>,
    ) {
        all.insert(at.clone());
        let mut ended = true;
        for (thread, steps) in script.iter().enumerate() {
            let Some(object) = steps.get(at[thread].len()) else { continue };
            ended = false;
            let done = script.iter().zip(at).flat_map(|(steps, done)| &steps[..done.len()]);
            let mut next = at.clone();
            next[thread].push(done.filter(|o| *o == object).count());
            go(script, &next, all, whole);
        }
        if ended {
            whole.insert(at.clone());
        }
    }
    let (mut all, mut whole) = (BTreeSet::new(), BTreeSet::new());
    go(script, &vec![Vec::new(); script.len()], &mut all, &mut whole);
    (all, whole)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn every_order_that_matters_is_run_and_no_other(
        script in prop::collection::vec(prop::collection::vec(0..3_u64, 0..4), 1..4)
    ) {
        let (states, classes) = by_hand(&script);
        let found = run(&script, u64::MAX);
        prop_assert!(found.complete);
        prop_assert_eq!(found.classes.len(), classes.len());
        prop_assert_eq!(found.states, states.len() as u64);
        // Each ends at a state that was seen or in one that ends the program.
        let ends = found.edges + 1 - found.states + found.classes.len() as u64;
        prop_assert_eq!(found.executions, ends);
    }
}

#[test]
fn a_limit_ends_the_search() {
    let script = vec![vec![0, 0], vec![0, 0]];
    let needed = run(&script, u64::MAX).executions;
    assert!(run(&script, needed).complete);
    let cut = run(&script, needed - 1);
    assert!(!cut.complete);
    assert_eq!(cut.executions, needed - 1);
    assert_eq!(run(&script, 0).executions, 0);
}

/// The execution that shows it, as a diagram.
fn shown(found: &Exploration, name: &str) -> String {
    let finding = &found.found[name];
    let threads: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
    race(name, &threads, &finding.initial, &finding.trace, name).to_string()
}

#[test]
fn a_violation_is_found_with_a_shortest_execution() {
    let found = explore(Window::on(&NAMES), u64::MAX, || {
        let show = |w: &Word| Observation::from([("n".to_owned(), w.peek().into())]);
        execute(3, Word::new(1, 0), show, |me: Me, w| {
            // A lost update.
            let n = me.load("read", w);
            me.store("write", w, n + 1);
            let now = me.load("look", w);
            if now > 1 {
                record("Two", false);
            }
            if now <= n {
                record("Lost", true);
            }
        });
    });
    assert!(found.complete);
    assert_eq!(found.found.keys().collect::<Vec<_>>(), ["Lost", "Two"]);
    assert!(found.found["Lost"].violation && !found.found["Two"].violation);
    insta::assert_snapshot!(["Lost", "Two"].map(|name| shown(&found, name)).join("\n"));
}

#[test]
fn a_deadlock_is_found() {
    let found = explore(Window::on(&NAMES[..2]), u64::MAX, || {
        let show = |w: &[Word; 2]| {
            Observation::from([("l".to_owned(), w[0].is_set()), ("m".to_owned(), w[1].is_set())])
        };
        execute(2, [Word::new(1, 0), Word::new(2, 0)], show, |me: Me, w| {
            let (first, second) = (&w[me.0], &w[1 - me.0]);
            me.lock("lock", first);
            me.lock("lock_other", second);
            me.store("unlock_other", second, 0);
            me.store("unlock", first, 0);
        });
    });
    assert!(found.complete);
    assert!(found.found[DEADLOCK].violation);
    assert_eq!(found.classes.len(), 2, "the ones that end");
    insta::assert_snapshot!(shown(&found, DEADLOCK));
}

#[test]
fn an_order_that_only_a_ghost_sees_is_found() {
    // Two steps on different objects: one class, but the ghost knows who came first.
    let with = |observed: bool| {
        explore(Window::on(&NAMES[..2]), u64::MAX, move || {
            let show = move |w: &[Word; 3]| -> Observation {
                let ghost = ("first".to_owned(), w[2].peek().into());
                observed.then_some(ghost).into_iter().collect()
            };
            let world = [Word::new(1, 0), Word::new(2, 0), Word::new(3, 0)];
            execute(2, world, show, |me: Me, w| {
                me.store("own", &w[me.0], 1);
                if w[2].peek() == 0 {
                    w[2].poke(1 + i64::try_from(me.0).expect("it is small"));
                }
                me.store("own_again", &w[me.0], 2);
                if me.0 == 0 && w[2].peek() == 2 {
                    record("BFirst", true);
                }
            });
        })
    };
    let found = with(true);
    assert_eq!(found.classes.len(), 1);
    assert!(found.found["BFirst"].violation);
    assert_eq!(found.found["BFirst"].trace.len(), 3);
    assert!(with(true).executions > with(false).executions);
}

#[test]
fn an_execution_without_end_ends_the_search() {
    let runs = AtomicU64::new(0);
    let found = explore(Window::on(&NAMES[..2]), u64::MAX, move || {
        runs.fetch_add(1, SeqCst);
        execute(
            2,
            Word::new(1, 0),
            |_| Observation::new(),
            |me: Me, w| {
                if me.0 == 0 {
                    while me.load("wait", w) == 0 {}
                } else {
                    me.store("go", w, 1);
                }
            },
        );
    });
    assert!(!found.complete);
    assert_eq!((found.executions, found.edges), (1, 2 * LONGEST as u64));
}

#[test]
fn a_panic_is_told_with_the_execution() {
    let panic = catch_unwind(|| {
        explore(Window::on(&NAMES[..2]), u64::MAX, || {
            let show = |w: &Word| Observation::from([("n".to_owned(), w.peek().into())]);
            execute(2, Word::new(1, 0), show, |me: Me, w| {
                assert!(me.0 == 1 || me.add("add", w, 1) == 0, "not the first");
                me.add("add", w, 1);
            });
        })
    });
    let text = panic.expect_err("it panics").downcast::<String>().expect("it is a text");
    insta::assert_snapshot!(text);
}
