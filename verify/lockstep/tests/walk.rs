//! The walk says "same" of what is the same, and of nothing else.

mod common;
mod lookup;
mod steps;

use common::dumped;
use lockstep::graph::{Edge, Graph, State};
use lockstep::probe::Observation;
use lockstep::value::Value;
use lockstep::walk::{Options, Walk, WalkError, walk};
use lookup::{graph, program, window};
use steps::{Me, Window, Word, execute, readable};

/// No look beyond the edges.
fn edges_only() -> Options {
    Options { random: 0, blind_limit: 0, ..Options::default() }
}

fn report(found: &Walk) -> String {
    assert!(!found.same(), "it is the same");
    readable(&found.divergence.as_ref().expect("what is not the same is told").to_string())
}

#[test]
fn faithful_code_is_the_same() {
    for (getters, states, edges, paths) in [(1, 44, 57, 29), (2, 329, 520, 1350)] {
        let graph = graph(getters);
        assert_eq!(graph.stats().schedules.exact(), Some(paths));
        let options = Options { blind_limit: paths, ..Options::default() };
        let found = walk(&graph, options, window(getters), program(getters, "")).expect("it walks");
        assert!(found.same(), "{}", report(&found));
        assert_eq!((found.states, found.states_covered), (states, states));
        assert_eq!((found.edges, found.edges_covered), (edges, edges));
        assert_eq!((found.random_runs, found.extra_edges), (200, 0));
        assert_eq!(found.blind_runs.map(u128::from), Some(paths));
        assert!(found.runs <= (edges - states + 1) as u64, "{} runs", found.runs);
    }
}

#[test]
fn the_blind_search_has_a_limit() {
    let options = Options { blind_limit: 28, ..Options::default() };
    let found = walk(&graph(1), options, window(1), program(1, "")).expect("it can be walked");
    assert!(found.same());
    assert_eq!(found.blind_runs, None);
}

/// The graph after an edit, without what can no longer be reached.
fn edited(graph: &Graph, edit: impl FnOnce(&mut Vec<State>, &mut Vec<Edge>)) -> Graph {
    let (mut states, mut edges) = (graph.states().to_vec(), graph.edges().to_vec());
    edit(&mut states, &mut edges);
    let mut kept = vec![0];
    let mut next = 0;
    while next < kept.len() {
        let node = kept[next];
        for edge in edges.iter().filter(|edge| edge.from == node) {
            if !kept.contains(&edge.to) {
                kept.push(edge.to);
            }
        }
        next += 1;
    }
    let number = |old: usize| kept.iter().position(|&node| node == old);
    let edges = edges
        .into_iter()
        .filter_map(|e| Some(Edge { from: number(e.from)?, to: number(e.to)?, ..e }))
        .collect();
    let states = kept.iter().map(|&node| states[node].clone()).collect();
    let variables = graph.variables().to_vec();
    Graph::new("edited", "Lookup", variables, states, vec![0], edges).expect("the parts fit")
}

fn walked(graph: &Graph) -> Walk {
    walk(graph, edges_only(), window(1), program(1, "")).expect("it can be walked")
}

#[test]
fn no_edge_can_be_missing() {
    let graph = graph(1);
    let reports: Vec<String> = (0..graph.edges().len())
        .map(|nth| report(&walked(&edited(&graph, |_, edges| drop(edges.remove(nth))))))
        .collect();
    insta::assert_snapshot!(reports[7]);
}

/// The threads that stand elsewhere in the other state.
fn moved(graph: &Graph, from: usize, to: usize) -> Vec<&'static str> {
    let stands = |node, thread| graph.value(node, "pc").and_then(|pc| pc.field(thread).cloned());
    ["closer", "g1"].into_iter().filter(|t| stands(from, t) != stands(to, t)).collect()
}

#[test]
fn no_edge_can_be_too_many() {
    let graph = graph(1);
    let mut tried = 0;
    let mut told = Vec::new();
    for from in 0..graph.states().len() {
        let others = |to: &usize| {
            moved(&graph, from, *to).len() == 1
                && graph.successors(from).iter().all(|edge| edge.to != *to)
        };
        for to in (0..graph.states().len()).filter(others) {
            let mover = moved(&graph, from, to)[0];
            let with = edited(&graph, |_, edges| {
                let action = if mover == "g1" { "g_more" } else { "c_more" }.to_owned();
                edges.push(Edge { from, to, action, param: None });
            });
            let report = report(&walked(&with));
            let choice =
                graph.successors(from).iter().any(|e| moved(&graph, from, e.to)[0] == mover);
            if told.len() <= usize::from(choice) && report.contains("never does") == choice {
                told.push(report);
            }
            tried += 1;
        }
    }
    // The thread could not go on there, or could do something else.
    insta::assert_snapshot!(told.join("\n----\n\n"));
    assert!(tried > 200, "{tried} tried");
}

#[test]
fn no_value_can_be_wrong() {
    let graph = graph(1);
    let pc = graph.variable("pc");
    for node in 0..graph.states().len() {
        for variable in (0..graph.variables().len()).filter(|v| Some(*v) != pc) {
            let wrong = edited(&graph, |states, _| {
                states[node][variable] = Value::from("wrong");
            });
            let report = report(&walked(&wrong));
            let name = &graph.variables()[variable];
            assert!(report.contains(&format!("{name}: the spec has \"wrong\"")), "{report}");
        }
    }
}

#[test]
fn an_unobserved_variable_weakens_the_argument() {
    let hidden = |mutant: &'static str| {
        let unobserved = vec!["listed".to_owned()];
        let options = Options { unobserved, ..edges_only() };
        walk(&graph(1), options, window(1), program(1, mutant)).expect("it can be walked")
    };
    assert!(hidden("a variable is not shown").same());
    // What depends on the hidden value still shows, later.
    assert!(!hidden("a missing step").same());
}

