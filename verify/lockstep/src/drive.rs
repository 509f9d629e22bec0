//! Runs a program under shuttle for as long as a driver has executions to ask for.

use crate::probe::{config, panic_text};
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Decides what runs next: shuttle's scheduler less what every one of this crate's has in common.
pub(crate) trait Driver {
    /// Chooses what the next execution is for; false when there is nothing left to do.
    fn begin(&mut self) -> bool;
    /// The task to run; `None` to end the execution where it is.
    fn decide(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId>;
    /// Before the next execution and after the last: what the previous one showed at its end.
    fn finish(&mut self);
    /// The program panicked.
    fn panicked(&mut self, text: &str);
}

/// Runs the program until the driver is done, and returns what `result` makes of it then.
pub(crate) fn drive<D: Driver + 'static, R>(
    driver: D,
    program: impl Fn() + Send + Sync + 'static,
    result: impl FnOnce(&mut D) -> R,
) -> R {
    let driver = Rc::new(RefCell::new(driver));
    let runner = shuttle::Runner::new(Driving(Rc::clone(&driver)), config());
    let ran = catch_unwind(AssertUnwindSafe(|| runner.run(program)));
    let mut driver = driver.borrow_mut();
    if let Err(panic) = ran {
        driver.panicked(panic_text(&*panic));
    }
    result(&mut driver)
}

struct Driving<D>(Rc<RefCell<D>>);

impl<D: Driver> Scheduler for Driving<D> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut driver = self.0.borrow_mut();
        driver.finish();
        driver.begin().then(|| Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId> {
        self.0.borrow_mut().decide(runnable, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// The choices on the way to where a depth-first search is.
#[derive(Default)]
pub(crate) struct Levels(Vec<Level>);

struct Level {
    choices: Vec<usize>,
    at: usize,
}

impl Levels {
    /// Whether nothing has been chosen yet at this depth.
    pub(crate) fn end_at(&self, depth: usize) -> bool {
        depth == self.0.len()
    }

    /// One level deeper: the first of these choices, and later the others.
    pub(crate) fn push(&mut self, choices: Vec<usize>) {
        self.0.push(Level { choices, at: 0 });
    }

    /// The choice at this depth.
    pub(crate) fn choice(&self, depth: usize) -> usize {
        let level = &self.0[depth];
        level.choices[level.at]
    }

    /// Moves on to the next path; false when there is none.
    pub(crate) fn backtrack(&mut self) -> bool {
        while let Some(level) = self.0.last_mut() {
            level.at += 1;
            if level.at < level.choices.len() {
                return true;
            }
            self.0.pop();
        }
        false
    }
}
