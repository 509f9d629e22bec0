//! Runs models, two processes at a time.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Instant;

use crate::graph;
use crate::load::MODELS;
use crate::model::{Model, Question};
use crate::outcome::{Found, Outcome, Pins};
use crate::output::Output;
use crate::pin;
use crate::process;
use crate::tools::Tools;
use crate::trace::Trace;
use crate::translate::{self, Build};
use crate::verdict;

/// How to run.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The project root: `spec` and `target` are in it.
    pub root: &'a Path,
    /// Write numbers and graphs instead of complaining about them.
    pub update: bool,
    /// Processes at once.
    pub jobs: usize,
    /// Called on the thread that called [`run`].
    pub progress: &'a dyn Fn(Event<'_>),
}

impl<'a> Options<'a> {
    /// Compares, two processes at once.
    pub fn new(root: &'a Path, progress: &'a dyn Fn(Event<'_>)) -> Self {
        Self { root, update: false, jobs: 2, progress }
    }
}

/// What happens during a run.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The PlusCal translator starts on a module.
    Translating {
        /// The module.
        module: &'a str,
    },
    /// TLC starts on a model.
    Started {
        /// The model.
        name: &'a str,
    },
    /// Counts so far: about once a minute, and once when the search ends.
    Progress {
        /// The model.
        name: &'a str,
        /// Distinct states so far.
        distinct: u64,
        /// States not yet looked at.
        left: u64,
    },
    /// A model is decided.
    Finished(&'a Outcome),
}

/// An event on its way to the calling thread.
enum News {
    Translating(String),
    Started(String),
    Progress(String, u64, u64),
    Finished(usize, Box<Outcome>),
    Translated(String, Result<String, String>),
}

/// Runs the models and gives one outcome for each, in the same order. Whatever goes wrong is in the
/// outcomes: a module that is not PlusCal is an error of each model that stands on it.
///
/// TLC's words are kept in `target/spec/log/NAME.out`. In update mode, numbers of models whose verdict
/// is the expected one are written into `spec/models.toml`.
pub fn run(models: &[Model], tools: &Tools, options: &Options<'_>) -> Vec<Outcome> {
    let Options { root, update, .. } = *options;
    let log = |model: &Model| root.join("target/spec/log").join(format!("{}.out", model.name));
    let build =
        std::fs::create_dir_all(root.join("target/spec/log")).and_then(|()| Build::copy(root));
    let mut build = match build {
        Ok(build) => build,
        Err(error) => {
            let why = format!("the modules cannot be copied into target/spec: {error}");
            return models.iter().map(|m| Outcome::error(m, log(m), why.clone())).collect();
        }
    };
    translate_all(models, tools, options, &mut build);

    let mut outcomes: HashMap<usize, Outcome> = HashMap::new();
    let work = by_cost(models);
    let build = &build;
    in_parallel(
        options.jobs,
        &work,
        |index, news| {
            let model = &models[*index];
            let _ = news.send(News::Started(model.name.clone()));
            let asked = Asked { model, tools, root, update, build };
            let outcome = decide(&asked, log(model), news);
            let _ = news.send(News::Finished(*index, Box::new(outcome)));
        },
        |news| match news {
            News::Started(name) => (options.progress)(Event::Started { name: &name }),
            News::Progress(name, distinct, left) => {
                (options.progress)(Event::Progress { name: &name, distinct, left });
            }
            News::Finished(index, outcome) => {
                (options.progress)(Event::Finished(&outcome));
                outcomes.insert(index, *outcome);
            }
            News::Translating(_) | News::Translated(..) => {}
        },
    );
    let lost = |model: &Model| Outcome::error(model, log(model), "the run was lost".to_owned());
    let mut outcomes: Vec<Outcome> = models
        .iter()
        .enumerate()
        .map(|(index, model)| outcomes.remove(&index).unwrap_or_else(|| lost(model)))
        .collect();
    if update {
        write_pins(root, &mut outcomes);
    }
    outcomes
}

/// The models that take long first, so that none is left alone at the end.
fn by_cost(models: &[Model]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..models.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(models[*index].distinct.unwrap_or(0)));
    order
}

