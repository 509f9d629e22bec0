//! The checkers are themselves checked: what each must find, and what each is known to be blind to.
//!
//! Each test runs the `scenario` binary of the engine that this build is for, one process a pass, as `cargo verify` does.

use serde_json::Value;
use std::process::Command;

/// Runs a pass, with a mutant of the code switched on if one is named.
fn run(scenario: &str, pass: &str, mutant: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_scenario"))
        .args(["run", scenario, "--pass", pass, "--budget", "quick"])
        .env("GRACEREF_MUTANT", mutant)
        .output()
        .expect("the scenario binary starts");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{scenario} {pass}: {error}\n{text}\n{}", String::from_utf8_lossy(&output.stderr))
    })
}

/// The properties that the pass found broken.
fn violations(record: &Value) -> Vec<&str> {
    let all = record["violations"].as_array().expect("a list");
    all.iter().map(|v| v["property"].as_str().expect("a name")).collect()
}

#[cfg(not(graceref_shuttle))]
fn witnesses(record: &Value) -> Vec<&str> {
    let all = record["witnesses"].as_array().expect("a list");
    all.iter().map(|v| v.as_str().expect("a name")).collect()
}

#[cfg(not(graceref_shuttle))]
fn executions(record: &Value) -> u64 {
    record["executions"].as_u64().expect("a number")
}

#[cfg(graceref_loom)]
mod loom {
    use super::*;

    #[test]
    fn the_native_pass_loses_an_interleaving_that_the_rmw_pass_finds() {
        let native = run("litmus-lost-load", "native", "");
        assert_eq!((executions(&native), witnesses(&native).len()), (1, 0));
        let rmw = run("litmus-lost-load", "rmw", "");
        assert_eq!(witnesses(&rmw), ["SawStore"]);
        assert!(executions(&rmw) > 1);
    }

    #[test]
    fn a_use_after_free_is_seen_because_a_free_is_a_write() {
        for pass in ["rmw", "native"] {
            assert_eq!(violations(&run("litmus-retire", pass, "")), ["NoUseAfterFree"], "{pass}");
        }
    }

    #[test]
    fn plain_loom_would_miss_that_use_after_free() {
        for pass in ["rmw", "native"] {
            let blind = run("litmus-no-retire", pass, "");
            assert_eq!(violations(&blind), [""; 0], "{pass}");
        }
    }

    #[test]
    fn a_bug_in_the_order_of_ghosts_is_beyond_loom() {
        let rmw = run("litmus-ghost-order", "rmw", "");
        assert_eq!((executions(&rmw), violations(&rmw).len()), (1, 0));
    }

    #[test]
    fn the_resurrected_file_is_found_by_both_passes() {
        for pass in ["rmw", "native"] {
            let found = run("epoll-2023", pass, "");
            assert!(violations(&found).contains(&"NoResurrect"), "{pass}: {found}");
        }
    }

    #[test]
    fn a_count_published_before_its_object_is_a_data_race() {
        let found = run("stash-active", "native", "pool.init_before_write");
        assert!(violations(&found).contains(&"NoDataRace"), "{found}");
    }
}

#[cfg(graceref_shuttle)]
mod shuttle {
    use super::*;
    use scenarios::{Budget, catalogue, shuttle_engine};
    use std::path::Path;

    #[test]
    fn a_bug_in_the_order_of_ghosts_is_found_by_the_state_cached_pass() {
        let found = run("litmus-ghost-order", "cached", "");
        assert_eq!(violations(&found), ["GhostOrder"]);
    }

    #[test]
    fn a_use_after_free_is_found_by_the_facades_own_cell() {
        let found = run("litmus-retire", "cached", "");
        assert_eq!(violations(&found), ["NoUseAfterFree"]);
        assert_eq!(violations(&run("litmus-no-retire", "cached", "")), [""; 0]);
    }

    #[test]
    fn the_shortest_way_to_the_resurrected_file_is_a_trace_of_real_code() {
        let found = run("epoll-2023", "cached", "");
        let traces = found["traces"].as_array().expect("a list");
        let resurrect = traces
            .iter()
            .find(|t| t["property"] == "NoResurrect")
            .expect("a trace to the property that broke");
        let steps: Vec<String> = resurrect["steps"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|s| format!("{:10} {}", s["name"].as_str().unwrap(), s["label"].as_str().unwrap()))
            .collect();
        insta::assert_snapshot!(steps.join("\n"));
    }

    /// The divergence that the mutant causes; its first lines say where and how.
    fn divergence(scenario: &str, mutant: &str) -> String {
        let record = run(scenario, "lockstep", mutant);
        let text = record["divergence"].as_str();
        // Line numbers move with every edit above them.
        let text = text.unwrap_or_else(|| panic!("{mutant} in {scenario} goes unnoticed"));
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(".rs:") {
            let (head, tail) = rest.split_at(at + 4);
            out.push_str(head);
            out.push_str("LINE");
            rest = tail.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
        }
        out + rest
    }

    #[test]
    fn a_skipped_second_look_diverges_at_the_step_that_is_missing() {
        insta::assert_snapshot!(divergence("stash-active", "stash.skip_recheck"));
    }

    #[test]
    fn two_steps_in_the_wrong_order_diverge_at_the_first_of_them() {
        insta::assert_snapshot!(divergence("stash-active", "pool.init_before_write"));
    }

    #[test]
    fn an_extra_step_diverges_where_it_stands() {
        insta::assert_snapshot!(divergence("stash-active", "stash.extra_look"));
    }

    #[test]
    fn the_code_without_the_fix_diverges_from_the_graph_with_it() {
        let scenario = catalogue::find("epoll-2023").expect("a scenario");
        let graph =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/graphs/epoll-2024.graph");
        let walked = shuttle_engine::lockstep(&scenario, Budget::Quick, &graph).expect("walkable");
        let text = walked.divergence.expect("the two differ");
        assert!(text.contains("wait_get_load"), "{text}");
        assert_eq!(walked.words["close_put"], (scenario.describe)("close_put"));
    }

    #[test]
    fn a_spec_whose_guard_is_dropped_diverges() {
        // The spec without the second look, the code with it.
        let scenario = catalogue::find("stash-active").expect("a scenario");
        let graph =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/graphs/stash-norecheck.graph");
        let walked = shuttle_engine::lockstep(&scenario, Budget::Quick, &graph).expect("walkable");
        assert!(walked.divergence.is_some());
    }
}

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
mod threads {
    use super::*;

    #[test]
    fn real_threads_find_the_resurrected_file() {
        let found = run("epoll-2023", "threads", "");
        assert!(violations(&found).contains(&"NoResurrect"), "{found}");
    }

    #[test]
    fn real_threads_find_nothing_in_the_fixed_code() {
        let found = run("epoll-2024", "threads", "");
        assert_eq!(violations(&found), [""; 0]);
        assert!(executions(&found) > 1, "{:?}", witnesses(&found));
    }

    #[test]
    fn a_pass_of_another_build_is_refused_with_the_way_to_it() {
        let output = Command::new(env!("CARGO_BIN_EXE_scenario"))
            .args(["run", "epoll-2023", "--pass", "cached"])
            .output()
            .expect("the scenario binary starts");
        assert!(!output.status.success());
        insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn an_unknown_scenario_is_refused_with_the_way_to_the_list() {
        let output = Command::new(env!("CARGO_BIN_EXE_scenario"))
            .args(["run", "epoll-1970", "--pass", "threads"])
            .output()
            .expect("the scenario binary starts");
        assert!(!output.status.success());
        insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr));
    }
}
