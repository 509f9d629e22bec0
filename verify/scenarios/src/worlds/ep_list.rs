//! A file is closed while an `EPOLL_CTL_ADD` has the head of its items on the list of paths to check.
//!
//! Spec: `spec/EpList.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::violated;
use lifetimes::ep_list::{Fix, PathCheck};

impl World for PathCheck {
    fn run(&self, thread: usize) {
        if thread == 0 { self.add() } else { self.close() }
    }

    fn show(&self, show: &mut Show) {
        for (name, is) in self.raw() {
            show.is(name, is);
        }
        for (name, number) in self.raw_numbers() {
            show.is(name, number);
        }
    }

    fn at_end(&self) {
        let numbers = self.raw_numbers().map(|(_, number)| number);
        // A head that was unlisted without a look at it keeps its mark, and is free.
        let left = |&(name, is): &(&str, bool)| is && !["listed", "uaf", "strange"].contains(&name);
        if numbers != [0, 2, 1, 1] || self.raw().iter().any(left) {
            violated("NothingLeft", format_args!("{numbers:?} {:?} at the end", self.raw()));
        }
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "fd" => "the system call finds its descriptor",
        "add_mtx" => "ep_loop_check_proc(): mutex_lock(&nested->mtx)",
        "list_get_load" => "list_file(): read f_count",
        "list_get_cas" => "cmpxchg f_count, not from zero",
        "list_link" => "list_file(): head->next = tfile_check_list",
        "add_mtx_unlock" | "mtx_unlock" => "mutex_unlock(&nested->mtx)",
        "rcu_lock" => "clear_tfile_check_list(): rcu_read_lock()",
        "unlist_first" => "unlist_file(): hlist_first_rcu(&head->epitems)",
        "unlist_lock" => "  spin_lock(&epi->ffd.file->f_lock), head->next = NULL",
        "unlist_unlock" => "  spin_unlock(&epi->ffd.file->f_lock)",
        "head_free" => "free_ephemeral(head)",
        "rcu_unlock" => "rcu_read_unlock()",
        "put" => "fput(file)",
        "fast_path" => "__fput(): eventpoll_release()",
        "mtx_lock" => "eventpoll_release_file(): mutex_lock(&nested->mtx)",
        "lock" => "  spin_lock(&file->f_lock)",
        "clear" => "  file->f_ep = NULL, head->next",
        "unlink" => "  hlist_del_rcu(&epi->fllink)",
        "unlock" => "  spin_unlock(&file->f_lock)",
        "erase" => "rb_erase(), kfree_rcu(epi)",
        "release" => "->release",
        "free" => "file_free(file); alloc_empty_file() takes the slot",
        "rcu_wait" => "a grace period begins",
        "rcu_over" => "  and is over",
        "rcu_free" => "file_free_rcu(); the slot is another file's",
        _ => "",
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    (fix, file_rcu): (Fix, bool),
    sought: &'static [&'static str],
) -> Scenario {
    const TASKS: &[&str] = &["add", "close"];
    let make = move || PathCheck::new(fix, file_rcu);
    Scenario {
        describe,
        sought,
        locals: vec![Locals::new("seen", TASKS, 0), Locals::new("mine", TASKS, false)],
        ..Scenario::new(name, about, Cast::new(TASKS, make))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "ep-list-unpinned",
            "a head is listed without its file, and files are type-stable",
            (Fix::Unpinned, false),
            &["SameFile"],
        ),
        scenario(
            "ep-list-file-rcu",
            "the same where files are freed by RCU",
            (Fix::Unpinned, true),
            &["Left"],
        ),
        scenario(
            "ep-list-pinned",
            "a head is listed with a reference to its file",
            (Fix::Pinned, false),
            &[],
        ),
    ]
}
