//! The window through which lockstep looks at a running scenario.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::{Local, model};
use lockstep::probe::{Event, Observation, Position, Probe};
use lockstep::value::Value;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static WORLD: RefCell<Option<Arc<dyn World>>> = const { RefCell::new(None) };
}

/// Shows the world that [`program`] made last.
pub struct Window {
    threads: Vec<String>,
    locals: Vec<Locals>,
    hidden: Vec<&'static str>,
}

impl Window {
    /// A window on this scenario's worlds.
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            threads: scenario.cast.threads.iter().map(|&name| name.to_owned()).collect(),
            locals: scenario.locals.clone(),
            hidden: scenario.unobserved.iter().map(|&(name, _)| name).collect(),
        }
    }

    fn local(&self, local: &Locals, roles: &[model::Role]) -> Value {
        let value = |name: &str| {
            let thread = self.threads.iter().position(|t| t == name);
            let now = thread.and_then(|i| roles[i].locals.get(local.code));
            match now.copied().unwrap_or(local.initial) {
                Local::Int(n) => Value::Int(n),
                Local::Bool(b) => Value::Bool(b),
                Local::Str(s) => Value::from(s),
            }
        };
        Value::function(local.threads.iter().map(|&name| (Value::from(name), value(name))))
    }
}

impl Probe for Window {
    fn positions(&self) -> Vec<Position> {
        let position = |role: &model::Role| match &role.pending {
            Some(pending) => Position::At {
                label: pending.label,
                enabled: pending.enabled(),
                location: pending.location.to_string(),
            },
            None if role.done => Position::Done,
            None => Position::Running,
        };
        model::roles(|roles| roles.iter().map(position).collect())
    }

    fn observe(&self) -> Observation {
        let mut show = Show::default();
        WORLD.with_borrow(|world| {
            if let Some(world) = world {
                world.show(&mut show);
            }
        });
        model::roles(|roles| {
            for local in &self.locals {
                show.is(local.name, self.local(local, roles));
            }
        });
        show.0.retain(|name, _| !self.hidden.contains(&name.as_str()));
        show.0
    }

    fn choose(&self, thread: usize) {
        model::choose(thread);
    }

    fn stop(&self) {
        model::stop();
    }

    fn class(&self) -> u64 {
        model::class()
    }

    fn events(&self) -> Vec<Event> {
        let event = |e: model::Event| Event {
            name: e.name.to_owned(),
            violation: e.violation,
            step: e.step,
        };
        model::events().into_iter().map(event).collect()
    }

    fn threads(&self) -> Vec<String> {
        self.threads.clone()
    }
}

/// One execution of the cast: makes the world, spawns the threads, and is thread 0.
pub fn program(cast: &Cast) {
    finish();
    model::begin(cast.threads.len());
    let world = (cast.make)();
    WORLD.set(Some(Arc::clone(&world)));
    model::start();
    for thread in 1..cast.threads.len() {
        let world = Arc::clone(&world);
        let handle = shuttle::thread::spawn(move || role(&*world, thread));
        // A dropped handle would detach the thread, and detached threads may be cut short.
        std::mem::forget(handle);
    }
    role(&*world, 0);
}

/// Lets the last world go, with its execution declared over: its destructors are no steps of the next one.
pub fn finish() {
    model::stop();
    WORLD.take();
}

fn role(world: &dyn World, thread: usize) {
    model::enter(thread);
    world.run(thread);
    if model::leave(thread) {
        world.at_end();
    }
}
