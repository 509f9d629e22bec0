//! Every state that calls lead to, breadth-first.

use lifetimes::epoll_api::{Name, Proc, State, System};
use std::collections::HashMap;

/// The graph of a system: states in the order in which they are found, so that the first of a kind is a nearest.
pub(super) struct Search {
    pub(super) states: Vec<State>,
    /// From and to; the call is that of the state after it.
    pub(super) edges: Vec<(usize, usize)>,
    /// The state that each was first reached from.
    before: Vec<Option<usize>>,
}

impl Search {
    pub(super) fn of(system: &System) -> Search {
        let first = system.first();
        let mut numbers = HashMap::from([(first.clone(), 0)]);
        let mut search = Search { states: vec![first], edges: Vec::new(), before: vec![None] };
        let mut node = 0;
        while node < search.states.len() {
            for state in system.next(&search.states[node]) {
                let fresh = search.states.len();
                let to = *numbers.entry(state.clone()).or_insert(fresh);
                if to == fresh {
                    search.states.push(state);
                    search.before.push(Some(node));
                }
                search.edges.push((node, to));
            }
            node += 1;
        }
        search
    }

    /// The states on a shortest way to this one, from the first on.
    pub(super) fn way_to(&self, node: usize) -> Vec<usize> {
        let mut way: Vec<usize> =
            std::iter::successors(Some(node), |&node| self.before[node]).collect();
        way.reverse();
        way
    }

    /// Programs that make every call in every state. The call is made last, and then everyone waits once more, each
    /// first in one program: two ways to a state of the model may lead to different ones of the kernel, and so they
    /// show.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))] // only the kernel plays them
    pub(super) fn programs(&self) -> Vec<Vec<usize>> {
        let mut starts = vec![0; self.states.len() + 1];
        for &(from, _) in &self.edges {
            starts[from + 1] += 1;
        }
        for node in 0..self.states.len() {
            starts[node + 1] += starts[node];
        }
        let waits = |node: usize| -> Vec<usize> {
            let next = self.edges[starts[node]..starts[node + 1]].iter().map(|&(_, to)| to);
            next.filter(|&to| self.made(to).is_some_and(|(_, name)| name == Name::EpollWait))
                .collect()
        };
        let mut programs = Vec::new();
        for &(from, to) in &self.edges {
            let count = waits(to).len();
            for first in 0..count.max(1) {
                let mut way = self.way_to(from);
                way.push(to);
                let mut node = to;
                for turn in 0..count {
                    let next = waits(node);
                    // The program may be over: then nobody waits.
                    let Some(&wait) = next.get((first + turn) % count) else { break };
                    way.push(wait);
                    node = wait;
                }
                programs.push(way);
            }
        }
        programs
    }

    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    fn made(&self, node: usize) -> Option<(Proc, Name)> {
        self.states[node].call.made
    }
}