#[test]
fn what_cannot_be_walked_is_told() {
    let graph = graph(1);
    let go = |graph: &Graph, window: Window, unobserved: &[&str]| {
        let unobserved = unobserved.iter().map(ToString::to_string).collect();
        let options = Options { unobserved, ..Options::default() };
        walk(graph, options, window, program(1, "")).expect_err("it cannot be walked").to_string()
    };
    let still = edited(&graph, |_, edges| {
        edges.push(Edge { from: 0, to: 0, action: "g_spin".to_owned(), param: None });
    });
    let first = graph.successors(0)[0].to;
    let both = graph.successors(first).iter().find(|e| moved(&graph, 0, e.to).len() == 2);
    let jump = edited(&graph, |_, edges| {
        let to = both.expect("two threads have moved after two steps").to;
        edges.push(Edge { from: 0, to, action: "both".to_owned(), param: None });
    });
    let single = common::chain(&[(0, "A", 1)]);
    let told = [
        go(&dumped("Starts"), window(1), &[]),
        go(&single, window(1), &[]),
        go(&still, window(1), &[]),
        go(&jump, window(1), &[]),
        go(&graph, window(2), &[]),
        go(&graph, Window::on(&["closer", "g1", "g1"]), &[]),
        go(&graph, window(1), &["conut"]),
    ];
    insta::assert_snapshot!(told.join("\n"));
    assert!(matches!(
        walk(&single, Options::default(), window(1), program(1, "")),
        Err(WalkError::NoPc { .. })
    ));
}

/// Two threads that wait for a lock in a loop, and give it back if they are faithful.
fn spin(faithful: bool) -> impl Fn() + Send + Sync {
    move || {
        let show = |w: &[Word; 2]| -> Observation {
            [("locked", w[0].is_set()), ("done", w[1].peek().into())]
                .map(|(name, value)| (name.to_owned(), value))
                .into()
        };
        execute(2, [Word::new(1, 0), Word::new(2, 0)], show, move |me: Me, w| {
            while !me.swap_if("try", &w[0], 0, 1) {
                me.load("pause", &w[0]);
            }
            me.add("work", &w[1], 1);
            if faithful {
                me.store("unlock", &w[0], 0);
            } else {
                me.lock("unlock", &w[0]);
            }
        });
    }
}

#[test]
fn a_graph_with_cycles_is_walked() {
    let workers = Window::on(&["1", "2"]);
    let found = walk(&dumped("Spin"), Options::default(), workers, spin(true)).expect("it walks");
    assert!(found.same(), "{}", report(&found));
    assert_eq!((found.states, found.edges_covered, found.blind_runs), (18, 26, None));
}

#[test]
fn a_livelock_is_walked() {
    // The spec's second worker never gets the lock back that the first never gives.
    let spin_graph = dumped("Spin");
    let stuck = edited(&spin_graph, |_, edges| edges.retain(|edge| edge.action != "unlock"));
    let options = Options { random: 5, ..Options::default() };
    let found = walk(&stuck, options, Window::on(&["1", "2"]), spin(false)).expect("it walks");
    assert!(found.same(), "{}", report(&found));
}

#[test]
fn threads_may_wait_for_each_other_between_steps() {
    let program = |first: usize| {
        move || {
            let show = |w: &(Word, Word)| Observation::from([("n".to_owned(), w.0.peek().into())]);
            execute(2, (Word::new(1, 0), Word::new(2, 0)), show, move |me: Me, w| {
                if me.0 == first {
                    w.1.poke(1);
                }
                // No step: the spec knows nothing of it.
                while w.1.peek() == 0 {
                    shuttle::thread::yield_now();
                }
                me.add("add", &w.0, 1);
                // A helper is nobody's step either.
                shuttle::thread::spawn(shuttle::thread::yield_now);
            });
        }
    };
    let pc = |a: &str, b: &str| Value::record([("a", a), ("b", b)]);
    let states = vec![
        vec![0.into(), pc("add", "add")],
        vec![1.into(), pc("Done", "add")],
        vec![1.into(), pc("add", "Done")],
        vec![2.into(), pc("Done", "Done")],
    ];
    let edges = [(0, 1), (0, 2), (1, 3), (2, 3)];
    let edges = edges.map(|(from, to)| common::edge(from, "add", to)).into();
    let variables = vec!["n".to_owned(), "pc".to_owned()];
    let graph = Graph::new("add", "Add", variables, states, vec![0], edges).expect("it fits");
    for first in [0, 1] {
        let found = walk(&graph, Options::default(), Window::on(&["a", "b"]), program(first))
            .expect("it can be walked");
        assert!(found.same(), "{}", report(&found));
    }
}

#[test]
fn a_program_without_a_step_is_walked() {
    let pc = Value::record([("a", "Done"), ("b", "Done")]);
    let graph = Graph::new("none", "None", vec!["pc".to_owned()], vec![vec![pc]], vec![0], vec![])
        .expect("it fits");
    let program = || execute(2, (), |()| Observation::new(), |_, ()| ());
    let found =
        walk(&graph, Options::default(), Window::on(&["a", "b"]), program).expect("it walks");
    assert!(found.same());
    assert_eq!((found.states_covered, found.runs, found.blind_runs), (1, 1, Some(1)));
    let program = || {
        let nothing = |_: &Word| Observation::new();
        execute(2, Word::new(1, 0), nothing, |me, w| drop(me.add("l", w, 1).to_string()));
    };
    let found =
        walk(&graph, Options::default(), Window::on(&["a", "b"]), program).expect("it walks");
    assert!(report(&found).contains("a: the spec is done, the code before l"));
}