fn translate_all(models: &[Model], tools: &Tools, options: &Options<'_>, build: &mut Build) {
    let reached: BTreeSet<String> = models.iter().flat_map(|m| build.reach(&m.module)).collect();
    let (pluscal, plain): (Vec<String>, Vec<String>) =
        reached.into_iter().partition(|module| build.needs_translation(module));
    for module in plain {
        build.untranslated(&module);
    }
    let folder = build.folder().to_owned();
    let mut made = Vec::new();
    in_parallel(
        options.jobs,
        &pluscal,
        |module, news| {
            let _ = news.send(News::Translating(module.clone()));
            let text = translate::translate(tools, &folder, module);
            let _ = news.send(News::Translated(module.clone(), text));
        },
        |news| match news {
            News::Translating(module) => {
                (options.progress)(Event::Translating { module: &module });
            }
            News::Translated(module, text) => made.push((module, text)),
            News::Started(_) | News::Progress(..) | News::Finished(..) => {}
        },
    );
    for (module, text) in made {
        build.translated(&module, text);
    }
}

/// Works on the items with some threads and hears their news on this one.
fn in_parallel<T: Sync>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T, &mpsc::Sender<News>) + Sync,
    mut hear: impl FnMut(News),
) {
    let queue = Mutex::new(items.iter());
    let next = || queue.lock().map_or(None, |mut items| items.next());
    let (sender, news) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some(item) = next() {
                    work(item, &sender);
                }
            });
        }
        drop(sender);
        for event in news {
            hear(event);
        }
    });
}

/// A model and all that is needed to decide it.
struct Asked<'a> {
    model: &'a Model,
    tools: &'a Tools,
    root: &'a Path,
    update: bool,
    build: &'a Build,
}

fn decide(asked: &Asked<'_>, log: PathBuf, news: &mpsc::Sender<News>) -> Outcome {
    let Asked { model, tools, root, update, build } = *asked;
    if let Some(why) = build.failure(&model.module) {
        return Outcome::error(model, log, why.to_owned());
    }
    // TLC takes a value for a constant that is nowhere declared without a word.
    for constant in model.constants.keys() {
        if !build.mentions(&model.module, constant) {
            let why = format!(
                "{MODELS}:{}: there is no constant `{constant}` in {}.tla",
                model.line, model.module
            );
            return Outcome::error(model, log, why);
        }
    }
    let start = Instant::now();
    let said = process::tlc(tools, build.folder(), model, &log, |counts| {
        let _ = news.send(News::Progress(model.name.clone(), counts.distinct, counts.left));
    });
    let said = match said {
        Ok(said) => said,
        Err(error) => return Outcome::error(model, log, format!("TLC does not run: {error}")),
    };
    let mut outcome = Outcome::empty(model, log);
    outcome.seconds = start.elapsed().as_secs_f64();
    let output = Output::parse(&said.text);
    outcome.found = verdict::found(model, &build.places, &output, &said);
    if let Some(counts) = output.counts() {
        outcome.distinct = Some(counts.distinct);
        outcome.generated = Some(counts.generated);
        outcome.complete = outcome.found == Found::Holds;
    }
    outcome.depth = output.depth();
    match Trace::read(&output, &build.places, &build.variables(&model.module)) {
        Ok(trace) => outcome.trace = trace,
        Err(why) => outcome.problems.push(why),
    }
    if model.question == Question::Graph && outcome.found == Found::Holds {
        graph::compare(root, build.folder(), model, &mut outcome, update);
    }
    outcome.judge(model, &output.coverage(), update);
    outcome
}

/// Writes the numbers of all outcomes at once, so that a run that is stopped leaves the file whole.
fn write_pins(root: &Path, outcomes: &mut [Outcome]) {
    let path = root.join(MODELS);
    let pins: Vec<(&str, &Pins)> = outcomes
        .iter()
        .filter(|outcome| outcome.pins != Pins::default())
        .map(|outcome| (outcome.name.as_str(), &outcome.pins))
        .collect();
    if pins.is_empty() {
        return;
    }
    let written = std::fs::read_to_string(&path)
        .map_err(|error| error.to_string())
        .and_then(|text| pin::pin(&text, &pins))
        .and_then(|text| std::fs::write(&path, text).map_err(|error| error.to_string()));
    if let Err(why) = written {
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.pins != Pins::default()) {
            outcome.problems.push(format!("{MODELS} cannot be written: {why}"));
        }
    }
}
