//! What the code remembers and the spec does not: what of it the walk sees, and how.

mod common;
mod steps;

use lockstep::graph::{Edge, Graph};
use lockstep::probe::Observation;
use lockstep::value::Value;
use lockstep::walk::{Options, Walk, walk};
use std::sync::Mutex;
use steps::{Me, Window, Word, execute, readable};

const LABELS: [[&str; 3]; 2] = [["a1", "a2", "Done"], ["b1", "b2", "Done"]];

/// Two threads of two steps each, in any order; the last step leaves one of these values in `x`.
fn grid(last: &[i64]) -> Graph {
    let mut states = Vec::new();
    let mut edges = Vec::new();
    let number = |a: usize, b: usize| 3 * a + b;
    for (a, b) in (0..9).map(|n| (n / 3, n % 3)) {
        let pc = Value::record([("a", LABELS[0][a]), ("b", LABELS[1][b])]);
        if (a, b) == (2, 2) {
            states.extend(last.iter().map(|&x| vec![pc.clone(), x.into()]));
        } else {
            states.push(vec![pc, 0.into()]);
        }
        for (to, label) in [((a + 1, b), LABELS[0][a]), ((a, b + 1), LABELS[1][b])] {
            let ends = if to == (2, 2) { last.len() } else { 1 };
            if to.0 < 3 && to.1 < 3 {
                edges.extend((0..ends).map(|end| Edge {
                    from: number(a, b),
                    to: number(to.0, to.1) + end,
                    action: label.to_owned(),
                    param: None,
                }));
            }
        }
    }
    let variables = vec!["pc".to_owned(), "x".to_owned()];
    Graph::new("grid", "Grid", variables, states, vec![0], edges).expect("the parts fit")
}

struct World {
    word: Word,
    x: Word,
    order: Mutex<String>,
}

/// The code of the grid, which remembers the order of all steps; `last` is what the last step makes of it.
fn run(
    graph: &Graph,
    options: Options,
    last: impl Fn(&str) -> i64 + Copy + Send + Sync + 'static,
) -> Walk {
    let program = move || {
        let world = World { word: Word::new(1, 0), x: Word::new(2, 0), order: Mutex::default() };
        let show = |w: &World| Observation::from([("x".to_owned(), w.x.peek().into())]);
        execute(2, world, show, move |me: Me, w| {
            for label in &LABELS[me.0][..2] {
                me.load(label, &w.word);
                let mut order = w.order.lock().expect("nobody panics");
                order.push_str(&label[..1]);
                if order.len() == 4 {
                    w.x.poke(last(&order));
                }
            }
        });
    };
    walk(graph, options, Window::on(&["a", "b"]), program).expect("it can be walked")
}

const ORDERS: [&str; 6] = ["aabb", "abab", "abba", "baab", "baba", "bbaa"];

#[test]
fn covering_may_miss_a_memory_and_whole_schedules_find_it() {
    let graph = grid(&[0]);
    let edges_only = Options { random: 0, blind_limit: 0, ..Options::default() };
    let found = |options: &Options| -> Vec<&str> {
        let finds = |wrong: &&&'static str| {
            let wrong: &'static str = wrong;
            !run(&graph, options.clone(), move |order| (order == wrong).into()).same()
        };
        ORDERS.iter().filter(finds).copied().collect()
    };
    // The limit of the method: a way to a state says nothing of the other ways to it.
    assert_eq!(found(&edges_only), ["aabb", "abba", "baab", "bbaa"]);
    assert_eq!(found(&Options { random: 100, ..edges_only.clone() }), ORDERS);
    assert_eq!(found(&Options { blind_limit: 6, ..edges_only }), ORDERS);
}

#[test]
fn a_choice_that_the_code_makes_by_its_memory_shows_in_the_number_of_schedules() {
    let graph = grid(&[0, 1]);
    assert_eq!(graph.stats().schedules.exact(), Some(12));
    let options = Options { random: 100, ..Options::default() };
    let found = run(&graph, options, |order| order.starts_with('a').into());
    assert_eq!((found.edges_covered, found.edges), (14, 14));
    assert!(!found.same());
    insta::assert_snapshot!(found.divergence.expect("the numbers differ"));
}

#[test]
fn a_choice_that_the_code_never_makes_is_told() {
    let found = run(&grid(&[0, 1]), Options::default(), |_| 1);
    assert!(!found.same());
    insta::assert_snapshot!(found.divergence.expect("it is told"));
}

#[test]
fn states_that_the_observation_does_not_tell_apart_are_told() {
    let options = Options { unobserved: vec!["x".to_owned()], ..Options::default() };
    let program = || {
        execute(
            2,
            Word::new(1, 0),
            |_| Observation::new(),
            |me: Me, w| {
                for label in &LABELS[me.0][..2] {
                    me.load(label, w);
                }
            },
        );
    };
    let window = || Window::on(&["a", "b"]);
    let found = walk(&grid(&[0, 1]), options.clone(), window(), program).expect("it can be walked");
    insta::assert_snapshot!(readable(&found.divergence.expect("it is told").to_string()));
    let found = walk(&grid(&[0]), options, window(), program).expect("it can be walked");
    assert!(found.same());
}

#[test]
fn a_wait_that_the_probe_does_not_know_of_is_told() {
    let program = || {
        let world = (Word::new(1, 0), shuttle::sync::Mutex::new(()));
        let show = |_: &(Word, _)| Observation::from([("x".to_owned(), 0.into())]);
        execute(2, world, show, |me: Me, (word, mutex)| {
            let label = LABELS[me.0];
            if me.0 == 0 {
                let _held = mutex.lock().expect("nobody panics");
                me.load(label[0], word);
                me.load(label[1], word);
            } else {
                me.stand(label[0]);
                let _held = mutex.lock().expect("nobody panics");
                me.load(label[1], word);
            }
        });
    };
    let found = walk(&grid(&[0]), Options::default(), Window::on(&["a", "b"]), program)
        .expect("it can be walked");
    insta::assert_snapshot!(readable(&found.divergence.expect("it is told").to_string()));
}
