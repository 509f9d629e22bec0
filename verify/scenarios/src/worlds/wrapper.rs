//! A buffer object of a graphics driver, and the dma-buf that wraps it.
//!
//! Spec: `spec/Wrapper.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::CasCount;
use graceref::sync::model::violated;
use lifetimes::FileGhosts;
use lifetimes::counts::{AtomicLong, FCount};
use lifetimes::wrapper::{Fix, Object};
use lockstep::value::Value;

impl<C: FCount> World for Object<C> {
    fn run(&self, _: usize) {
        self.export_use_close();
    }

    fn show(&self, show: &mut Show) {
        let (mutex, dma_buf, object, exported, finished) = self.raw();
        let ghosts: Vec<FileGhosts> = self.raw_files().map(lifetimes::file::File::ghosts).collect();
        let which = |is: fn(&FileGhosts) -> bool| {
            Value::set((1_i64..).zip(&ghosts).filter(|(_, g)| is(g)).map(|(number, _)| number))
        };
        // What is not exported yet has no file.
        let count = |(number, count): (u32, i64)| if number <= exported { count } else { 0 };
        let counts = (1..).zip(self.raw_files().map(lifetimes::file::File::raw_f_count));
        show.is("mutex", mutex);
        show.is("dma_buf", i64::from(dma_buf));
        show.is("f_count", Value::seq(counts.map(count)));
        show.is("object", i64::from(object));
        show.is("exported", i64::from(exported));
        show.is("died", which(|g| g.died));
        show.is("released", Value::seq(ghosts.iter().map(|g| i64::from(g.released))));
        show.is("freed", which(|g| g.freed));
        show.is("gone", which(|g| g.gone));
        show.is("finished", i64::from(finished));
        show.is("uaf", self.raw_uaf() || ghosts.iter().any(|g| g.uaf));
    }

    fn at_end(&self) {
        let (_, dma_buf, object, exported, finished) = self.raw();
        let ended = |g: FileGhosts| g.released == 1 && g.gone && g.freed;
        let files = self.raw_files().take(exported as usize);
        let all = files.map(lifetimes::file::File::ghosts).all(ended);
        if dma_buf != 0 || object != 0 || finished != 1 || !all {
            violated(
                "NothingLeft",
                format_args!(
                    "at the end the object has {object} references and remembers {dma_buf}, freed {finished} times"
                ),
            );
        }
    }
}

fn scenario<C: FCount>(
    name: &'static str,
    about: &'static str,
    fix: Fix,
    sought: &'static [&'static str],
) -> Scenario {
    const E: &[&str] = &["exporter", "exporter2"];
    Scenario {
        describe,
        sought,
        crowd: Some(Cast::new(&["exporter", "exporter2", "exporter3"], move || {
            Object::<C>::new(fix, 3)
        })),
        locals: vec![
            Locals::new("w", E, 0),
            Locals::new("seen", E, 0),
            Locals::new("mine", E, false),
        ],
        ..Scenario::new(name, about, Cast::new(E, move || Object::<C>::new(fix, 2)))
    }
}

/// TTM's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "exp_object_get" => "ttm_prime_handle_to_fd(): ttm_base_object_lookup()",
        "exp_lock" | "rel_lock" => "mutex_lock(&prime->mutex)",
        "exp_unlock" | "rel_unlock" => "mutex_unlock(&prime->mutex)",
        "exp_load" => "prime->dma_buf; none: dma_buf_export()",
        "exp_get_load" => "get_dma_buf_unless_doomed(): read f_count",
        "exp_get_cas" => "cmpxchg f_count, not from zero",
        "exp_get" => "get_file(dma_buf->file)",
        "exp_remember" => "prime->dma_buf = dmabuf",
        "exp_object_put" | "rel_object_put" | "exp_handle_put" => "ttm_base_object_unref()",
        "exp_use" => "the descriptor is used",
        "exp_put" => "close(2): fput(file)",
        "rel_release" => "__fput(): ->release",
        "rel_forget" => "dma_buf_release(), ttm_prime_dmabuf_release(): prime->dma_buf = NULL",
        "rel_dput" => "kfree(dma_buf)",
        "rel_free" => "file_free(file)",
        _ => "",
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario::<CasCount>(
            "wrapper-mutex",
            "lookup, export and the wrapper's release share prime->mutex, as in TTM",
            Fix::Mutex,
            &["Another"],
        ),
        scenario::<AtomicLong>(
            "wrapper-unlocked",
            "lookup and export do without the mutex",
            Fix::Unlocked,
            &["NoUseAfterFree", "OneWrapper"],
        ),
        scenario::<AtomicLong>(
            "wrapper-get",
            "the lookup's get does not look at the count",
            Fix::Get,
            &["NoResurrect"],
        ),
        scenario::<CasCount>(
            "wrapper-file-first",
            "__fput frees the struct file before the dentry, as up to 2013",
            Fix::FileFirst,
            &["NoUseAfterFree"],
        ),
    ]
}
