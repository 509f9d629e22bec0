//! Panics of the explored code, which are findings.
//!
//! The hook notes a panic where it happens, with the steps that led there; the unwinding that follows may go through
//! destructors for which the engine has no execution any more.

use super::play::Book;
use core::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::prelude::v1::*;
use std::sync::Once;
use std::thread_local;

thread_local! {
    static BOOK: RefCell<Option<Book>> = const { RefCell::new(None) };
}

/// Runs `f`; a panic in it is entered into the book, and `None` returned.
pub(super) fn noted<R>(book: &Book, f: impl FnOnce() -> R) -> Option<R> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            let book = BOOK.with_borrow(Clone::clone);
            match book {
                Some(book) => note(&book, info),
                None => others(info),
            }
        }));
    });
    BOOK.set(Some(book.clone()));
    let done = catch_unwind(AssertUnwindSafe(f));
    BOOK.set(None);
    done.ok()
}

fn note(book: &Book, info: &PanicHookInfo<'_>) {
    let said = info.payload_as_str().unwrap_or("a panic with something that is no text");
    let first = said.lines().next().unwrap_or_default();
    let place =
        info.location().map(|at| format!(" ({}:{})", super::explored::short(at.file()), at.line()));
    let detail = format!("{first}{}", place.unwrap_or_default());
    {
        let mut notes = book.notes();
        if notes.stopped {
            // Unwinding from the first.
            return;
        }
        if let Some(why) = super::engine::limit(said) {
            notes.cut_off.get_or_insert(why);
        } else {
            notes.stopped = true;
            drop(notes);
            enter(book, super::engine::property(said), detail);
        }
    }
    #[cfg(any(graceref_loom, graceref_shuttle))]
    crate::sync::model::stop();
}

#[cfg(any(graceref_loom, graceref_shuttle))]
use super::play::ended as enter;

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
fn enter(book: &Book, property: &str, detail: String) {
    let finding = super::Finding { detail, pass: book.pass, steps: Vec::new() };
    book.find(property, finding);
}
