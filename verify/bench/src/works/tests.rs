use super::reactor::served_by;
use super::{Random, WORKS, groups, sum_in_turn};
use crate::harness::{Budget, Crew, Group, Steps, Subject, THREADS, measure};
use crate::subjects::{Table, Value, maps, slabs};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Few, so that places are used again at once.
const LIVE: usize = 64;

#[test]
fn every_contender_of_every_work_gives_the_expected_check_sum() {
    let mut contenders = 0;
    for (work, _) in WORKS {
        for group in groups(work, LIVE) {
            let Some(expected) = &group.expected else { continue };
            for threads in THREADS {
                for subject in &group.subjects {
                    for (thread, steps) in (subject.make)(threads).iter_mut().enumerate() {
                        for count in [1, 7, 300] {
                            let name = format!("{} {work} {}", subject.name, group.variant);
                            assert_eq!(steps(count), expected(thread, count), "{name}, {threads}");
                        }
                    }
                    contenders += 1;
                }
            }
        }
    }
    assert!(contenders > 100, "{contenders}");
}

/// A table that cannot be wrong.
struct Model(Mutex<(u64, HashMap<u64, Value>)>);

impl Table for Model {
    const NAME: &'static str = "model";
    type Owned = ();

    fn new() -> Self {
        Model(Mutex::default())
    }

    fn insert(&self, value: Value) -> (u64, ()) {
        let (last, values) = &mut *self.0.lock().unwrap();
        *last += 1;
        values.insert(*last, value);
        (*last, ())
    }

    fn remove(&self, key: u64, (): ()) -> bool {
        self.0.lock().unwrap().1.remove(&key).is_some()
    }

    fn get(&self, key: u64) -> u64 {
        self.0.lock().unwrap().1.get(&key).map_or(0, Value::read)
    }
}

/// What the threads of a contender give when they take turns.
fn by_turns(subject: &Subject, threads: usize) -> Vec<u64> {
    let mut all = (subject.make)(threads);
    let mut turn = || all.iter_mut().map(|steps: &mut Steps| steps(500)).collect::<Vec<u64>>();
    (0..8).flat_map(|_| turn()).collect()
}

#[test]
fn every_table_finds_in_the_reactor_what_the_model_finds() {
    let model = served_by::<Model>(LIVE);
    for group in groups("reactor", LIVE) {
        assert!(group.subjects.len() >= 5);
        for threads in THREADS {
            let expected = by_turns(&model, threads);
            assert!(expected.iter().all(|&sum| sum > 0));
            for subject in &group.subjects {
                assert_eq!(by_turns(subject, threads), expected, "{} {threads}", subject.name);
            }
        }
    }
}

fn keys_die<T: Table>() {
    let table = T::new();
    let (old, owned) = table.insert(Value::new(7));
    assert_ne!(old, 0, "{}", T::NAME);
    assert_eq!(table.get(old), 7, "{}", T::NAME);
    assert!(table.remove(old, owned), "{}", T::NAME);
    assert_eq!(table.get(old), 0, "{}", T::NAME);
    let (new, _owned) = table.insert(Value::new(8));
    assert_ne!(new, old, "{}", T::NAME);
    assert_eq!((table.get(old), table.get(new)), (0, 8), "{}", T::NAME);
    assert_eq!(table.get(0), 0, "{}", T::NAME);
}

#[test]
fn a_stale_key_is_found_by_no_table() {
    keys_die::<crate::subjects::graceref::Keyed<::graceref::CasCount>>();
    keys_die::<crate::subjects::graceref::Keyed<::graceref::FileRefCount>>();
    keys_die::<crate::subjects::graceref::KeyedRcu>();
    keys_die::<slabs::Sharded>();
    keys_die::<slabs::Idr>();
    keys_die::<slabs::Locked>();
    keys_die::<maps::Dash>();
    keys_die::<maps::Papaya>();
    keys_die::<Model>();
}

const SHORT: Budget = Budget { rounds: 3, batch: Duration::from_micros(50) };

#[test]
fn a_group_is_measured_on_all_its_threads() {
    let group = groups("get", LIVE).remove(0);
    let mut rounds = 0;
    let measured = measure(&group, &mut Crew::new(), SHORT, || rounds += 1).unwrap();
    assert_eq!(rounds, 4, "one for the calibration");
    assert_eq!(measured.len(), group.subjects.len() * THREADS.len());
    for one in &measured {
        assert_eq!(one.rounds.len(), 3);
        assert!(one.rounds.iter().all(|round| round.ns > 0.0), "{} {:?}", one.subject, one.rounds);
    }
}

/// A group of one contender, which is to return its number of steps.
fn alone(steps: fn(u64) -> u64) -> Group {
    let make = move |threads| (0..threads).map(|_| Box::new(steps) as Steps).collect();
    Group {
        work: "get",
        variant: "alone".to_owned(),
        stretch: 1,
        subjects: vec![Subject { name: "idler", make: Box::new(make) }],
        expected: Some(Box::new(|_, steps| steps)),
    }
}

fn failure_of(steps: fn(u64) -> u64) -> Option<String> {
    let measured = measure(&alone(steps), &mut Crew::new(), SHORT, || ());
    measured.err().map(|failure| failure.to_string())
}

#[test]
fn a_contender_that_does_not_do_its_work_ends_the_run() {
    let honest = |steps| (0..steps).map(|_| std::hint::black_box(1)).sum();
    assert_eq!(failure_of(honest), None);
    let removed = failure_of(|steps| steps).unwrap();
    assert!(removed.contains("idler takes no time"), "{removed}");
    let idle = failure_of(|steps| steps.min(10)).unwrap();
    assert!(idle.contains("idler did not do its work"), "{idle}");
    let broken = failure_of(|steps| if steps > 20 { panic!("on purpose") } else { steps }).unwrap();
    assert!(broken.contains("idler panicked"), "{broken}");
}

#[test]
fn the_sum_in_turn_is_that_of_the_looks() {
    let numbers = [3, 5, 7, 11];
    for looks in 0..20_usize {
        let slow: u64 = (0..looks).map(|look| numbers[look % 4]).sum();
        assert_eq!(sum_in_turn(&numbers, looks as u64), slow);
    }
}

#[test]
fn random_numbers_stay_below_their_bound_and_reach_all() {
    let mut random = Random(1);
    let mut seen = [0; 10];
    for _ in 0..1000 {
        seen[usize::try_from(random.below(10)).unwrap()] += 1;
    }
    assert!(seen.iter().all(|&times| times > 50), "{seen:?}");
}
